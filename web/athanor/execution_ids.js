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

/** The nodes that an execution id names, from the outermost subgraph to the node itself; empty if there is none. */
export function pathOf(id) {
  let graph = root();
  const path = [];
  for (const part of String(id).split(":")) {
    const node = graph?.getNodeById(Number(part)) ?? graph?.getNodeById(part);
    if (!node) return [];
    path.push(node);
    graph = node.subgraph;
  }
  return path;
}

/** The node with an execution id, or null. */
export function nodeOf(id) {
  return pathOf(id).at(-1) ?? null;
}

/** The execution id of a node; null if it is in no graph of the open workflow. */
export function idOf(wanted) {
  for (const [node, id] of allNodes()) if (node === wanted) return id;
  return null;
}
