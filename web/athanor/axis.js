// XYZ Axis of type "widget of the graph": the list of widgets to choose from, read from the open graph.

import { app } from "../../../scripts/app.js";
import { idOf } from "./execution_ids.js";
import { extend } from "./extend.js";
import { isLinked, sourcesOf, targetsOf } from "./links.js";

const KIND = "AthanorXYZAxis";
const TYPE = "widget of the graph";
const COMPARING = ["AthanorXYZCompare", "AthanorXYZPlan"];
const PORTS = ["model", "clip", "vae", "latent"]; // their inputs that lead to nodes with widgets to vary
const PLAIN = ["INT", "FLOAT", "BOOLEAN", "STRING", "COMBO"];
const MUTED = 2; // modes of nodes that do not run
const BYPASSED = 4;
const axes = new Set();

/** The nodes that compare by an axis, directly or behind other axis nodes. */
function comparingNodes(axis) {
  const seen = new Set([axis]);
  const waiting = [axis];
  const result = [];
  while (waiting.length) {
    for (const node of targetsOf(waiting.pop())) {
      if (seen.has(node)) continue;
      seen.add(node);
      (COMPARING.includes(node.comfyClass) ? result : waiting).push(node);
    }
  }
  return result;
}

/** All nodes that feed these inputs of a node (default: all inputs), directly or not; they are added to `result`. */
function addSources(node, result, names = null) {
  for (const source of sourcesOf(node, names)) {
    if (result.has(source)) continue;
    result.add(source);
    addSources(source, result);
  }
}

/** The nodes that an axis's comparison gets its models from; null if the axis is not connected to one. */
function comparedNodes(axis) {
  const comparing = comparingNodes(axis);
  if (!comparing.length) return null;
  const result = new Set();
  for (const node of comparing) addSources(node, result, PORTS);
  return result;
}

/** Names of a node's widgets that can be varied: plain values that come from no link. */
function variedWidgets(node) {
  const data = node.constructor?.nodeData;
  const isOff = node.mode === MUTED || node.mode === BYPASSED;
  if (!data || isOff || node.comfyClass?.startsWith("Athanor")) return [];
  const inputs = { ...data.input?.required, ...data.input?.optional };
  const isPlain = (name) => {
    const type = inputs[name.split(".")[0]]?.[0]; // "a.b" is widget b of the choice made in a
    return Array.isArray(type) || PLAIN.includes(type) || (type && name.includes("."));
  };
  return (node.widgets ?? []).map((widget) => widget.name).filter((name) => isPlain(name) && !isLinked(node, name));
}

/** `Title (id).widget` for every widget of a graph that can be varied, in its subgraphs too; `accept` chooses nodes. */
function listWidgets(graph, prefix, accept = () => true) {
  return (graph?.nodes ?? []).filter(accept).flatMap((node) => {
    const id = `${prefix}${node.id}`;
    if (node.subgraph) return listWidgets(node.subgraph, `${id}:`);
    return variedWidgets(node).map((name) => `${node.title || node.comfyClass} (${id}).${name}`);
  });
}

/** Widgets that an axis can vary: of the nodes before its comparison, or of the whole graph where it has none. */
export function choices(axis) {
  const compared = axis.graph && comparedNodes(axis);
  const path = idOf(axis) ?? "";
  const prefix = path.slice(0, path.lastIndexOf(":") + 1);
  const result = compared ? listWidgets(axis.graph, prefix, (node) => compared.has(node)) : [];
  return result.length ? result : listWidgets(app.rootGraph ?? app.graph, "");
}

/** Show the field `widget` of an XYZ Axis with the type for it only, and fill its list. */
function addList(node) {
  const type = node.widgets?.find((one) => one.name === "type");
  const widget = node.widgets?.find((one) => one.name === "widget");
  if (!type || !widget) return;
  const fill = () => {
    // The value of a saved workflow stays in the list, also if its node is gone.
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
  axes.add(fill);
  extend(type, "callback", show);
  extend(node, "onRemoved", () => axes.delete(fill));
  extend(node, "onConfigure", () => {
    fill();
    show();
  });
  fill();
  setTimeout(show, 0);
}

app.registerExtension({
  name: "Athanor.Axis",
  nodeCreated(node) {
    if (node.comfyClass === KIND) addList(node);
  },
  /** The host has just put its own list into the fields. */
  refreshComboInNodes() {
    for (const fill of axes) fill();
  },
});
