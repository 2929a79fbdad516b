// Which nodes a preset fills in, what would change in them, and the change itself, which undo takes back as one.

import { app } from "../../../scripts/app.js";
import { widgetOf } from "./extend.js";
import { freePlace } from "./graph.js";
import { isLinked, slotOf } from "./links.js";
import { heightOf, makeRoom, placesBefore } from "./node_height.js";
import { t } from "./words.js";

export const TRAIN = "AthanorTrainLoRA";
const GAP = 60; // pixels between a new node and Train LoRA
const DRAWN = 400; // ms after which nodes are as high as what is in them now, which belongs to the same step of undo

/** The node that an input comes from, reroutes passed by; null without a link, or from outside of its graph. */
function originOf(node, name) {
  let from = node.getInputNode?.(slotOf(node, name)) ?? null;
  while (from?.type === "Reroute") from = from.getInputNode(0);
  return from;
}

/** The Dataset Loaders that a dataset goes through on its way to a node, without those of regularization pictures. */
function loadersAbove(node, kind) {
  const found = [];
  for (let above = node; above && !found.includes(above); above = originOf(above, "dataset")) {
    if (above.comfyClass === kind) found.push(above);
  }
  return found.filter((loader) => !widgetOf(loader, "is_reg")?.value);
}

/**
 * Where the settings of each group are: Map of group name -> {nodes, foreign: title of another node that gives them,
 * canAdd: one can be made}.
 * `node`: Train LoRA, whose connected nodes are meant as well, or a config node alone. `groups`: of the server's
 * answer.
 */
export function placesOf(node, groups) {
  const places = new Map();
  for (const [name, { node: kind }] of Object.entries(groups)) {
    if (node.comfyClass === kind) places.set(name, { nodes: [node], foreign: null, canAdd: false });
    else if (node.comfyClass === TRAIN)
      places.set(name, name === "dataset" ? loaders(node, kind) : config(node, name, kind));
  }
  return places;
}

function loaders(train, kind) {
  const buckets = originOf(train, "buckets");
  return { nodes: buckets ? loadersAbove(buckets, kind) : [], foreign: null, canAdd: false };
}

function config(train, name, kind) {
  const from = originOf(train, name);
  if (from?.comfyClass === kind) return { nodes: [from], foreign: null, canAdd: false };
  const linked = isLinked(train, name);
  return { nodes: [], foreign: linked ? (from?.title ?? t("another graph")) : null, canAdd: !linked };
}

/** Whether two values of a setting are the same one. */
export function isSame(one, other) {
  if (typeof one !== "number" || typeof other !== "number") return String(one) === String(other);
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other));
}

/**
 * What a preset would change, as rows {group, node, title, field, label, before, after, isLinked}; `node` is null where
 * one would be made. `settings`: of a preset, group -> field -> value.
 */
export function changesOf(settings, places, groups) {
  const rows = [];
  for (const [group, values] of Object.entries(settings)) {
    const place = places.get(group);
    for (const node of place?.nodes ?? []) rows.push(...inNode(group, node, values));
    if (place?.canAdd) rows.push(...inNewNode(group, groups[group], values));
  }
  return rows;
}

function inNode(group, node, values) {
  const rows = [];
  for (const [field, after] of Object.entries(values)) {
    const widget = widgetOf(node, field);
    if (!widget || isSame(widget.value, after)) continue;
    const row = { group, node, title: node.title, field, label: widget.label ?? field, before: widget.value, after };
    rows.push({ ...row, isLinked: isLinked(node, field) });
  }
  return rows;
}

/** A node is made only if a setting would not be at its default: without one, Train LoRA has the defaults. */
function inNewNode(group, { node: kind, defaults }, values) {
  const title = window.LiteGraph.registered_node_types?.[kind]?.title ?? kind;
  return Object.entries(values)
    .filter(([field, after]) => !isSame(defaults[field], after))
    .map(([field, after]) => ({
      group,
      node: null,
      title: t("New: {node}", { node: title }),
      field,
      label: field,
      before: defaults[field],
      after,
      isLinked: false,
    }));
}

