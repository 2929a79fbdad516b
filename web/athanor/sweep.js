// What a Sweep will train, or what is wrong with its text, said in its node before anything is queued.

import { app } from "../../../scripts/app.js";
import { notice, noticed } from "./notice.js";
import { GraphQuestion, onGraphChange } from "./open_graph.js";
import { told } from "./sentences.js";

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

const question = new GraphQuestion({ path: "/sweeps", isOurs: (kind) => kind === KIND, show });

app.registerExtension({
  name: "Athanor.Sweep",
  setup: () => onGraphChange(() => question.soon()),
  afterConfigureGraph: () => question.soon(true),
});
