// What is wrong with a node, in a box at its end: the sentences of all who have something to say of it.

import { app } from "../../../scripts/app.js";
import { make, style } from "./dom.js";
import { addBox, extend } from "./extend.js";
import { onGraphChange } from "./open_graph.js";

style("./notice.css");

export const ADVICE = "hint"; // who gives it
const NAME = "athanor_notice"; // of the widget that holds the sentences
const [LINE, LETTER] = [17, 6.4]; // pixels of a line of text, and of a letter on average
const [MARGIN, EDGES] = [2, 12]; // pixels: around the element, above and below the text with it
const [TITLE, GAP] = [30, 8]; // pixels: of the next node's title, and left free above it
const DRAWN = 300; // ms after which a Vue node is as high as what is in it
const found = new Map(); // node -> who says it -> sentences
const said = new Map(); // node -> its widget
const saving = new WeakSet(); // nodes that are saved as high as they are without their box

function heightOf(texts, width) {
  const letters = Math.max(10, (width - 50) / LETTER); // of a line
  return EDGES + LINE * texts.reduce((lines, text) => lines + Math.ceil(text.length / letters), 0);
}

/** How many pixels a node on the canvas can grow before it touches the next one below. */
function room(node) {
  const [x, y] = node.pos;
  const [width, height] = node.size;
  const isBelow = (other) =>
    other !== node && other.pos[1] > y && other.pos[0] < x + width && other.pos[0] + other.size[0] > x;
  const tops = node.graph.nodes.filter(isBelow).map((other) => other.pos[1] - TITLE - GAP);
  return Math.max(0, Math.min(...tops) - y - height);
}

/** Make a node on the canvas as high as its widgets need, within bounds; a Vue node is as high as what is in it. */
function resize(node, least, most = Number.POSITIVE_INFINITY) {
  if (window.LiteGraph?.vueNodesMode) return;
  node.setSize([node.size[0], Math.min(most, Math.max(least, node.computeSize()[1]))]);
}

/** What the page saves, and goes back to by undo, is the node without its box. */
function saveWithoutBox(node) {
  if (saving.has(node)) return;
  saving.add(node);
  extend(node, "onSerialize", (data) => {
    const grown = said.get(node)?.athanorGrown;
    if (grown) data.size = [data.size[0], data.size[1] - grown];
  });
}

function forget(node) {
  const widget = said.get(node);
  said.delete(node);
  const index = node.widgets?.indexOf(widget) ?? -1;
  if (index < 0) return;
  widget.onRemove?.();
  node.widgets.splice(index, 1);
  resize(node, node.size[1] - widget.athanorGrown);
}

/** A widget with the sentences, as high as all of them; `shorten(by)` leaves as many lines as there is room for. */
function addWidget(node, texts, who) {
  let height = heightOf(texts, node.size[0]);
  const lines = texts.map((text) => make("p", {}, text));
  const box = make("div", { class: "athanor-notice", role: "status", "data-who": who }, lines);
  const element = make("div", { class: "athanor-notice-place" }, box); // Vue nodes stretch it, and not the box in it
  const widget = addBox(node, NAME, "ATHANOR_NOTICE", element, {
    hideOnZoom: true,
    margin: MARGIN,
    getMinHeight: () => height,
    getMaxHeight: () => height,
  });
  // All lines are shown, upwards, under the pointer.
  const shorten = (by, from = height) => {
    height = Math.max(2 * MARGIN, from - by);
    box.style.setProperty("--lines", Math.max(1, Math.floor((height - EDGES) / LINE)));
    box.classList.add("short");
    return height;
  };
  return { widget, box, element, shorten };
}

const keyOf = (texts, who) => JSON.stringify([who, texts]);

function say(node, texts, who) {
  const [before, free] = [node.size[1], room(node)];
  const { widget, box, element, shorten } = addWidget(node, texts, who);
  Object.assign(widget, { athanorSaid: keyOf(texts, who), athanorFree: free });
  said.set(node, widget);
  saveWithoutBox(node);
  const grown = () => {
    widget.athanorGrown = Math.max(0, node.size[1] - before);
    return widget.athanorGrown;
  };
  if (window.LiteGraph?.vueNodesMode) {
    // The page draws the node, and only then it is known how high that makes it.
    setTimeout(() => {
      const lacking = said.get(node) === widget ? grown() - free : 0;
      if (lacking <= 0) return;
      element.style.height = `${shorten(lacking, box.offsetHeight)}px`;
      setTimeout(grown, DRAWN);
    }, DRAWN);
    return;
  }
  const lacking = Math.max(before, node.computeSize()[1]) - before - free;
  if (lacking > 0) shorten(lacking);
  resize(node, before, before + free);
  grown();
}

/** All sentences, and who says them: advice last, whoever was quicker, as of a short box the first line is seen. */
function inOrder(of) {
  const entries = [...of].sort(([a], [b]) => (a === ADVICE) - (b === ADVICE));
  return [[...new Set(entries.flatMap(([, texts]) => texts))], entries.map(([who]) => who).join(" ")];
}

/** What was shortened, and covers the widgets above it, is said anew where nodes were moved and leave more room now. */
function roomier() {
  for (const [node, widget] of said) {
    const isShort = widget.element?.querySelector(".short");
    if (!isShort || !node.graph || room(node) + widget.athanorGrown <= widget.athanorFree) continue;
    const told = inOrder(found.get(node));
    forget(node);
    say(node, ...told);
  }
}

onGraphChange(roomier);

/** Say in a node what `who` finds wrong with it, in place of what `who` said there before; none: nothing any more. */
export function notice(who, node, texts) {
  const of = found.get(node) ?? new Map();
  if (!node.graph)
    of.clear(); // it was removed, with all that was said in it
  else if (texts.length) of.set(who, texts);
  else of.delete(who);
  if (of.size) found.set(node, of);
  else found.delete(node);
  const [all, speakers] = inOrder(of);
  const widget = said.get(node);
  const stands = widget && node.widgets?.includes(widget);
  if (all.length ? stands && widget.athanorSaid === keyOf(all, speakers) : !widget) return;
  forget(node);
  if (all.length) say(node, all, speakers);
  app.canvas?.setDirty(true, true);
}

/** The nodes in which `who` says something. */
export function noticed(who) {
  return [...found].filter(([, of]) => of.has(who)).map(([node]) => node);
}
