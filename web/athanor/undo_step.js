// Changes of the graph that undo takes back as one.

import { app } from "../../../scripts/app.js";

/** Do `work()`, which changes the graph, as one step of undo. */
export function asOneStep(work) {
  const tracker = app.extensionManager.workflow?.activeWorkflow?.changeTracker;
  tracker?.beforeChange();
  try {
    return work();
  } finally {
    app.canvas?.setDirty(true, true);
    tracker?.afterChange();
  }
}
