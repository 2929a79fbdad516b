// The only script of the pack that the page gets where its nodes are missing: says so, and if ComfyUI is too old.

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

/** Whether a version is older than NEEDED; "" is. */
function isOld(found) {
  const [a, b] = [found, NEEDED].map((text) => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number));
  const place = b.findIndex((number, i) => (a[i] ?? 0) !== number);
  return place >= 0 && (a[place] ?? 0) < b[place];
}

/** Why the nodes could not be loaded, in the server's words. */
async function why() {
  try {
    const { text } = await (await api.fetchApi("/athanor/why")).json();
    return `Athanor's nodes could not be loaded. ${text}`;
  } catch {
    return "Athanor's nodes could not be loaded: ComfyUI's log says why, below its name.";
  }
}

async function sentence(found) {
  if (!isOld(found)) return why();
  const there = found ? `ComfyUI ${found}` : "an older one";
  return (
    `Athanor needs ComfyUI ${NEEDED} or newer, and this is ${there}: ` +
    "update ComfyUI and start it again; until then its nodes are missing."
  );
}

app.registerExtension({
  name: "athanor.without_nodes",
  async setup() {
    const detail = await sentence(await version());
    const toast = app.extensionManager?.toast; // stays until it is closed
    if (toast) toast.add({ severity: "error", summary: "Athanor", detail });
    else app.ui.dialog.show(detail);
  },
});
