// XYZ Axis of type "widget of the graph": the list of widgets to choose from, out of the open graph.

import { app } from "../../../scripts/app.js";

const KIND = "AthanorXYZAxis",
  TYPE = "widget of the graph";
const TAKERS = ["AthanorXYZCompare", "AthanorXYZPlan"],
  PORTS = ["model", "clip", "vae", "latent"];
const PLAIN = ["INT", "FLOAT", "BOOLEAN", "STRING", "COMBO"];
const axes = new Set();

const linkOf = (graph, id) => (id == null ? null : (graph.links?.get?.(id) ?? graph.links?.[id] ?? null));

/** The nodes that a comparison behind this axis gets its models from; null if it is not connected to one. */
function before(axis) {
  const { graph } = axis,
    seen = new Set([axis]),
    waiting = [axis],
    takers = [];
  while (waiting.length) {
    for (const output of waiting.pop().outputs ?? []) {
      for (const id of output.links ?? []) {
        const link = linkOf(graph, id),
          node = link && graph.getNodeById(link.target_id);
        if (!node || seen.has(node)) continue;
        seen.add(node);
        (TAKERS.includes(node.comfyClass) ? takers : waiting).push(node);
      }
    }
  }
  if (!takers.length) return null;
  const found = new Set();
  const climb = (node, names) => {
    for (const input of node.inputs ?? []) {
      const link = (!names || names.includes(input.name)) && linkOf(graph, input.link),
        source = link && graph.getNodeById(link.origin_id);
      if (source && !found.has(source)) {
        found.add(source);
        climb(source);
      }
    }
  };
  for (const taker of takers) climb(taker, PORTS);
  return found;
}

/** All nodes of a graph with their execution ids, those in subgraphs included. */
function* nodesOf(graph, path = "") {
  for (const node of graph?.nodes ?? []) {
    yield [node, `${path}${node.id}`];
    if (node.subgraph) yield* nodesOf(node.subgraph, `${path}${node.id}:`);
  }
}

function linked(node, name) {
  return node.inputs?.some((input) => (input.widget?.name ?? input.name) === name && input.link != null);
}

/** `Title (id).widget` for every widget that can be varied, those behind the axis's comparison only where it has one. */
export function choices(axis) {
  const wanted = axis.graph && before(axis);
  const path = [...nodesOf(app.rootGraph ?? app.graph)].find(([node]) => node === axis)?.[1] ?? "";
  const prefix = path.includes(":") ? path.slice(0, path.lastIndexOf(":") + 1) : "";
  const found = [];
  const list = (graph, ids, all) => {
    for (const node of graph?.nodes ?? []) {
      if (!all && !wanted.has(node)) continue;
      const id = `${ids}${node.id}`;
      if (node.subgraph) {
        list(node.subgraph, `${id}:`, true);
        continue;
      }
      const data = node.constructor?.nodeData;
      if (!data || node.comfyClass?.startsWith("Athanor") || node.mode === 2 || node.mode === 4) continue;
      const known = { ...data.input?.required, ...data.input?.optional };
      for (const widget of node.widgets ?? []) {
        const name = widget.name,
          type = known[name.split(".")[0]]?.[0];
        if (!(Array.isArray(type) || PLAIN.includes(type) || (type && name.includes("."))) || linked(node, name))
          continue;
        found.push(`${node.title || node.comfyClass} (${id}).${name}`);
      }
    }
  };
  if (wanted) list(axis.graph, prefix, false);
  if (!found.length) list(app.rootGraph ?? app.graph, "", true);
  return found;
}

function equip(node) {
  const type = node.widgets?.find((w) => w.name === "type"),
    widget = node.widgets?.find((w) => w.name === "widget");
  if (!type || !widget) return;
  const fill = () => {
    // What a workflow holds stays in the list, whatever has become of its node.
    widget.options.values = () => [...new Set([...(widget.value ? [widget.value] : []), ...choices(node)])];
  };
  const show = () => {
    const hidden = type.value !== TYPE;
    if (widget.hidden === hidden) return;
    widget.hidden = hidden;
    widget.options.hidden = hidden;
    node.setSize?.([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
    app.canvas?.setDirty(true, true);
  };
  const changed = type.callback;
  type.callback = function () {
    changed?.apply(this, arguments);
    show();
  };
  const entry = { fill, show };
  axes.add(entry);
  const removed = node.onRemoved;
  node.onRemoved = function () {
    removed?.apply(this, arguments);
    axes.delete(entry);
  };
  const configured = node.onConfigure;
  node.onConfigure = function () {
    configured?.apply(this, arguments);
    fill();
    show();
  };
  fill();
  setTimeout(show, 0);
}

app.registerExtension({
  name: "Athanor.Axis",
  nodeCreated(node) {
    if (node.comfyClass === KIND) equip(node);
  },
  refreshComboInNodes() {
    for (const axis of axes) axis.fill();
  }, // the host has just put its own list there
});
