// What became of each thing that a recipe says: a table by kind, and a button for each kind that folds its part.

import { make } from "./dom.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const KINDS = ["unknown", "translated", "meaningless", "taken"]; // what needs a look comes first
const OPEN = new Set(["unknown", "translated"]); // at first
let tables = 0; // that were made, for their ids

const countWords = (kind, count) =>
  ({
    unknown: t("{count} unknown", { count }),
    translated: t("{count} translated", { count }),
    meaningless: t("{count} without meaning here", { count }),
    taken: t("{count} taken over", { count }),
  })[kind];

function row({ name, value, kind, to, why }) {
  const becomes = make("td", { class: "to" });
  if (to) becomes.append(make("span", {}, to));
  if (why) becomes.append(make("span", { class: "why" }, told(why)));
  if (kind === "taken" && !to && !why) becomes.append(t("as it is"));
  return make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "value" }, value), becomes);
}

function part(kind, lines, id) {
  const heads = [t("In the recipe"), t("Value"), kind === "meaningless" || kind === "unknown" ? t("Why") : t("Here")];
  const head = make(
    "tr",
    {},
    heads.map((text) => make("th", { scope: "col" }, text)),
  );
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, lines.map(row)));
  const title = make("h3", {}, countWords(kind, lines.length));
  return make("section", { id, class: kind, hidden: !OPEN.has(kind) }, title, table);
}

/** The lines of a reading, [{name, value, kind, to, why}], as {chips, tables}: elements. */
export function linesOf(lines) {
  tables += 1;
  const chips = make("div", { class: "chips", role: "group", "aria-label": t("What became of the recipe") });
  const parts = make("div", { class: "lines" });
  for (const kind of KINDS) {
    const found = lines.filter((line) => line.kind === kind);
    if (!found.length) continue;
    const id = `athanor-lines-${tables}-${kind}`;
    const section = part(kind, found, id);
    const fold = () => {
      section.hidden = !section.hidden;
      chip.setAttribute("aria-expanded", String(!section.hidden));
      if (!section.hidden) section.scrollIntoView({ block: "nearest" });
    };
    const state = { "aria-expanded": String(!section.hidden), "aria-controls": id };
    const chip = make(
      "button",
      { type: "button", class: kind, onclick: fold, ...state },
      countWords(kind, found.length),
    );
    chips.append(chip);
    parts.append(section);
  }
  return { chips, tables: parts };
}
