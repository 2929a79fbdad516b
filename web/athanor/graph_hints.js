// Quiet mistakes that the open graph tells before it is queued are said in their nodes: advice, and nothing is refused.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { onFilesChange } from "./dataset_line.js";
import { panelOf } from "./node.js";
import { ADVICE as WHO, notice, noticed } from "./notice.js";
import { GraphQuestion, onGraphChange } from "./open_graph.js";
import { told } from "./sentences.js";

// Without one of these there is nothing to hint at.
const STARTS = new Set(["AthanorDatasetLoader", "AthanorTrainLoRA"]);
const expecting = new Set(); // panels that show hints

/** Show the sentences in their nodes, those of Train LoRA in its panel; they are gone from all others. */
function show(texts) {
  for (const node of noticed(WHO)) if (!texts.has(node)) notice(WHO, node, []);
  const panels = new Map([...texts].map(([node, lines]) => [panelOf(node), lines]));
  for (const panel of expecting) if (!panels.has(panel)) panel.expect([]);
  expecting.clear();
  for (const [node, lines] of texts) {
    const panel = panelOf(node);
    if (panel) {
      panel.expect(lines);
      expecting.add(panel);
    } else notice(WHO, node, lines.map(told));
  }
}

const question = new GraphQuestion({ path: "/hints", isOurs: (kind) => STARTS.has(kind), show });

app.registerExtension({
  name: "Athanor.Hints",
  setup() {
    onGraphChange(() => question.soon());
    onFilesChange(() => question.soon(true));
    for (const kind of ["execution_start", "execution_success", "execution_error"]) {
      api.addEventListener(kind, () => question.soon(true)); // captions may have been written meanwhile
    }
  },
  afterConfigureGraph: () => question.soon(true),
});
