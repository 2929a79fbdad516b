// The first screen of a workflow as we ship it: see first_view.js.

import { app } from "../../../scripts/app.js";
import { showFirst } from "./first_view.js";
import { isShipped } from "./shipped.js";

const RESTORES = "Comfy.EnableWorkflowViewRestore"; // the host's setting: whether a workflow brings its view
const FRAMES = 4; // until the host has set its own view, and Vue nodes have their heights

app.registerExtension({
  name: "Athanor.FirstScreen",
  afterConfigureGraph() {
    const { graph } = app.canvas;
    if (!isShipped(graph) || !app.extensionManager?.setting?.get(RESTORES)) return;
    // At once, too: the page notes the graph's view now, for undo and for when another tab was open. If it noted the
    // file's, this would be taken for a shipped graph once more then, and moved from where its user looks.
    showFirst(graph);
    let frames = FRAMES;
    const wait = () => {
      if (app.canvas.graph !== graph || !isShipped(graph)) return; // another one has been opened meanwhile
      frames -= 1;
      if (frames) requestAnimationFrame(wait);
      else showFirst(graph);
    };
    requestAnimationFrame(wait);
  },
});
