// The live chart on the Train LoRA node, in both renderers.

import { app } from "../../../scripts/app.js";
import { idOf, nodeOf } from "./execution_ids.js";
import { addBox, extend } from "./extend.js";
import { isLinked } from "./links.js";
import { fitContent } from "./node_height.js";
import { keepPictures } from "./own_pictures.js";
import { Panel } from "./panel.js";
import * as sidebar from "./sidebar.js";
import * as store from "./store.js";
import { t } from "./words.js";

const KIND = "AthanorTrainLoRA";
const HEIGHT = 330; // pixels of the panel at least: the chart with hints and a row of samples
const [NARROW, MORE] = [300, 40]; // pixels of a node whose texts take more lines, and of what they take
const WIDTH = 340; // pixels of a node that has to become higher for it
const OFFER_INTERVAL = 30_000; // ms between two updates of file lists during a run that saves often
const panels = new Map(); // node -> its panel
const queuedNames = new WeakMap(); // node -> names under which this page has queued it

/** The panel of a Train LoRA node; undefined for other nodes. */
export const panelOf = (node) => panels.get(node);

/** The node's output_name; null if it is linked, because then the page does not know its value. */
function nameOf(node) {
  if (isLinked(node, "output_name")) return null;
  return plain(node.widgets?.find((widget) => widget.name === "output_name")?.value ?? "");
}

/** A name as the server takes it: without blanks around it and the ending of the file. */
const plain = (name) =>
  String(name)
    .trim()
    .replace(/(\.safetensors)+$/i, "")
    .trimEnd();

/** The id of the open workflow, which its runs know. */
const workflowId = () => String((app.rootGraph ?? app.graph)?.id ?? "");

/** Whether the node's output_name is one that somebody has chosen: any workflow may have trained under its default. */
function isChosen(node, name) {
  const { input } = node.constructor.nodeData ?? {};
  const [, options] = input?.optional?.output_name ?? input?.required?.output_name ?? [];
  return name !== options?.default;
}

/** Show the run on a node's panel that it trains now, or the newest that it has trained: see `store.find`. */
async function showNewest(node) {
  const panel = panels.get(node);
  const name = nameOf(node);
  replacePanels();
  if (!panel || !name || panel.run?.live) return;
  try {
    const where = { node: idOf(node), workflow: workflowId() };
    const id = await store.find({ name, isChosen: isChosen(node, name), ...where });
    if (nameOf(node) === name && !panel.run?.live) panel.follow(id);
  } catch (error) {
    panel.say(t("The runs cannot be read: {why}", { why: error.message }));
  }
}

/**
 * Panels of removed nodes as [panel, number of its node], the newest last. A node that moves into a subgraph is created
 * again under its number, and Vue nodes may still show the element of the old one.
 */
const retired = [];

function retire(panel, id) {
  retired.push([panel, id]);
  if (retired.length > 50) retired.shift();
  new ResizeObserver(replacePanels).observe(panel.element);
}

/** Put the panels of nodes that exist in the places of those of nodes that do not. */
function replacePanels() {
  const exists = (node) => Boolean(node.graph?.nodes?.includes(node));
  const orphans = [...panels].filter(([node]) => !exists(node)).map(([node, panel]) => [panel, String(node.id)]);
  for (const [old, id] of [...retired, ...orphans]) {
    if (!old.element.isConnected) continue;
    const isHeir = ([node, panel]) => String(node.id) === id && exists(node) && !panel.element.isConnected;
    const heir = [...panels].find(isHeir);
    if (heir) old.element.replaceWith(heir[1].element);
  }
}

/** What the node reported at its end, without file and hash (the first two lines) and probe losses; of no run, all. */
function resultText(output) {
  if (!output?.athanor_run) return output?.text?.[0] ?? "";
  const lines = (output?.text?.[0] ?? "").split("\n").slice(2);
  return lines.filter((line) => !line.startsWith("probe ")).join(" ");
}

/** Take the host's text off the node: the panel tells the run's result. */
function dropText(node) {
  const widget = node.widgets.find((one) => one.name === "$$node-text-preview");
  if (!widget) return;
  node.removeWidget(widget);
  app.canvas?.setDirty(true, true);
}

/** Add a panel to a Train LoRA node. */
function addPanel(node) {
  const isOwn = (training) => training.workflow_id === workflowId() && training.node === idOf(node);
  const panel = new Panel(isOwn);
  panels.set(node, panel);
  const widget = addBox(node, "athanor_live", "ATHANOR_LIVE", panel.element, {
    getMinHeight: () => HEIGHT + (node.size[0] < NARROW ? MORE : 0),
  });
  // A run that waits in the queue keeps the name that it was queued with.
  const names = new Set();
  queuedNames.set(node, names);
  widget.afterQueued = () => names.add(nameOf(node) ?? "");
  fitContent(node, WIDTH);
  // The host would draw previews below the panel, which shows the samples; the newest page draws old ones as well.
  node.onDrawBackground = undefined;
  extend(node, "onExecuted", (output) => {
    keepPictures(node, output); // the loss curve for clients; the panel draws it already
    if (output?.athanor_run?.[0]) panel.follow(output.athanor_run[0]);
    panel.showResult(resultText(output));
    dropText(node);
  });
  extend(node, "onRemoved", () => {
    panel.release();
    panels.delete(node);
    retire(panel, String(node.id));
  });
  const name = node.widgets.find((one) => one.name === "output_name");
  if (name) {
    extend(name, "callback", () => {
      clearTimeout(panel.timer);
      panel.timer = setTimeout(() => showNewest(node), 400);
    });
  }
  setTimeout(() => showNewest(node), 0); // the host sets the widgets' values after this
}

/** Whether a run that a broadcast tells of is the node's: not that of a node with its number in another workflow. */
function isOf(node, { workflow_id, name }) {
  if (workflow_id && workflow_id !== workflowId()) return false;
  const now = nameOf(node);
  const [told, asked] = [plain(name), queuedNames.get(node)];
  // A Sweep trains the node under its name with what differs behind it, from outside of a subgraph, too.
  const isSwept = workflow_id && told.startsWith(`${now}_`);
  return now === null || now === told || asked.has(told) || isSwept;
}

store.listen((message) => {
  replacePanels();
  const node = nodeOf(message.node);
  const panel = node && panels.get(node);
  if (panel && isOf(node, message)) panel.follow(message.run_id);
});

let offeredAt = 0;
let offerTimer = 0;

/** Make all Load LoRA nodes list new files, at once or at a time in ms. */
export function offerFiles(at = Date.now()) {
  clearTimeout(offerTimer);
  const update = async () => {
    offeredAt = Date.now();
    // reloadNodeDefs shows the user no message, refreshComboInNodes of older hosts does.
    await (app.reloadNodeDefs ? app.reloadNodeDefs() : app.refreshComboInNodes());
  };
  offerTimer = setTimeout(update, Math.max(100, at - Date.now()));
}

store.listen(({ kind, why }) => {
  const isScheduled = ["epoch", "step"].includes(why);
  if (kind === "checkpoint") offerFiles(isScheduled ? offeredAt + OFFER_INTERVAL : Date.now());
  if (kind === "ended") offerFiles();
});

app.registerExtension({
  name: "Athanor.Live",
  setup() {
    sidebar.register(app, offerFiles);
  },
  nodeCreated(node) {
    if (node.comfyClass === KIND) addPanel(node);
  },
  loadedGraphNode(node) {
    if (panels.has(node)) fitContent(node, WIDTH); // workflows from before the panel, or made by hand, leave none
  },
});
