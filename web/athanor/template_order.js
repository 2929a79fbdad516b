// Our templates in an order: the host lists them as they lie on the disk, the first LoRA anywhere among the recipes.

import { api } from "../../../scripts/api.js";

const GROUP = "1 First LoRA - ";
const LEADING = ["SD1.5", "SDXL", "SD3.5", "Flux"].map((family) => GROUP + family); // what most begin with

/** Compare two names of templates: what most begin with, then by name. */
function compare(one, other) {
  const [a, b] = [one, other].map((name) => LEADING.indexOf(name) + 1 || LEADING.length + 1);
  return a - b || one.localeCompare(other, "en", { numeric: true });
}

/** `templates`: names of templates by pack, whatever its folder is called. Returns the same, ours sorted. */
function sortOurs(templates) {
  for (const names of Object.values(templates)) if (names.includes(LEADING[0])) names.sort(compare);
  return templates;
}

const read = api.getWorkflowTemplates;
if (read) api.getWorkflowTemplates = async (...values) => sortOurs(await read.apply(api, values));
