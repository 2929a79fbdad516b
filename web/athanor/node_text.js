// The result that a node tells as text stays on the node, in the page's language: pages from 1.5x on take all texts
// away when a job has ended.

import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";
import { told } from "./sentences.js";

const HOSTS = "$$node-text-preview"; // the host's widget for such a text
const OWN = ["AthanorTrainLoRA"]; // nodes with a panel that tells the result
const MOST = 200; // lines of a text that is translated; longer ones are lists
const said = new Map(); // execution id -> {node, text} of what the job that runs has told last

/** Whether the host is to show what a node has told last. */
const isKept = (node) => node?.comfyClass?.startsWith("Athanor") && !OWN.includes(node.comfyClass);

api.addEventListener("execution_start", () => said.clear());

api.addEventListener("progress_text", ({ detail }) => {
  const node = nodeOf(detail?.nodeId);
  if (isKept(node)) said.set(detail.nodeId, { node, text: detail.text });
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
