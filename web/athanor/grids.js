// Settings of grids under a name: XYZ Compare and XYZ Plan save theirs with their axes, and take others.

import { app } from "../../../scripts/app.js";
import { make } from "./dom.js";
import { idOf } from "./execution_ids.js";
import { addButton } from "./extend.js";
import { AXES, COMPARING, placeGrid } from "./grid_nodes.js";
import { fitContent } from "./node_height.js";
import { OwnDialog } from "./own_dialog.js";
import { showBriefly } from "./toast.js";
import { t } from "./words.js";

const TOLD = ["prompts", "negative", "seeds", "strengths", "checkpoints", "sampler_name", "scheduler", "steps", "cfg"];
const LONGEST = 200; // letters of a setting that is shown

/** What axis a node of a grid makes, in a line: "LoRA strength: 0.6-1(0.1)". */
function axisText({ class_type: kind, inputs = {} }, nodes) {
  const links = Object.values(inputs).filter(Array.isArray);
  const before = links.map(([id]) => nodes[id] && axisText(nodes[id], nodes)).filter(Boolean);
  const title = window.LiteGraph.registered_node_types?.[kind]?.title ?? kind;
  const own = [inputs.type ?? title, inputs.widget, inputs.values ?? inputs.source ?? inputs.name, inputs.epochs];
  return [...before, own.filter(Boolean).join(": ")].join(" + ");
}

/** The settings of a grid as [name, text]. */
function rowsOf({ node, nodes }) {
  const inputs = nodes[node]?.inputs ?? {};
  const axes = ["x", "y", "z", "w"].filter((port) => nodes[inputs[port]?.[0]]);
  const size = inputs.width && inputs.height ? [[t("size"), `${inputs.width}x${inputs.height}`]] : [];
  const own = TOLD.filter((name) => inputs[name] !== undefined && !Array.isArray(inputs[name]) && inputs[name] !== "");
  return [
    ...axes.map((port) => [port, axisText(nodes[inputs[port][0]], nodes)]),
    ...own.map((name) => [name, String(inputs[name])]),
    ...size,
  ];
}

const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** Put the settings of a grid into a node and say what was done. */
export function takeGrid(grid, node, name) {
  const { added, removed } = placeGrid(grid, node);
  const parts = [t("{name}: the settings are in {node}.", { name, node: node.title })];
  if (added.length) parts.push(t("Added: {nodes}.", { nodes: added.map((one) => one.title).join(", ") }));
  if (removed.length) parts.push(t("Removed: {nodes}.", { nodes: removed.map((one) => one.title).join(", ") }));
  showBriefly([...parts, t("Ctrl+Z takes it back.")].join(" "), { severity: "success", seconds: 12 });
}

function openGrids(node) {
  return new OwnDialog({
    path: "/grids",
    title: t("Settings of grids"),
    takeLabel: t("Use these settings"),
    fields: ["node", "nodes"],
    search: (grid) => rowsOf(grid).flat().join(" "),
    what: (grid) =>
      rowsOf(grid)
        .filter(([name]) => name.length === 1)
        .map(([name, text]) => `${name}: ${cut(text)}`)
        .join(" · "),
    show: (grid) => [
      make(
        "table",
        {},
        rowsOf(grid).map(([name, text]) => make("tr", {}, make("td", {}, name), make("td", {}, cut(text)))),
      ),
    ],
    async content() {
      const { output } = await app.graphToPrompt();
      const id = String(idOf(node));
      const isOfGrid = ([, { class_type: kind }]) => COMPARING.includes(kind) || AXES.includes(kind);
      const nodes = Object.fromEntries(Object.entries(output).filter(isOfGrid));
      return nodes[id] ? { node: id, nodes } : null;
    },
    empty: t("The node is muted or bypassed: it has no settings."),
    take: (grid) => takeGrid(grid, node, grid.name),
  });
}

app.registerExtension({
  name: "Athanor.Grids",
  nodeCreated(node) {
    if (!COMPARING.includes(node.comfyClass)) return;
    const label = t("Grid settings…");
    const tooltip = t("Save prompts, seeds, sampler and axes under a name, and put others into this graph");
    addButton(node, "athanor_grids", { label, tooltip, onclick: () => openGrids(node) });
  },
  loadedGraphNode(node) {
    if (COMPARING.includes(node.comfyClass)) fitContent(node);
  },
});
