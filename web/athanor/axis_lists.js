// Lists of values that users keep under a name: XYZ Axis saves its values as one, and takes one.

import { make } from "./dom.js";
import { setWidget, widgetOf } from "./extend.js";
import { OwnDialog } from "./own_dialog.js";
import { showBriefly } from "./toast.js";
import { asOneStep } from "./undo_step.js";
import { t } from "./words.js";

const SHOWN = 80; // letters of the values in the list

/** Open the lists for an XYZ Axis: those of its type first. */
export function openLists(node) {
  const type = widgetOf(node, "type")?.value;
  return new OwnDialog({
    path: "/lists",
    title: t("Lists of values"),
    takeLabel: t("Take these values"),
    filter: {
      label: t("Type"),
      options: [
        [type, type],
        ["", t("all types")],
      ],
      chosen: type,
      fits: (list, chosen) => !chosen || list.type === chosen,
    },
    fields: ["type", "values"],
    search: (list) => `${list.type} ${list.values}`,
    what: (list) => `${list.type}: ${short(list.values)}`,
    show: (list) => [make("p", { class: "source" }, list.type), make("pre", {}, list.values)],
    content() {
      const values = String(widgetOf(node, "values")?.value ?? "");
      return values.trim() ? { type: widgetOf(node, "type")?.value, values } : null;
    },
    empty: t("values is empty: write some into the node first."),
    take: (list) => take(node, list),
  });
}

function short(values) {
  const line = values
    .trim()
    .split(/\s*\n\s*/)
    .join(", ");
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}

function take(node, list) {
  asOneStep(() => {
    setWidget(node, "type", list.type);
    setWidget(node, "values", list.values);
  });
  showBriefly(t("{name}: the values are in {node}. Ctrl+Z takes it back.", { name: list.name, node: node.title }), {
    severity: "success",
  });
}
