// What a Sweep will train, or what is wrong with its text, said in its node before anything is queued.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { onFilesChange } from "./dataset_line.js";
import { nodeOf } from "./execution_ids.js";
import { notice, noticed } from "./notice.js";
import { GraphQuestion, onGraphChange } from "./open_graph.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const KIND = "AthanorSweep";
const PLAN = "plan"; // who says what will be trained
const WRONG = "sweep"; // who says what is wrong

/** Show the sentences in their nodes; they are gone from all others. */
function show(texts, rows) {
  const wrong = new Set(rows.filter((row) => row.wrong).map((row) => row.text));
  for (const who of [PLAN, WRONG]) {
    for (const node of noticed(who)) if (!texts.has(node)) notice(who, node, []);
    for (const [node, lines] of texts) {
      const own = lines.filter((line) => wrong.has(line) === (who === WRONG));
      notice(who, node, own.map(told));
    }
  }
}

api.addEventListener("progress_text", ({ detail }) => {
  const node = nodeOf(detail?.nodeId);
  if (node?.comfyClass === KIND) telling.set(detail.nodeId, node);
});
api.addEventListener("reconnected", reconnected);
for (const end of ["execution_success", "execution_interrupted", "execution_error"]) {
  api.addEventListener(end, () => telling.clear());
}

const telling = new Map(); // execution id of a Sweep that trains -> its node

/** Say that what a Sweep told is old: its server was gone. One that trains on tells it anew within seconds. */
function reconnected() {
  for (const [nodeId, node] of telling) {
    const text = t("The server was gone. If nothing happens, press Run: the sweep goes on where it was.");
    if (nodeOf(nodeId) === node) api.dispatchCustomEvent("progress_text", { nodeId, text });
  }
}

const question = new GraphQuestion({ path: "/sweeps", isOurs: (kind) => kind === KIND, show });

app.registerExtension({
  name: "Athanor.Sweep",
  setup() {
    onGraphChange(() => question.soon());
    onFilesChange(() => question.soon(true)); // steps follow from the number of pictures
    api.addEventListener("execution_start", () => question.soon(true));
  },
  afterConfigureGraph: () => question.soon(true),
});
