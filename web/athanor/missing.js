// Files, folders and choices that a workflow names and this computer lacks are said in its nodes, before it is queued.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";
import { post } from "./http.js";
import { notice, noticed } from "./notice.js";
import { told } from "./sentences.js";

const WHO = "missing";
let timer = 0;

/** Ask the server what the open graph lacks, and show it. Returns the sentences by node. */
export async function check() {
  const texts = new Map();
  if (!app.graph?.nodes?.length) return texts;
  const { output } = await app.graphToPrompt();
  if (Object.values(output).some((node) => node.class_type.startsWith("Athanor"))) {
    for (const { node: id, text } of await post("/missing", { prompt: output })) {
      const node = nodeOf(id);
      if (node) texts.set(node, [...(texts.get(node) ?? []), told(text)]);
    }
  }
  for (const node of noticed(WHO)) if (!texts.has(node)) notice(WHO, node, []);
  for (const [node, lines] of texts) notice(WHO, node, lines);
  return texts;
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
    const mended = () => noticed(WHO).length && checkSoon();
    api.addEventListener("graphChanged", mended);
    for (const kind of ["input", "change"]) document.addEventListener(kind, mended, true);
  },
  afterConfigureGraph: checkSoon,
});
