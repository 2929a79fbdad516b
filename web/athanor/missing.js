// Files, folders and choices that a workflow names and this computer lacks are said in its nodes, before it is queued.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { make, style } from "./dom.js";
import { nodeOf } from "./execution_ids.js";
import { post } from "./http.js";

style("./missing.css");

const NAME = "athanor_missing"; // of the widget that holds the sentences
const [LINE, LETTER] = [17, 6.4]; // pixels of a line of text, and of a letter on average
const said = new Map(); // node -> its widget
let timer = 0;
let shown = "[]"; // what is said, to draw it again only if that changes

function heightOf(texts, width) {
  const letters = Math.max(10, (width - 50) / LETTER); // of a line
  return 12 + LINE * texts.reduce((lines, text) => lines + Math.ceil(text.length / letters), 0);
}

/** Make a node on the canvas higher, or lower by a negative number; a Vue node is as high as what is in it. */
function resize(node, by) {
  if (window.LiteGraph?.vueNodesMode) return;
  node.setSize([node.size[0], Math.max(node.computeSize()[1], node.size[1] + by)]);
}

function forget(node) {
  const widget = said.get(node);
  said.delete(node);
  const index = node.widgets?.indexOf(widget) ?? -1;
  if (index < 0) return;
  widget.onRemove?.();
  node.widgets.splice(index, 1);
  resize(node, -widget.athanorHeight);
}

function say(node, texts) {
  const height = heightOf(texts, node.size[0]);
  const lines = texts.map((text) => make("p", {}, text));
  const box = make("div", { class: "athanor-missing", role: "status" }, lines);
  const element = make("div", {}, box); // Vue nodes stretch it, and not the box in it
  const widget = node.addDOMWidget(NAME, "ATHANOR_MISSING", element, {
    serialize: false,
    hideOnZoom: true,
    getMinHeight: () => height,
    getMaxHeight: () => height,
    getValue: () => "",
    setValue: () => {},
  });
  Object.assign(widget, { serialize: false, athanorHeight: height }); // serialize: see node.js
  said.set(node, widget);
  resize(node, height);
}

/** Ask the server what the open graph lacks, and show it. */
async function check() {
  if (!app.graph?.nodes?.length) return;
  const { output } = await app.graphToPrompt();
  const texts = new Map();
  if (Object.values(output).some((node) => node.class_type.startsWith("Athanor"))) {
    for (const { node: id, text } of await post("/missing", { prompt: output })) {
      const node = nodeOf(id);
      if (node) texts.set(node, [...(texts.get(node) ?? []), text]);
    }
  }
  const now = JSON.stringify([...texts].map(([node, lines]) => [node.id, lines]));
  const stands = [...said.keys()].every((node) => texts.has(node) && node.widgets?.includes(said.get(node)));
  if (now === shown && stands) return;
  shown = now;
  for (const node of [...said.keys()]) forget(node);
  for (const [node, lines] of texts) say(node, lines);
  app.canvas?.setDirty(true, true);
}

/** Check soon; a server that does not answer says so elsewhere. */
function checkSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => check().catch(() => {}), 700);
}

app.registerExtension({
  name: "Athanor.Missing",
  setup() {
    // Widgets, links and nodes have changed: only where something is said, it may be mended now. The page tells
    // of what is typed into its own inputs (Vue nodes) only once they are left, so these are listened to as well.
    const mended = () => said.size && checkSoon();
    api.addEventListener("graphChanged", mended);
    for (const kind of ["input", "change"]) document.addEventListener(kind, mended, true);
  },
  afterConfigureGraph: checkSoon,
});
