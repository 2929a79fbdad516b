// "All values" of XYZ Axis: every name that an axis of its type can have, one a line.

import { app } from "../../../scripts/app.js";
import { choices } from "./axis.js";
import { ask } from "./dialog.js";
import { idOf } from "./execution_ids.js";
import { setWidget, widgetOf } from "./extend.js";
import { get, post } from "./http.js";
import { showBriefly } from "./toast.js";
import { asOneStep } from "./undo_step.js";
import { t } from "./words.js";

const WIDGET = "widget of the graph";
const MANY = 30; // values that are filled in without a question

/** All values of a widget of the graph, by its full name as the list of XYZ Axis has it; none for numbers and texts. */
function valuesOfWidget(axis) {
  const full = String(widgetOf(axis, "widget")?.value ?? "");
  if (!choices(axis).includes(full)) return null;
  const [, id, name] = /\(([\d:]+)\)\.(.+)$/.exec(full) ?? [];
  const widget = nodeAt(String(id).split(":"))?.widgets?.find((one) => one.name === name);
  if (typeof widget?.value === "boolean") return ["true", "false"];
  const values = widget?.options?.values;
  const listed = typeof values === "function" ? values(widget) : values;
  return Array.isArray(listed) ? listed.map(String) : [];
}

/** The node at a path of ids through subgraphs. */
function nodeAt(path, graph = app.rootGraph ?? app.graph) {
  const node = graph?.nodes?.find((one) => String(one.id) === path[0]);
  return path.length > 1 ? nodeAt(path.slice(1), node?.subgraph ?? null) : node;
}

/** A sentence with the pictures of the comparison behind an axis that has so many values; "" if they cannot be told. */
async function picturesOf(axis, values) {
  try {
    const { output } = await app.graphToPrompt();
    const body = { graph: output, node: idOf(axis) ?? "", values };
    const { pictures, exact } = await post("/axis/pictures", body);
    const count = pictures.toLocaleString();
    return exact
      ? t("With the other axes that makes {count} pictures.", { count })
      : t("With the other axes that makes at least {count} pictures.", { count });
  } catch {
    return ""; // the graph is not whole yet
  }
}

/** Fill in all values of an axis's type; asks first if they are many. */
export async function fillAll(node) {
  const type = String(widgetOf(node, "type")?.value ?? "");
  let names;
  try {
    names = type === WIDGET ? valuesOfWidget(node) : (await get(`/axis/names?${new URLSearchParams({ type })}`)).names;
  } catch (error) {
    return showBriefly(error.message);
  }
  if (widgetOf(node, "type")?.value !== type) return; // another one was chosen meanwhile
  if (!names) return showBriefly(t("Choose the widget first."));
  if (!names.length) {
    return showBriefly(t("An axis of type {type} has no list of names: write its values.", { type }));
  }
  if (names.length > MANY) {
    const title = t("Fill in {count} values?", { count: names.length });
    const lines = [await picturesOf(node, names.length), t("Patterns such as my_lora-* take a part of them.")];
    if (!(await ask(title, { lines, action: t("Fill in") }))) return;
  }
  asOneStep(() => setWidget(node, "values", names.join("\n")));
}
