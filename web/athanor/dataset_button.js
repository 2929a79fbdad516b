// The button that opens the dataset page, on the nodes that have a dataset.

import { app } from "../../../scripts/app.js";
import { openNode } from "./dataset.js";
import { addButton } from "./extend.js";
import { idOf } from "./execution_ids.js";
import { fitContent } from "./node_height.js";
import { showBriefly } from "./toast.js";
import { t } from "./words.js";

const KINDS = new Set(["AthanorDatasetLoader", "AthanorBucketer", "AthanorDatasetDoctor"]);

/** The selected node that has a dataset, or else the first one of the graph that is open. */
function datasetNode() {
  const nodes = [...app.canvas.selectedItems, ...(app.canvas.graph?.nodes ?? [])];
  return nodes.find((node) => KINDS.has(node.comfyClass));
}

function openDataset() {
  const node = datasetNode();
  if (node) return openNode(app, idOf(node));
  showBriefly(t("There is no Dataset Loader, Bucketer or Dataset Doctor in this graph."));
}

app.registerExtension({
  name: "Athanor.Dataset",
  commands: [{ id: "Athanor.OpenDataset", label: "Open dataset", icon: "pi pi-images", function: openDataset }],
  nodeCreated(node) {
    if (!KINDS.has(node.comfyClass)) return;
    const tooltip = t("Pictures with captions, crops and buckets, tags with counts, and the Dataset Doctor's findings");
    const onclick = () => openNode(app, idOf(node));
    addButton(node, "athanor_dataset", { label: t("Open dataset"), tooltip, onclick });
  },
  loadedGraphNode(node) {
    if (KINDS.has(node.comfyClass)) fitContent(node);
  },
});
