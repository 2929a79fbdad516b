// The button that opens the dataset page, on the nodes that have a dataset.

import { app } from "../../../scripts/app.js";
import { openNode } from "./dataset.js";
import { idOf } from "./node.js";
import { t } from "./words.js";

const KINDS = new Set(["AthanorDatasetLoader", "AthanorBucketer", "AthanorDatasetDoctor"]);

/** The selected node that has a dataset, or else the first of the graph that is open. */
function chosen() {
  const nodes = [...Object.values(app.canvas.selected_nodes ?? {}), ...(app.canvas.graph?.nodes ?? [])];
  return nodes.find((node) => KINDS.has(node.comfyClass));
}

app.registerExtension({
  name: "Athanor.Dataset",
  commands: [
    {
      id: "Athanor.OpenDataset",
      label: "Open dataset",
      icon: "pi pi-images",
      function() {
        const node = chosen();
        if (node) openNode(app, idOf(node));
        else
          app.extensionManager.toast.add({
            severity: "info",
            summary: "Athanor",
            detail: t("There is no Dataset Loader, Bucketer or Dataset Doctor in this graph."),
            life: 5000,
          });
      },
    },
  ],
  nodeCreated(node) {
    if (!KINDS.has(node.comfyClass)) return;
    const widget = node.addWidget("button", "athanor_dataset", "", () => openNode(app, idOf(node)), {
      serialize: false,
    });
    widget.label = t("Open dataset");
    widget.tooltip = t(
      "Pictures with captions, crops and buckets, tags with counts, and what the Dataset Doctor finds",
    );
    widget.serialize = false; // options.serialize: the queued graph; this: the workflow file
  },
  loadedGraphNode(node) {
    if (!KINDS.has(node.comfyClass)) return;
    const least = node.computeSize(); // files of before this button leave it no room
    if (node.size[1] < least[1]) node.setSize([node.size[0], least[1]]);
  },
});
