// Nodes of the open workflow by execution id. "3:1" is node 1 in the subgraph of node 3.

import { app } from "../../../scripts/app.js";

const root = () => app.rootGraph ?? app.graph;

/** All nodes of a graph (default: the whole workflow) as [node, execution id], those in subgraphs included. */
function* allNodes(graph = root(), prefix = "") {
  for (const node of graph?.nodes ?? []) {
    const id = `${prefix}${node.id}`;
    yield [node, id];
    if (node.subgraph) yield* allNodes(node.subgraph, `${id}:`);
  }
}

/** The node with an execution id, or null. */
export function nodeOf(id) {
  let graph = root();
  let node = null;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(Number(part)) ?? graph?.getNodeById(part);
    graph = node?.subgraph;
  }
  return node ?? null;
}

/** The execution id of a node; null if it is in no graph of the open workflow. */
export function idOf(wanted) {
  for (const [node, id] of allNodes()) if (node === wanted) return id;
  return null;
}
