// The only script of the pack that the page of a ComfyUI gets which is too old for it: says so.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const NEEDED = "0.30.0"; // as in training_core/host/host_version.py

/** ComfyUI's version; empty if it does not tell. */
async function version() {
  try {
    const stats = await (await api.fetchApi("/system_stats")).json();
    return stats.system.comfyui_version ?? "";
  } catch {
    return "";
  }
}

app.registerExtension({
  name: "athanor.too_old",
  async setup() {
    const found = await version();
    const there = found ? `ComfyUI ${found}` : "an older one";
    const text =
      `Athanor needs ComfyUI ${NEEDED} or newer, and this is ${there}: ` +
      "update ComfyUI and start it again; until then its nodes are missing.";
    const toast = app.extensionManager?.toast; // stays until it is closed
    if (toast) toast.add({ severity: "error", summary: "Athanor", detail: text });
    else app.ui.dialog.show(text);
  },
});
