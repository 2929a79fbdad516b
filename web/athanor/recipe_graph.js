// The graph of a recipe: its nodes in a new tab, with their values and links, in groups and columns.

import { app } from "../../../scripts/app.js";
import { setWidget, widgetOf } from "./extend.js";
import { showFirst } from "./first_view.js";
import { layOut } from "./lay_out.js";
import { slotOf } from "./links.js";
import { heightOf } from "./node_height.js";
import { showInVue } from "./preset_nodes.js";
import { t } from "./words.js";

const BLANK = {
  last_node_id: 0,
  last_link_id: 0,
  nodes: [],
  links: [],
  groups: [],
  config: {},
  extra: {},
  version: 0.4,
};
const SCREEN = [950, 610]; // pixels that a small window leaves for the graph
const COLOR = "#7ba3bb"; // of groups
const NARROW = 256; // pixels: a node is no narrower
const BROAD = 460; // and no wider because of its texts alone
const ROOM = 60; // pixels left below nodes in which something may be said
const [MISSING, MORE] = [110, 40]; // and below those whose file is not here: for one, and for each further one
const TOLD = new Set(["AthanorDatasetLoader", "AthanorXYZAxis", "AthanorLoRARunAxis"]);
const FOOT = 36; // pixels that a Vue node has more than on the canvas: its pack's name, the button for what is advanced
const LINE = 4; // and for each of its widgets
const NOTE = "MarkdownNote";
const NOTES = ".comfy-markdown-content, .comfy-markdown .tiptap"; // what shows a note's text in either renderer
const [AIR, LEADING, LETTER] = [24, 20, 6]; // pixels: around a note's text, of a line, and of a letter on average
const NOTE_WIDTH = 290;
const FRAMES = 8; // until Vue nodes are as high as what is in them

async function frames(count) {
  for (let left = count; left; left -= 1) await new Promise(requestAnimationFrame);
}