/** Make the changes of these rows as one step of undo, and return the nodes that they lacked and that were made. */
export function apply(rows, train, groups) {
  const made = new Map(); // group -> its new node
  const before = placesBefore(train.graph);
  const tracker = app.extensionManager.workflow?.activeWorkflow?.changeTracker;
  tracker?.beforeChange();
  try {
    for (const { group, node, field, after } of rows) {
      if (!node && !made.has(group)) made.set(group, addNode(train, group, groups[group].node));
      const target = node ?? made.get(group);
      const widget = target && widgetOf(target, field);
      if (!widget) continue;
      const was = widget.value;
      widget.value = after;
      widget.callback?.(after, app.canvas, target);
      widget.value = after; // the host has rounded it, to steps that are meant for typing
      target.onWidgetChanged?.(field, after, was, widget); // the host takes back what it found wrong with it
      if (!isSame(after, groups[group].defaults[field])) showInVue(target, widget);
    }
    app.canvas.setDirty(true, true);
  } finally {
    setTimeout(() => settled(before, [...made.values()].filter(Boolean), train, tracker), DRAWN);
  }
  return [...made.values()].filter(Boolean);
}

/** The nodes are as high as what is in them now: none covers another, and the step of undo ends. */
function settled(before, made, train, tracker) {
  try {
    makeRoom(before);
    for (const [i, node] of made.entries()) place(node, train, made.slice(i + 1));
    app.canvas.setDirty(true, true);
  } finally {
    tracker?.afterChange();
  }
}

/** Put a new node to the left of Train LoRA, where it covers no other but those that have no place yet. */
function place(node, train, unplaced = []) {
  const others = node.graph.nodes.filter((other) => other !== node && !unplaced.includes(other));
  const boxes = others.map((other) => ({ pos: other.pos, size: [other.size[0], heightOf(other)] }));
  const size = [node.size[0], heightOf(node)];
  node.pos = freePlace([train.pos[0] - size[0] - GAP, train.pos[1]], size, boxes);
}

/** Nothing that a preset has set is out of sight: Vue nodes show all advanced settings or none (see advanced.js). */
export function showInVue(node, widget) {
  if (window.LiteGraph.vueNodesMode && widget.options?.advanced) node.showAdvanced = true;
}

function addNode(train, group, kind) {
  const node = window.LiteGraph.createNode(kind);
  if (!node) return null;
  train.graph.add(node);
  place(node, train);
  node.connect(0, train, slotOf(train, group));
  return node;
}

/** The Train LoRA that a node leads to: itself, the one behind its first output, or the first one of its graph. */
export function trainOf(node) {
  if (node.comfyClass === TRAIN) return node;
  const behind = node.getOutputNodes?.(0) ?? [];
  return [...behind, ...(node.graph?.nodes ?? [])].find((other) => other.comfyClass === TRAIN) ?? null;
}

/** The file of the model that a Train LoRA trains, {ckpt_name: file} or {unet_name: file}; null if it is not known. */
export function modelFile(train) {
  const seen = new Set();
  let node = train && originOf(train, "model");
  while (node && !seen.has(node)) {
    seen.add(node);
    for (const name of ["ckpt_name", "unet_name"]) {
      const widget = widgetOf(node, name);
      if (widget?.value) return { [name]: widget.value };
    }
    node = originOf(node, "model");
  }
  return null;
}

/** What the nodes hold now, of the fields that presets set: group -> field -> value; of groups with a node. */
export function valuesOf(places, groups) {
  const found = {};
  for (const [group, { nodes }] of places) {
    if (!nodes.length) continue;
    const fields = Object.keys(groups[group].defaults).filter((field) => widgetOf(nodes[0], field));
    found[group] = Object.fromEntries(fields.map((field) => [field, widgetOf(nodes[0], field).value]));
  }
  return found;
}
