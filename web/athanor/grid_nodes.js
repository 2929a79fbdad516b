// The settings of a grid in the graph: XYZ Compare or XYZ Plan, and the axis nodes in front of it.

import { app } from "../../../scripts/app.js";
import { setWidget, widgetOf } from "./extend.js";
import { freePlace } from "./graph.js";
import { isLinked, slotOf, targetsOf } from "./links.js";
import { heightOf } from "./node_height.js";
import { showInVue } from "./preset_nodes.js";
import { asOneStep } from "./undo_step.js";

export const COMPARING = ["AthanorXYZCompare", "AthanorXYZPlan"];
export const AXES = ["AthanorXYZAxis", "AthanorLoRARunAxis", "AthanorXYZModelAxis", "AthanorXYZZip"];
const GAP = 60; // pixels between a new axis and what it leads to
const isLink = (value) => Array.isArray(value);

const sourceAt = (node, port) => {
  const slot = slotOf(node, port);
  return slot < 0 ? null : (node.getInputNode?.(slot) ?? null);
};

/** The axis nodes in front of a node, directly or not. */
function axesBefore(node, found = new Set()) {
  for (const { name } of node.inputs ?? []) {
    const source = sourceAt(node, name);
    if (!source || found.has(source) || !AXES.includes(source.comfyClass)) continue;
    found.add(source);
    axesBefore(source, found);
  }
  return found;
}

/** Puts the settings of one grid into a node. */
class Placing {
  constructor(grid, node) {
    this.grid = grid;
    this.node = node;
    this.made = new Map(); // id in the grid -> its node in the graph
    this.added = [];
  }

  /** Give a node the settings of one of the grid, and the axes that lead to it. */
  fill(node, id) {
    this.made.set(id, node);
    for (const [name, value] of Object.entries(this.grid.nodes[id].inputs)) {
      if (isLink(value)) this.connect(node, name, String(value[0]));
      else if (!isLinked(node, name)) this.set(node, name, value);
    }
  }

  set(node, name, value) {
    const widget = widgetOf(node, name);
    const isNew = this.added.includes(node);
    if (!widget || (widget.value === value && !isNew)) return;
    setWidget(node, name, value, isNew);
    showInVue(node, widget);
  }

  connect(node, port, id) {
    const slot = slotOf(node, port);
    const { class_type: kind } = this.grid.nodes[id] ?? {};
    if (slot < 0 || !AXES.includes(kind)) return;
    const there = sourceAt(node, port);
    const isOwn =
      there?.comfyClass === kind && targetsOf(there).length === 1 && ![...this.made.values()].includes(there);
    const source = this.made.get(id) ?? (isOwn ? there : this.add(kind, node));
    if (!source) return;
    if (!this.made.has(id)) this.fill(source, id);
    if (source !== there) source.connect(0, node, slot);
  }

  /** A new node to the left of the one that it leads to. */
  add(kind, before) {
    const node = window.LiteGraph.createNode(kind);
    if (!node) return null;
    const { graph } = before;
    graph.add(node);
    const boxes = graph.nodes.filter((other) => other !== node);
    const sizes = boxes.map((other) => ({ pos: other.pos, size: [other.size[0], heightOf(other)] }));
    node.pos = freePlace([before.pos[0] - node.size[0] - GAP, before.pos[1]], node.size, sizes);
    this.added.push(node);
    const run = sourceAt(this.node, "run");
    const slot = kind === "AthanorLoRARunAxis" ? slotOf(node, "run") : -1;
    if (run && slot >= 0) run.connect(this.node.getInputLink(slotOf(this.node, "run")).origin_slot, node, slot);
    return node;
  }

  place() {
    const before = axesBefore(this.node);
    this.fill(this.node, this.grid.node);
    for (const port of ["x", "y", "z", "w"]) {
      const isWanted = isLink(this.grid.nodes[this.grid.node].inputs[port]);
      if (!isWanted && AXES.includes(sourceAt(this.node, port)?.comfyClass)) {
        this.node.disconnectInput(slotOf(this.node, port));
      }
    }
    const removed = [];
    for (let left = -1; left !== removed.length; ) {
      left = removed.length;
      for (const axis of before) {
        if (removed.includes(axis) || targetsOf(axis).length) continue;
        removed.push(axis);
        axis.graph.remove(axis);
      }
    }
    return { added: this.added, removed };
  }
}

/**
 * Put the settings of a grid into XYZ Compare or XYZ Plan, with the axis nodes that they need; those that lead nowhere
 * then are taken away. One step of undo. Returns the nodes that were {added, removed}.
 */
export const placeGrid = (grid, node) => asOneStep(() => new Placing(grid, node).place());

/** The node of the open graph that compares: the selected one, else the first; a new one in the middle of the view. */
export function comparingNode() {
  const { graph, selectedItems, visible_area: area } = app.canvas;
  const nodes = [...(selectedItems ?? []), ...graph.nodes];
  const found = nodes.find((node) => COMPARING.includes(node.comfyClass));
  if (found) return found;
  const node = window.LiteGraph.createNode(COMPARING[0]);
  const [x, y, width, height] = area ?? [0, 0, 800, 600];
  node.pos = freePlace([x + width / 2 - 150, y + height / 2 - 200], node.size, graph.nodes);
  graph.add(node);
  return node;
}
