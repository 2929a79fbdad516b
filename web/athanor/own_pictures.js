// Pictures of a node's result that the node shows in a place of its own.

import { app } from "../../../scripts/app.js";

/**
 * Take the pictures out of a result that the host has just handed to a node: it would draw them once more below the
 * node's widgets. Clients of the API get them as they are. Pages from 1.5x on have a copy of their own.
 */
export function keepPictures(node, output) {
  if (output) delete output.images;
  const id = node.graph?.isRootGraph === false ? `${node.graph.id}:${node.id}` : String(node.id);
  const kept = app.nodeOutputs?.[id];
  if (kept?.images) delete kept.images;
}
