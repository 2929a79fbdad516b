// The live chart on the Train LoRA node, in both renderers.

import { app } from "../../../scripts/app.js";
import { Panel } from "./panel.js";
import * as sidebar from "./sidebar.js";
import * as store from "./store.js";
import { t } from "./words.js";

const KIND = "AthanorTrainLoRA",
  HEIGHT = 400;
const panels = new Map(); // node -> its panel

/** The node behind an execution id such as "3:1": node 1 in the subgraph of node 3. */
function nodeOf(id) {
  let graph = app.rootGraph ?? app.graph,
    node = null;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(Number(part)) ?? graph?.getNodeById(part);
    graph = node?.subgraph;
  }
  return node ?? null;
}

/** The execution id of a node in the open workflow; null if it is in none of its graphs. */
export function idOf(wanted, graph = app.rootGraph ?? app.graph, before = "") {
  for (const node of graph?.nodes ?? []) {
    if (node === wanted) return `${before}${node.id}`;
    const inner = node.subgraph && idOf(wanted, node.subgraph, `${before}${node.id}:`);
    if (inner) return inner;
  }
  return null;
}

/** The node's output_name; null if it is linked, for then the page does not know it. */
function nameOf(node) {
  const slot = node.inputs?.find((input) => input.widget?.name === "output_name" || input.name === "output_name");
  return slot?.link != null
    ? null
    : String(node.widgets?.find((widget) => widget.name === "output_name")?.value ?? "").trim();
}

/** Show the newest run of the node's name. */
async function look(node) {
  const panel = panels.get(node),
    name = nameOf(node);
  settle();
  if (!panel || !name) return;
  try {
    const found = await store.find(name, idOf(node));
    if (nameOf(node) === name && (found || !panel.run?.live)) panel.follow(found);
  } catch (error) {
    panel.say(t("The runs cannot be read: {why}", { why: error.message }));
  }
}

/** A node that moves into a subgraph is made anew under its number, and Vue nodes may go on showing the old one's element. */
const retired = []; // [panel, number of its node], the newest last
function retire(panel, id) {
  retired.push([panel, id]);
  if (retired.length > 50) retired.shift();
  new ResizeObserver(settle).observe(panel.element);
}

/** Put the panels of nodes that are there in the places of those that are not. */
function settle() {
  const there = (node) => Boolean(node.graph?.nodes?.includes(node));
  const copies = [...panels].filter(([node]) => !there(node)).map(([node, panel]) => [panel, String(node.id)]);
  for (const [old, id] of [...retired, ...copies]) {
    if (!old.element.isConnected) continue;
    const heir = [...panels].find(
      ([node, fresh]) => String(node.id) === id && there(node) && !fresh.element.isConnected,
    )?.[1];
    if (heir) old.element.replaceWith(heir.element);
  }
}

function equip(node) {
  const panel = new Panel();
  panels.set(node, panel);
  // A type of our own: of a type that the host knows it would draw its own widget.
  const widget = node.addDOMWidget("athanor_live", "ATHANOR_LIVE", panel.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getValue: () => "",
    setValue: () => {},
  });
  widget.serialize = false; // options.serialize: the queued graph; this: the workflow file
  const executed = node.onExecuted;
  node.onExecuted = function (output) {
    executed?.apply(this, arguments);
    if (output?.athanor_run?.[0]) panel.follow(output.athanor_run[0]);
    // The first two lines are the file and its hash; the rest is what the user should know.
    panel.tell(
      (output?.text?.[0] ?? "")
        .split("\n")
        .slice(2)
        .filter((line) => !line.startsWith("probe "))
        .join(" "),
    );
  };
  const removed = node.onRemoved;
  node.onRemoved = function () {
    removed?.apply(this, arguments);
    panel.forget();
    panels.delete(node);
    retire(panel, String(node.id));
  };
  const name = node.widgets.find((w) => w.name === "output_name");
  if (name) {
    const changed = name.callback;
    name.callback = function () {
      changed?.apply(this, arguments);
      clearTimeout(panel.waiting);
      panel.waiting = setTimeout(() => look(node), 400);
    };
  }
  setTimeout(() => look(node), 0); // its widgets get their values after this
}

store.listen((told) => {
  settle();
  const node = nodeOf(told.node),
    panel = node && panels.get(node);
  if (!panel) return;
  const name = nameOf(node);
  if (name === null || name === told.name.trim()) panel.follow(told.run_id); // else another workflow is open
});

// A saved LoRA is offered by every Load LoRA node at once; of a run that saves often, twice a minute and at its end.
let offered = 0,
  offering = 0;
export function offer(at = Date.now()) {
  clearTimeout(offering);
  offering = setTimeout(
    async () => {
      offered = Date.now();
      // The first says nothing to the user, who has not asked for it.
      await (app.reloadNodeDefs ? app.reloadNodeDefs() : app.refreshComboInNodes());
    },
    Math.max(100, at - Date.now()),
  );
}
store.listen((told) => {
  if (told.kind === "checkpoint") offer(["epoch", "step"].includes(told.why) ? offered + 30_000 : Date.now());
  if (told.kind === "ended") offer();
});

app.registerExtension({
  name: "Athanor.Live",
  setup() {
    sidebar.register(app, offer);
  },
  nodeCreated(node) {
    if (node.comfyClass === KIND) equip(node);
  },
  loadedGraphNode(node) {
    if (!panels.has(node)) return;
    // Files of before this widget, or made by hand, leave it no room.
    const least = node.computeSize();
    if (node.size[1] < least[1]) node.setSize([Math.max(node.size[0], 300), least[1]]);
  },
});
