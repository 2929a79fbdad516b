// The ways to "Export" an open graph: a command, and the menu of a Train LoRA node.

import { app } from "../../../scripts/app.js";
import { idOf } from "./execution_ids.js";
import { openExport } from "./export_dialog.js";
import { TRAIN } from "./preset_nodes.js";
import { showBriefly } from "./toast.js";
import { t } from "./words.js";

const COMMAND = "Athanor.ExportRecipe";

/** Export what a Train LoRA node of the open graph trains by. */
async function exportNode(node) {
  const { output: prompt } = await app.graphToPrompt();
  const id = idOf(node);
  if (!(id in prompt)) return showBriefly(t("This Train LoRA is muted or bypassed: it trains nothing."));
  openExport(String(prompt[id].inputs.output_name ?? node.title), { prompt, node: id });
}

/** The selected Train LoRA, or else the first of the graph that is open. */
function exportSelected() {
  const isTraining = (node) => node.comfyClass === TRAIN;
  const node = [...app.canvas.selectedItems].find(isTraining) ?? app.canvas.graph?.nodes?.find(isTraining);
  return node ? exportNode(node) : showBriefly(t("There is no Train LoRA in this graph."));
}

app.registerExtension({
  name: "Athanor.Export",
  commands: [{ id: COMMAND, label: "Export training recipe", icon: "pi pi-file-export", function: exportSelected }],
  menuCommands: [{ path: ["File"], commands: [COMMAND] }],
  getNodeMenuItems(node) {
    if (node.comfyClass !== TRAIN) return [];
    return [{ content: t("Export recipe…"), callback: () => exportNode(node) }];
  },
});
