// The result that a node tells as text stays on the node, in the page's language: pages from 1.5x on take all texts
// away when a job has ended. It is seen whole: on the canvas the host leaves two lines of room.

import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";
import { fitContent, makeRoom, placesBefore } from "./node_height.js";
import { told } from "./sentences.js";

const HOSTS = "$$node-text-preview"; // the host's widget for such a text
const OWN = ["AthanorTrainLoRA"]; // nodes with a panel that tells the result
const MOST = 200; // lines of a text that is translated; longer ones are lists
const said = new Map(); // execution id -> {node, text} of what the job that runs has told last

/** Whether the host is to show what a node has told last. */
const isKept = (node) => node?.comfyClass?.startsWith("Athanor") && !OWN.includes(node.comfyClass);

const LINE = 16; // pixels
const AROUND = { x: 64, y: 30 }; // pixels of a node beside the text, and of its field above and below
const pen = document.createElement("canvas").getContext("2d");

/** Lines that a text takes in so many pixels, rather too many than too few. */
function linesOf(text, width) {
  pen.font = "12px Inter, sans-serif";
  const lines = text.split("\n").map((line) => Math.max(1, Math.ceil(pen.measureText(line).width / width)));
  return lines.reduce((sum, count) => sum + count, 0);
}

/** Let a node on the canvas show its text whole; those below make room. */
function fit(node, text) {
  const field = node.widgets?.find((widget) => widget.name === HOSTS);
  if (!field?.options?.getMinHeight || window.LiteGraph.vueNodesMode || !node.graph) return;
  const height = AROUND.y + LINE * linesOf(text, Math.max(40, node.size[0] - AROUND.x));
  if (height <= field.options.getMinHeight()) return;
  field.options.getMinHeight = () => height;
  const before = placesBefore(node.graph);
  fitContent(node);
  makeRoom(before);
  node.setDirtyCanvas?.(true, true);
}

api.addEventListener("execution_start", () => said.clear());

api.addEventListener("progress_text", ({ detail }) => {
  const node = nodeOf(detail?.nodeId);
  if (!isKept(node)) return;
  said.set(detail.nodeId, { node, text: detail.text });
  setTimeout(() => fit(node, detail.text), 0); // the host makes its field first
});

/** A node's text in the page's language. */
const inWords = (text) => (text.split("\n").length > MOST ? text : told(text));

/** Show again what was taken away, or what the page says otherwise, of the nodes that are still open. */
function restore() {
  for (const [nodeId, { node, text }] of [...said]) {
    const isShown = node.widgets?.some((widget) => widget.name === HOSTS);
    if (!text || nodeOf(nodeId) !== node) continue;
    const words = inWords(text);
    if (!isShown || words !== text) api.dispatchCustomEvent("progress_text", { nodeId, text: words });
  }
  said.clear();
}

// What failed has its own sentence; the text there is only how far it had come.
for (const end of ["execution_success", "execution_interrupted"]) {
  api.addEventListener(end, () => setTimeout(restore, 0)); // after the host
}
