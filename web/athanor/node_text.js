// The result that a node tells as text stays on the node, and is not cut off: pages from 1.5x on take all texts away
// when a job has ended, and nodes on the canvas show two lines of one.

import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";
import { fitContent, makeRoom, placesBefore } from "./node_height.js";

const HOSTS = "$$node-text-preview"; // the host's widget for such a text
const OWN = ["AthanorTrainLoRA"]; // nodes with a panel that tells the result
const [LETTER, LINE, AROUND] = [5.8, 16, 40]; // pixels of a letter and of a line, and around all of them
const MOST = 14; // lines that a node has room for; a longer text can be scrolled
const said = new Map(); // execution id -> {node, text} of what the job that runs has told last

/** Whether the host is to show what a node has told last. */
const isKept = (node) => node?.comfyClass?.startsWith("Athanor") && !OWN.includes(node.comfyClass);

api.addEventListener("execution_start", () => said.clear());

api.addEventListener("progress_text", ({ detail }) => {
  const node = nodeOf(detail?.nodeId);
  if (!isKept(node)) return;
  said.set(detail.nodeId, { node, text: detail.text });
  if (!window.LiteGraph.vueNodesMode) setTimeout(() => makeLegible(node, detail.text), 0); // after the host
});

/** Make a node on the canvas as high as its text needs; one that is high enough stays as it is. */
function makeLegible(node, text) {
  const widget = node.widgets?.find(({ name }) => name === HOSTS);
  if (!widget?.options || !node.graph) return;
  const letters = Math.max(20, (node.size[0] - AROUND) / LETTER);
  const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
  if (lines < 3) return;
  const height = AROUND + LINE * Math.min(lines, MOST);
  widget.options.getMinHeight = () => height;
  const before = placesBefore(node.graph);
  fitContent(node);
  makeRoom(before);
}

/** Show again what was taken away, of the nodes that are still open. */
function restore() {
  for (const [nodeId, { node, text }] of [...said]) {
    const isShown = node.widgets?.some((widget) => widget.name === HOSTS);
    if (text && !isShown && nodeOf(nodeId) === node) api.dispatchCustomEvent("progress_text", { nodeId, text });
  }
  said.clear();
}

// What failed has its own sentence; the text there is only how far it had come.
for (const end of ["execution_success", "execution_interrupted"]) {
  api.addEventListener(end, () => setTimeout(restore, 0)); // after the host
}
