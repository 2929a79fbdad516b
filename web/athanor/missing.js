// Files, folders and choices that a workflow names and this computer lacks are said in its nodes, before it is queued.

import { app } from "../../../scripts/app.js";
import { notice, noticed } from "./notice.js";
import { GraphQuestion, onGraphChange } from "./open_graph.js";
import { told } from "./sentences.js";

const WHO = "missing";

/** Show the sentences in their nodes; they are gone from all others. */
function show(texts) {
  for (const node of noticed(WHO)) if (!texts.has(node)) notice(WHO, node, []);
  for (const [node, lines] of texts) notice(WHO, node, lines.map(told));
}

const question = new GraphQuestion({ path: "/missing", isOurs: (kind) => String(kind).startsWith("Athanor"), show });

/** Ask what the open graph lacks, and show it. Returns the sentences in the page's language, by node. */
export async function check() {
  const texts = (await question.ask()) ?? new Map();
  return new Map([...texts].map(([node, lines]) => [node, lines.map(told)]));
}

app.registerExtension({
  name: "Athanor.Missing",
  setup() {
    // Only where something is said, it may be mended now, in the graph or on the disk.
    onGraphChange(() => noticed(WHO).length && question.soon(true));
  },
  afterConfigureGraph: () => question.soon(true),
});
