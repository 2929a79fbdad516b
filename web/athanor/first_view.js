// What is seen first of a graph that was made or opened: as large as it can be, its upper left in sight, nothing below
// the page's map. The host shows the whole of it on three quarters of the window, however small that becomes.

import { app } from "../../../scripts/app.js";
import { heightOf } from "./node_height.js";

const MOST = 1; // the largest scale
const PART = 0.9; // and where a part alone is seen
const LEAST = 0.6; // the smallest that shows letters on the canvas
const STEP = 0.01;
const EDGE = 8; // pixels of the screen around what is shown
const TITLE = 30; // pixels above a node's place
const PANEL = ".graph-canvas-panel"; // where the page leaves the canvas free, but for what lies on it:
const ABOVE = ".actionbar-container, .subgraph-breadcrumb";
const COVERS = ".minimap-main-container";

const overlaps = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Whether boxes of the graph lie in `room` and under none of `covers`, if `origin` of the graph is its upper left. */
function fits(boxes, { room, covers, origin, scale }) {
  return boxes.every((box) => {
    const [left, top] = [room.left + (box.left - origin.x) * scale, room.top + (box.top - origin.y) * scale];
    const shown = { left, top, right: left + box.width * scale, bottom: top + box.height * scale };
    return shown.right <= room.right && shown.bottom <= room.bottom && !covers.some((cover) => overlaps(shown, cover));
  });
}

/**
 * The largest scale at which all `boxes` are seen; if they cannot be read then, that at which those of `parts` are, or
 * the least. `place`: room, covers and origin, as in `fits`.
 */
function scaleFor(boxes, parts, place) {
  for (const [wanted, most] of [
    [boxes, MOST],
    [parts, PART],
  ]) {
    for (let scale = most; scale >= LEAST; scale -= STEP) if (fits(wanted, { ...place, scale })) return scale;
  }
  return LEAST;
}

/** A node's box with its title. */
function boxOf(node) {
  const [[left, top], height] = [node.pos, node.flags.collapsed ? 0 : heightOf(node)];
  return { left, top: top - TITLE, width: node.size[0], height: height + TITLE };
}

/** What the page leaves of the screen: a rectangle, and what covers parts of it. */
function freePlace(canvas) {
  const rect = (element) => element.getBoundingClientRect();
  const shown = (selector) => [...document.querySelectorAll(selector)].map(rect).filter((box) => box.width);
  const { left, top, right, bottom } = rect(document.querySelector(PANEL) ?? canvas);
  const above = shown(ABOVE).filter((box) => box.bottom < (top + bottom) / 2);
  const low = Math.max(top, ...above.map((box) => box.bottom));
  return {
    room: { left: left + EDGE, top: low + EDGE, right: right - EDGE, bottom: bottom - EDGE },
    covers: shown(COVERS),
  };
}

/** What is read first. */
const notesOf = (graph) => graph.nodes.filter((node) => node.type === "MarkdownNote");

/**
 * Move the view of a graph to its upper left, as large as all nodes allow; if they cannot be read then, `parts` alone,
 * by default its notes; or as small as letters can be.
 */
export function showFirst(graph, parts = notesOf(graph)) {
  const { canvas, ds } = app.canvas;
  const boxes = graph.nodes.map(boxOf);
  const { room, covers } = freePlace(canvas);
  const places = [...graph.groups.map(({ pos: [left, top] }) => ({ left, top })), ...boxes];
  const origin = { x: Math.min(...places.map(({ left }) => left)), y: Math.min(...places.map(({ top }) => top)) };
  const scale = scaleFor(boxes, parts.map(boxOf), { room, covers, origin });
  const corner = canvas.getBoundingClientRect();
  ds.scale = scale;
  ds.offset = [(room.left - corner.left) / scale - origin.x, (room.top - corner.top) / scale - origin.y];
  app.canvas.setDirty(true, true);
}
