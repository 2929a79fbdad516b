// The picture at the end of a node on the canvas. The host makes the node higher while it draws it, too late for this
// drawing: the picture hangs below its node, over others, until something else is drawn.

import { app } from "../../../scripts/app.js";
import { fitContent, makeRoom, placesBefore } from "./node_height.js";

const HOSTS = "$$canvas-image-preview"; // the host's widget for it

/** Make a node, which has just got its picture, as high as what is in it; those below make room. */
function fit(node) {
  if (!node.graph || window.LiteGraph.vueNodesMode) return;
  const before = placesBefore(node.graph);
  fitContent(node);
  makeRoom(before);
  setTimeout(() => node.setDirtyCanvas(true, true), 0); // after the drawing that is under way
}

app.registerExtension({
  name: "Athanor.NodePicture",
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("Athanor")) return;
    const { addCustomWidget } = node;
    node.addCustomWidget = function (widget) {
      const added = addCustomWidget.call(this, widget);
      if (added?.name === HOSTS) fit(this);
      return added;
    };
  },
});
