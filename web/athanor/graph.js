// What the sidebar does to the open graph: open a run's workflow, add an axis with its files.

import { t } from "./words.js";

/** Move a box of `size` down from `at` until it covers no node. */
export function freePlace([x, y], [width, height], nodes) {
  const covers = (node) =>
    node.pos[0] < x + width &&
    node.pos[0] + node.size[0] > x &&
    node.pos[1] - 40 < y + height && // the title lies above it
    node.pos[1] + node.size[1] + 40 > y;
  for (let node = nodes.find(covers); node; node = nodes.find(covers)) y = node.pos[1] + node.size[1] + 41;
  return [x, y];
}

/**
 * Open the workflow of a run in a new tab, or its queued graph if no workflow was saved. Throws an Error with a
 * sentence for the user.
 */
export async function openWorkflow(app, run) {
  const name = run.summary?.title ?? run.id;
  let graph;
  try {
    graph = await run.graph();
    if (graph.workflow) {
      await app.loadGraphData(graph.workflow, true, true, t("{name} (run)", { name }).replaceAll("/", "_"));
    } else if (graph.prompt) {
      await app.loadApiJson(graph.prompt, name.replaceAll("/", "_"));
      await app.extensionManager?.command?.execute?.("Comfy.Canvas.FitView"); // its nodes lie outside of the view
    }
  } catch (error) {
    throw new Error(t("The workflow cannot be opened: {why}", { why: error.message }));
  }
  if (!graph.workflow && !graph.prompt) throw new Error(t("No workflow was saved with this run."));
}

/** Add a LoRA Run Axis with these files of a run (none: all) to the open graph. Returns whether that was possible. */
export function addAxis(app, run, files = []) {
  const node = window.LiteGraph?.createNode("AthanorLoRARunAxis");
  if (!node) return false;
  const { graph, visible_area: area } = app.canvas;
  const [x, y, width, height] = area ?? [0, 0, 800, 600];
  node.pos = freePlace([x + width / 2 - 150, y + height / 2 - 100], node.size, graph.nodes);
  graph.add(node);
  const set = (name, value) => {
    const widget = node.widgets?.find((one) => one.name === name);
    if (widget) widget.value = value;
  };
  set("source", run.id);
  if (files.length) {
    const epochs = files.map((file) => (file.kind === "last" ? "last" : String(file.finished ?? file.epoch)));
    set("epochs", [...new Set(epochs)].join(", "));
    set("include_final", epochs.includes("last"));
  }
  app.canvas.selectNode(node);
  const [right, bottom] = [node.pos[0] + node.size[0], node.pos[1] + node.size[1]];
  if (right > x + width || bottom > y + height) app.canvas.centerOnNode(node); // the free place was below what is seen
  app.canvas.setDirty(true, true);
  return true;
}
