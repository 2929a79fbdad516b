// Advanced settings on the canvas, which the host hides in Vue nodes alone: a line of the node shows and hides them.
//
// Both renderers share the host's node.showAdvanced, which is saved with the workflow. What is not at its default, or
// comes from a link, stays in sight.

import { app } from "../../../scripts/app.js";
import { addButton, extend } from "./extend.js";
import { isLinked } from "./links.js";
import { t } from "./words.js";

const LINE = "athanor_advanced"; // the widget that shows and hides them
const SAVED = "athanor_advanced"; // property of a saved node: see Fold.saved
const ALWAYS = "Comfy.Node.AlwaysShowAdvancedWidgets"; // the host's setting
const GAP = 4; // pixels the host leaves between two widgets
const AWAY = -1e5; // where the dots of hidden inputs are, so that no link is dropped on one

const isAlways = () => Boolean(app.extensionManager?.setting?.get(ALWAYS));

/** The height of a widget on the canvas in pixels, as the host counts it. */
function heightOf(widget, node) {
  const height = widget.computeSize?.(node.size[0])[1] ?? widget.computeLayoutSize?.(node).minHeight;
  return (height ?? window.LiteGraph.NODE_WIDGET_HEIGHT) + GAP;
}

/** Whether two values of a widget mean the same: the page has 1 for 1.0, and "" for nothing. */
const isSame = (one, other) => String(one ?? "") === String(other ?? "");

const isCanvas = () => !window.LiteGraph.vueNodesMode;

/** The height that a Vue node was given, whatever its content needs; undefined where it cannot be seen. */
function vueHeight(node) {
  const style = document.querySelector(`[data-node-id="${node.id}"]`)?.style;
  const height = style?.getPropertyValue("--node-height") || style?.getPropertyValue("--node-height-x");
  return height ? Number.parseFloat(height) - window.LiteGraph.NODE_TITLE_HEIGHT : undefined;
}

/** What the line says. */
function lineText(isShown, count) {
  if (isShown) return count === 1 ? t("Hide 1 advanced setting") : t("Hide {count} advanced settings", { count });
  return count === 1 ? t("Show 1 advanced setting") : t("Show {count} advanced settings", { count });
}

/** The advanced widgets of one node, and which of them are out of sight. */
class Fold {
  constructor(node, widgets) {
    this.node = node;
    this.widgets = widgets;
    this.defaults = new Map(widgets.map((widget) => [widget, widget.value]));
    this.kept = new Set(); // those that have not been at their default since they were hidden last
    this.foldable = new Set(); // those that the line shows and hides
    this.hidden = new Set();
    this.isVue = false; // Vue nodes have made the node as high as it is
    this.isRestored = false; // and not yet drawn: old_workflows.js may put values right until then
    this.addLine();
    this.update(this.room());
  }

  /** The line is the first of the widgets that hold no value: below the settings, above buttons and chart. */
  addLine() {
    const { node } = this;
    const tooltip = t("Settings that a first LoRA does not need. What is not at its default stays in sight.");
    this.line = addButton(node, LINE, { tooltip, onclick: () => node.toggleAdvanced(), canvasOnly: true });
    node.widgets.splice(node.widgets.indexOf(this.line), 1);
    const place = node.widgets.findLastIndex((widget) => widget.serialize !== false) + 1;
    node.widgets.splice(place, 0, this.line);
  }

  /** Pixels of the node's height that widgets take: default those in sight. */
  room(widgets = [...this.widgets.filter((one) => !this.hidden.has(one)), ...(this.line.hidden ? [] : [this.line])]) {
    return widgets.reduce((sum, widget) => sum + heightOf(widget, this.node), 0);
  }

  /** Choose what the line shows and hides. The host's mark on a widget makes the canvas do it by node.showAdvanced. */
  mark() {
    const always = isAlways();
    for (const widget of this.widgets) {
      if (!isSame(widget.value, this.defaults.get(widget)) || isLinked(this.node, widget.name)) this.kept.add(widget);
      const isFoldable = !always && !this.kept.has(widget);
      if (isFoldable === this.foldable.has(widget)) continue;
      this.foldable[isFoldable ? "add" : "delete"](widget);
      widget.advanced = isFoldable;
    }
  }

