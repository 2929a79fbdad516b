// Presets: the button on the nodes that they fill in, and the command that opens their list.

import { app } from "../../../scripts/app.js";
import { addButton } from "./extend.js";
import { fitContent } from "./node_height.js";
import { open } from "./preset_dialog.js";
import { TRAIN } from "./preset_nodes.js";
import { showBriefly } from "./toast.js";
import { t } from "./words.js";

const KINDS = new Set([TRAIN, "AthanorNetworkConfig", "AthanorOptimizerConfig"]);
const FOLD = "athanor_advanced"; // the line that shows advanced settings belongs to the settings above it

/** The selected node that presets fill in, or else the first Train LoRA of the graph that is open. */
function presetNode() {
  const selected = [...app.canvas.selectedItems].find((node) => KINDS.has(node.comfyClass));
  return selected ?? app.canvas.graph?.nodes?.find((node) => node.comfyClass === TRAIN);
}

function openPresets() {
  const node = presetNode();
  if (node) return open(node);
  showBriefly(t("There is no Train LoRA in this graph."));
}

/** Put a widget without a value right behind those that have one, where the page saves no place for it. */
function moveUp(node, widget) {
  const { widgets } = node;
  widgets.splice(widgets.indexOf(widget), 1);
  const place = widgets.findLastIndex((one) => one.serialize !== false) + 1;
  widgets.splice(place + (widgets[place]?.name === FOLD ? 1 : 0), 0, widget);
}

app.registerExtension({
  name: "Athanor.Presets",
  commands: [
    { id: "Athanor.OpenPresets", label: "Choose a training preset", icon: "pi pi-list", function: openPresets },
  ],
  nodeCreated(node) {
    if (!KINDS.has(node.comfyClass)) return;
    const label = t("Presets…");
    const tooltip = t("Published recipes and your own: what each would change is shown before");
    moveUp(node, addButton(node, "athanor_presets", { label, tooltip, onclick: () => open(node) }));
  },
  loadedGraphNode(node) {
    if (KINDS.has(node.comfyClass)) fitContent(node);
  },
});
