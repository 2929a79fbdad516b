// Quiet mistakes that the open graph tells before it is queued are said in their nodes: advice, and nothing is refused.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";
import { post } from "./http.js";
import { panelOf } from "./node.js";
import { notice, noticed } from "./notice.js";
import { told } from "./sentences.js";

const WHO = "hint";
const PAUSE = 900; // ms after a change before the graph is looked at
// Without one of these there is nothing to hint at.
const STARTS = new Set(["AthanorDatasetLoader", "AthanorTrainLoRA"]);
let timer = 0;
let asked = 0; // the number of the last question: an answer to an older one comes too late
let answered = ""; // the graph that the last answer is about
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

/** Ask the server about the open graph. `again`: even if it has not changed, as files may have. */
async function look(again) {
  asked += 1;
  const question = asked;
  // Graphs without our nodes are left alone: what a node of another pack does when its values are read is not known.
  const mayBeOurs = app.graph?.nodes?.some((node) => STARTS.has(node.type) || node.isSubgraphNode?.());
  const { output } = mayBeOurs ? await app.graphToPrompt() : { output: {} };
  const graph = JSON.stringify(output);
  if (question !== asked || (graph === answered && !again)) return;
  const isOurs = Object.values(output).some((node) => STARTS.has(node.class_type));
  const rows = isOurs ? await post("/hints", { prompt: output }) : [];
  if (question !== asked) return;
  answered = graph;
  const texts = new Map();
  for (const { node: id, text } of rows) {
    const node = nodeOf(id);
    if (node) texts.set(node, [...(texts.get(node) ?? []), text]);
  }
  show(texts);
}

/** Look soon; a server that does not answer says so elsewhere. */
function lookSoon(again = false) {
  clearTimeout(timer);
  timer = setTimeout(() => look(again).catch(() => {}), PAUSE);
}

app.registerExtension({
  name: "Athanor.Hints",
  setup() {
    api.addEventListener("graphChanged", () => lookSoon());
    for (const kind of ["execution_start", "execution_success", "execution_error"]) {
      api.addEventListener(kind, () => lookSoon(true)); // captions may have been written meanwhile
    }
    // What is typed into the page's own inputs (Vue nodes) is a change of the graph only once they are left.
    for (const kind of ["input", "change"]) document.addEventListener(kind, () => lookSoon(), true);
  },
  afterConfigureGraph: () => lookSoon(true),
});
