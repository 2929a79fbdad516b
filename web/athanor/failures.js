// Why a graph was refused or failed: our nodes' sentences, in the node and as a message, until it is mended or runs
// again. The host says "This node threw an error during execution", and has the sentence two clicks away.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { pathOf } from "./execution_ids.js";
import { linksInto } from "./links.js";
import { check } from "./missing.js";
import { panelOf } from "./node.js";
import { notice } from "./notice.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const WHO = "failure";
const MOST = 3; // messages at once; each stays until it is closed or mended
const LONGEST = 600; // letters of a message; the node shows all
const failures = new Map(); // execution id -> { node, inputs, isRefused, close }; no close: it has no message
let closeNote = () => {}; // the message that is about no node

/** Show a message at the edge of the page that stays. Returns a function that takes it away. */
function message(summary, text) {
  const detail = text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
  const { toast } = app.extensionManager;
  if (toast.dismiss) {
    const id = toast.error(summary, { description: detail }); // frontends from 1.5x on
    return () => toast.dismiss(id);
  }
  const shown = { severity: "error", summary, detail };
  toast.add(shown);
  return () => toast.remove(shown);
}

const titleOf = (node) => node.title || node.type;

/** What a node's own inputs are: as soon as they are others, its sentence may not be true any more. */
function inputsOf(node) {
  const values = (node.widgets ?? []).filter((widget) => widget.serialize !== false).map((widget) => widget.value);
  return JSON.stringify([values, linksInto(node)]);
}

function showIn(node, texts) {
  const panel = panelOf(node);
  if (panel) panel.fail(texts.join("\n"));
  else notice(WHO, node, texts);
}

function forget(id) {
  const failure = failures.get(id);
  if (!failure) return;
  failures.delete(id);
  failure.close?.();
  showIn(failure.node, []);
}

function fail(id, kind, texts, isRefused) {
  forget(id);
  const path = pathOf(id);
  const node = path.at(-1);
  const text = texts.join("\n");
  if (node?.comfyClass !== kind) {
    message(window.LiteGraph.registered_node_types[kind]?.title ?? kind, text); // of another workflow than the open one
    return;
  }
  const shown = [...failures.values()].filter((one) => one.close).length;
  const close = shown < MOST ? message(path.map(titleOf).join(" › "), text) : null;
  failures.set(id, { node, inputs: inputsOf(node), isRefused, close });
  showIn(node, texts);
}

/** The sentence of a failed node; what is no sentence of ours says what kind of error it is. */
function sentenceOf({ exception_message: text, exception_type: type }) {
  const sentence = told(String(text ?? "").trim());
  if (type?.startsWith("athanor.")) return sentence;
  return sentence ? `${type}: ${sentence}` : String(type);
}

/** The sentences against a refused node; the host puts the input's name in front. */
function sentencesOf({ errors }) {
  return errors.map(({ message: what, details, extra_info: more }) => {
    const name = more?.input_name;
    return told(details?.startsWith(`${name} - `) ? details.slice(name.length + 3) : details || what);
  });
}

const isOurs = (kind) => String(kind).startsWith("Athanor");

/** Show what an answer to a queued graph says against our nodes, in place of what the last one said. */
function refused(nodes) {
  for (const [id, { isRefused }] of failures) if (isRefused && !nodes[id]) forget(id);
  for (const [id, node] of Object.entries(nodes)) {
    if (isOurs(node.class_type)) fail(id, node.class_type, sentencesOf(node), true);
  }
}

/** The host looks at no input of a graph that has no output, so what is wrong with ours is asked for here. */
async function withoutOutputs() {
  if (!app.graph.nodes.some((node) => isOurs(node.comfyClass))) return;
  const lacking = [...(await check())].map(([node, texts]) => `${titleOf(node)}: ${texts.join(" ")}`);
  const what = t(
    "Nothing in this graph shows or saves anything: connect the buckets to Train LoRA, or a picture to Preview Image.",
  );
  closeNote = message("Athanor", [what, ...lacking].join("\n"));
}

/** Forget what is said of nodes that are changed, or gone. */
function mended() {
  for (const [id, { node, inputs }] of failures) {
    if (pathOf(id).at(-1) !== node || inputsOf(node) !== inputs) forget(id);
  }
}

/** Look at each answer to a queued graph. */
function watchAnswers() {
  const { queuePrompt } = api;
  api.queuePrompt = async (...values) => {
    closeNote();
    closeNote = () => {};
    try {
      const answer = await queuePrompt.apply(api, values);
      refused(answer?.node_errors ?? {});
      return answer;
    } catch (error) {
      refused(error.response?.node_errors ?? {});
      if (error.response?.error?.type === "prompt_no_outputs") withoutOutputs().catch(() => {});
      throw error;
    }
  };
}

app.registerExtension({
  name: "Athanor.Failures",
  setup() {
    watchAnswers();
    api.addEventListener("execution_error", ({ detail }) => {
      const { node_id: id, node_type: kind } = detail;
      if (isOurs(kind)) fail(String(id), kind, [sentenceOf(detail)], false);
    });
    api.addEventListener("executing", ({ detail }) => forget(String(detail)));
    api.addEventListener("execution_cached", ({ detail }) => {
      for (const id of detail.nodes) forget(String(id));
    });
    api.addEventListener("graphChanged", mended);
    for (const kind of ["input", "change"]) document.addEventListener(kind, () => setTimeout(mended), true);
  },
  afterConfigureGraph: mended,
});
