// Messages at the edge of the page.

import { app } from "../../../scripts/app.js";

const LONGEST = 600; // letters of a message that stays
const SECONDS = 5;

/** Show a message for some seconds. `severity`: "info" or "success". */
export function showBriefly(detail, { severity = "info", summary = "Athanor", seconds = SECONDS } = {}) {
  app.extensionManager.toast.add({ severity, summary, detail, life: seconds * 1000 });
}

/** Show an error that stays until it is closed. Returns a function that takes it away. */
export function showError(summary, text) {
  const detail = text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
  const { toast } = app.extensionManager;
  if (toast.dismiss) {
    const id = toast.error(summary, { description: detail }); // frontends from 1.5x on
    return () => toast.dismiss(id);
  }
  const shown = { severity: "error", summary, detail };
  toast.add(shown);
  return () => toast.remove(shown);
}