  /**
   * Show and hide what values, links and node.showAdvanced say, in a node as much higher or lower: it had `room` pixels
   * for what was in sight. Keeps how high it is, and what of that is room. A Vue node grows with its content, and is
   * only told how high it is without advanced settings.
   */
  update(room) {
    const { node, line, foldable } = this;
    this.mark();
    this.hidden = node.showAdvanced && isCanvas() ? new Set() : new Set(foldable);
    if (line.hidden !== !foldable.size) line.hidden = !foldable.size;
    const text = lineText(node.showAdvanced, foldable.size);
    if (line.label !== text) line.label = text;
    const now = this.room();
    if (now !== room) this.resize(Math.max(isCanvas() ? node.computeSize()[1] : 0, node.size[1] + now - room));
    this.drawn = { height: node.size[1], room: now };
  }

  resize(height) {
    this.node.setSize([this.node.size[0], height]);
    app.canvas?.setDirty(true, true);
  }

  /** The canvas is about to draw the node, which is as high there as it was left there. */
  draw() {
    const { height, room } = this.drawn;
    if (this.isVue) this.resize(height);
    if (this.isRestored) this.kept.clear();
    this.isVue = this.isRestored = false;
    this.update(room);
    for (const widget of this.hidden) widget.y = AWAY;
  }

  /** Show all, or hide what is at its default now. */
  toggle() {
    const { node } = this;
    node.graph?.incrementVersion();
    if (node.showAdvanced) this.kept.clear();
    node.showAdvanced = !node.showAdvanced;
    if (isCanvas()) this.update(this.room());
  }

  /** For the workflow file: pixels of its height for line and settings; heights on the canvas and in Vue nodes. */
  saved() {
    return this.isVue ? { ...this.drawn, vue: vueHeight(this.node) } : { room: this.room() };
  }

  /** The node has got the values and the size of a saved one; before there was a line, all were in sight. */
  restored(saved = { room: this.room(this.widgets) }) {
    const { room, height } = saved;
    const given = isCanvas() ? height : saved.vue;
    this.kept.clear();
    this.isRestored = true;
    if (given) this.resize(given);
    this.isVue = Boolean(height) && !isCanvas();
    if (this.isVue) this.drawn = { height, room };
    else this.update(room);
  }
}

function fold(node) {
  const widgets = (node.widgets ?? []).filter((one) => one.options?.advanced && one.serialize !== false);
  if (!widgets.length) return;
  const state = new Fold(node, widgets);
  node.toggleAdvanced = () => state.toggle(); // the host's, in its menu, would leave the node too high
  const { arrange, computeSize, getLayoutWidgets } = node;
  // The host makes a node that it opens at least so high; a Vue node would stay so when they are hidden.
  node.computeSize = function (out) {
    const size = computeSize.call(this, out);
    if (this.showAdvanced && !isCanvas()) size[1] -= state.room([...state.foldable]);
    return size;
  };
  // The canvas does this before it draws; anyone may have changed values and links before.
  node.arrange = function () {
    if (isCanvas()) state.draw();
    return arrange.call(this);
  };
  node.getLayoutWidgets = function () {
    return getLayoutWidgets.call(this).filter((widget) => !state.hidden.has(widget));
  };
  extend(node, "onResize", () => {
    if (!isCanvas()) state.isVue = true;
  });
  extend(node, "onConfigure", (info) => state.restored(info?.properties?.[SAVED]));
  extend(node, "onSerialize", (data) => {
    data.properties = { ...data.properties, [SAVED]: state.saved() };
  });
}

app.registerExtension({
  name: "Athanor.Advanced",
  nodeCreated(node) {
    if (node.comfyClass?.startsWith("Athanor")) fold(node);
  },
});
