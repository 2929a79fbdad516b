// What a Sweep will train, or what is wrong with its text, said in its node before anything is queued.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { onFilesChange } from "./dataset_line.js";
import { nodeOf } from "./execution_ids.js";
import { fitContent } from "./node_height.js";
import { notice, noticed } from "./notice.js";
import { GraphQuestion, onGraphChange } from "./open_graph.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const KIND = "AthanorSweep";
const PLAN = "plan"; // who says what will be trained
const WRONG = "sweep"; // who says what is wrong
const [LINE, LETTER, EDGES] = [18, 6.6, 20]; // pixels: of a line of text, of a letter, above and below the text
const MOST = 7; // lines

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

/** Make room for what a Sweep tells while it trains: the host's text shows two lines, on a node that is no higher. */
function makeRoom(node, text) {
  const widget = node.widgets?.find((one) => one.name === "$$node-text-preview");
  if (!widget?.options) return;
  const letters = Math.max(10, (node.size[0] - 60) / LETTER); // of a line
  const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
  const height = Math.min(MOST, lines) * LINE + EDGES;
  widget.options.getMinHeight = () => height;
  fitContent(node);
}

api.addEventListener("progress_text", ({ detail }) => {
  const node = nodeOf(detail?.nodeId);
  if (node?.comfyClass !== KIND) return;
  telling.set(detail.nodeId, node);
  setTimeout(() => makeRoom(node, detail.text), 0); // after the host
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
