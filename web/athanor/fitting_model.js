// A template for a family of models begins with a checkpoint of that family, where there is one: the host takes the
// first of the list, whatever that is.

import { app } from "../../../scripts/app.js";
import { setWidget } from "./extend.js";
import { get } from "./http.js";
import { isShipped } from "./shipped.js";

const FAMILY = "athanor_family"; // property of a loader in our files
const WIDGET = "ckpt_name";
const MOST = 60; // files that are looked into: a header each

/** Names of files, those first that have the name of a family in theirs, and then a part of it: "xl" of SDXL. */
function likelyFirst(names, family) {
  const words = [family.toLowerCase(), family.toLowerCase().replace(/^sd(?=xl|\d)/, "")];
  const lacking = (name) => words.filter((word) => !name.toLowerCase().includes(word)).length;
  return [...names].sort((one, other) => lacking(one) - lacking(other));
}

/** The first file of a family; undefined if there is none. */
async function fitting(names, family) {
  for (const name of likelyFirst(names, family).slice(0, MOST)) {
    const found = await get(`/presets/family?${new URLSearchParams({ [WIDGET]: name })}`);
    if (found.family === family) return name;
  }
  return undefined;
}

async function choose(node) {
  const widget = node.widgets?.find((one) => one.name === WIDGET);
  const names = widget?.options?.values;
  if (!Array.isArray(names) || names.length < 2) return;
  const before = widget.value;
  const name = await fitting(names, node.properties[FAMILY]);
  if (name && widget.value === before) setWidget(node, WIDGET, name); // the user may have been quicker
}

app.registerExtension({
  name: "Athanor.FittingModel",
  afterConfigureGraph() {
    const { graph } = app.canvas;
    if (!isShipped(graph)) return;
    for (const node of graph.nodes) if (node.properties?.[FAMILY]) choose(node).catch(() => {}); // the list stays
  },
});
