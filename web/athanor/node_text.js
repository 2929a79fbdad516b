// The result that a node tells as text stays on the node: pages from 1.5x on take all texts away when a job has ended.

import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";

const HOSTS = "$$node-text-preview"; // the host's widget for such a text
const OWN = ["AthanorTrainLoRA"]; // nodes with a panel that tells the result
const said = new Map(); // execution id -> {node, text} of what the job that runs has told last

/** Whether the host is to show what a node has told last. */
const isKept = (node) => node?.comfyClass?.startsWith("Athanor") && !OWN.includes(node.comfyClass);

api.addEventListener("execution_start", () => said.clear());

api.addEventListener("progress_text", ({ detail }) => {
  const node = nodeOf(detail?.nodeId);
  if (isKept(node)) said.set(detail.nodeId, { node, text: detail.text });
});

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