/** A name for a tab that no workflow has: the host would open that one in its place. */
function freeName(wanted) {
  const name = (wanted || t("Recipe")).replaceAll(/[/\\]/g, "_");
  const all = app.extensionManager.workflow?.workflows ?? [];
  const taken = new Set(all.map(({ path }) => path.replace(/^.*\//, "").toLowerCase()));
  let free = name;
  for (let number = 2; taken.has(`${free}.json`.toLowerCase()); number += 1) free = `${name} (${number})`;
  return free;
}

/** Throw where this ComfyUI lacks a kind of node. */
function checkKinds(rows) {
  const lacking = rows.find(({ type }) => !window.LiteGraph.registered_node_types[type]);
  if (lacking) throw new Error(t("This ComfyUI has no node {type}: update it.", { type: lacking.type }));
}

/** Make the nodes with their values; Map of the recipe's id -> node. */
function addNodes(rows, graph) {
  const made = new Map();
  for (const { id, type, title, inputs } of rows) {
    const node = window.LiteGraph.createNode(type);
    const own = [node.title, node.constructor.nodeData?.display_name, type];
    if (title && !own.includes(title)) node.title = title; // the host's own title is in the page's language
    graph.add(node);
    made.set(id, node);
    for (const [name, value] of Object.entries(inputs)) {
      if (Array.isArray(value)) continue;
      const widget = widgetOf(node, name);
      const before = widget?.value;
      setWidget(node, name, value, true);
      if (!widget) continue;
      widget.value = value; // the host has rounded it, to steps that are meant for typing
      if (String(before) !== String(value)) showInVue(node, widget);
    }
  }
  return made;
}

function connect(rows, made) {
  for (const { id, inputs } of rows) {
    for (const [name, value] of Object.entries(inputs)) {
      if (!Array.isArray(value)) continue;
      const [from, slot] = value;
      made.get(from)?.connect(slot, made.get(id), slotOf(made.get(id), name));
    }
  }
}

/** Pixels that the text of the only note takes; where it is not drawn, as many as it may. */
function noteHeight(node, width) {
  const text = document.querySelector(NOTES);
  const last = text?.lastElementChild?.getBoundingClientRect();
  if (last?.height)
    return (last.bottom + text.scrollTop - text.getBoundingClientRect().top) / app.canvas.ds.scale + AIR;
  const letters = width / LETTER;
  const lines = String(node.widgets?.[0]?.value ?? "").split("\n");
  return LEADING * lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 1);
}

/** Pixels of a node as either renderer draws it, without its title: on the canvas it is not known how Vue nodes do. */
function tallest(node) {
  const height = node.computeSize()[1];
  if (window.LiteGraph.vueNodesMode) return Math.max(height, heightOf(node));
  const rows = (node.widgets ?? []).filter((widget) => !widget.hidden && !widget.advanced);
  return height + FOOT + LINE * rows.length;
}

/** The titles of groups in the page's language. */
const groupWords = () => ({
  "Model": t("Model"),
  "Pictures": t("Pictures"),
  "Settings": t("Settings"),
  "Training": t("Training"),
  "Pick the epoch": t("Pick the epoch"),
});

/** Pixels that a node gets, and as many as it may need: [width, height, height in either renderer]. */
function sizeOf(node) {
  const [width, height] = node.computeSize();
  if (node.type === NOTE) {
    const high = Math.max(height, noteHeight(node, NOTE_WIDTH));
    return [NOTE_WIDTH, high, high];
  }
  return [Math.max(NARROW, Math.min(width, BROAD)), height, tallest(node)];
}

/** The groups as `layOut` takes them, with the sizes that nodes have now. `open`: answers that are not given. */
function groupsOf(rows, made, open) {
  const groups = new Map();
  for (const { id, type, group, column } of rows) {
    const [width, , height] = sizeOf(made.get(id));
    const asks = open.filter(({ node, value }) => node === id && value).length;
    const room = Math.max(asks && MISSING + MORE * (asks - 1), TOLD.has(type) ? ROOM : 0);
    if (!groups.has(group)) groups.set(group, []);
    const columns = groups.get(group);
    columns[column] ??= [];
    columns[column].push({ id, width, height, room });
  }
  const words = groupWords();
  return [...groups].map(([title, columns]) => ({ title: words[title] ?? title, columns: columns.filter(Boolean) }));
}

/** Give nodes and groups their places; called again once nodes have their heights. */
function place(rows, made, graph, open) {
  const laid = layOut(groupsOf(rows, made, open), SCREEN);
  for (const { id } of rows) {
    const node = made.get(id);
    const [width, height] = sizeOf(node);
    node.pos = [...laid.places.get(id)];
    node.setSize([width, height]);
  }
  for (const group of [...graph.groups]) graph.remove(group);
  for (const { title, pos, size } of laid.groups) {
    const group = new window.LiteGraph.LGraphGroup(title);
    Object.assign(group, { pos, size, color: COLOR });
    graph.add(group);
  }
}

/** The nodes that are to be seen first: those that ask for something, and those of the first two groups. */
function firstOf(rows, made, open) {
  const titles = [...new Set(rows.map(({ group }) => group))].slice(0, 2);
  return rows
    .filter(({ id, group }) => open.some(({ node }) => node === id) || titles.includes(group))
    .map(({ id }) => made.get(id));
}

/**
 * The nodes of the answer, whose note tells what is left to choose alone, counted from 1: with another number Markdown
 * begins no list behind a line of text.
 */
function withoutDone(rows, answers) {
  const open = new Set(answers.filter(({ isOpen }) => isOpen).map(({ text }) => text));
  const done = answers.map(({ text }) => text).filter((text) => !open.has(text));
  const unmarked = (line) => line.replaceAll(/\\([^a-zA-Z0-9\s])/g, "$1"); // Markdown's marks are escaped
  const isLeft = (line) => !done.some((text) => unmarked(line).endsWith(text));
  const numbered = (lines) => {
    let number = 0;
    return lines.map((line) => line.replace(/^\d+(?=\. )/, () => (number += 1)));
  };
  const left = (text) => numbered(String(text).split("\n").filter(isLeft)).join("\n");
  return rows.map((row) => (row.type === NOTE ? { ...row, inputs: { text: left(row.inputs.text) } } : row));
}

/**
 * Open a new tab with the graph of a recipe, which undo empties as one step. `rows`: the nodes of the server's answer;
 * `answers`: to its questions, as `Questions` gives them. Throws an Error with a sentence.
 */
export async function makeGraph({ name, rows: all, answers }) {
  checkKinds(all);
  const rows = withoutDone(all, answers);
  const open = answers.filter(({ isOpen }) => isOpen);
  await app.loadGraphData(structuredClone(BLANK), true, true, freeName(name));
  const { graph } = app.canvas;
  const tracker = app.extensionManager.workflow?.activeWorkflow?.changeTracker;
  tracker?.beforeChange();
  try {
    const made = addNodes(rows, graph);
    for (const { node, input, value } of answers) setWidget(made.get(node), input, value, true);
    connect(rows, made);
    for (const count of [FRAMES, 2]) {
      place(rows, made, graph, open);
      showFirst(graph, firstOf(rows, made, open));
      await frames(count); // what is shown gets its height
    }
    return [...made.values()];
  } finally {
    app.canvas.setDirty(true, true);
    tracker?.afterChange();
  }
}
