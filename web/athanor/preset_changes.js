// What a preset would change, node by node: old and new value of each setting, each with a box to leave it out.

import { make } from "./dom.js";
import { settingText } from "./format.js";
import { t } from "./words.js";

/** "7 settings of 4 nodes" */
export function counted(rows) {
  const settings = rows.length;
  const nodes = new Set(rows.map((row) => row.title)).size;
  const all = settings === 1 ? t("1 setting") : t("{settings} settings", { settings });
  return nodes === 1 ? t("{all} of 1 node", { all }) : t("{all} of {nodes} nodes", { all, nodes });
}

/** What was set, in words: "rank 16 → 32, alpha 8 → 16 and 5 more". */
export function inShort(rows, most = 4) {
  const parts = rows.slice(0, most).map((row) => `${row.label} ${settingText(row.before)} → ${settingText(row.after)}`);
  const rest = rows.length - most;
  const text = parts.join(", ");
  return rest > 0 ? t("{text} and {count} more", { text, count: rest }) : text;
}

export class ChangesTable {
  /** `changed` is called when a box is ticked or cleared. */
  constructor(changed) {
    this.changed = changed;
    this.boxes = []; // [row, its box]
    this.element = make("div", { class: "changes" });
  }

  /** The rows that are ticked. */
  get chosen() {
    return this.boxes.filter(([, box]) => box.checked).map(([row]) => row);
  }

  /** Show rows as `changesOf` gives them, and notes below. */
  show(rows, notes) {
    this.boxes = [];
    const titles = [...new Set(rows.map((row) => row.title))];
    const bodies = titles.map((title) =>
      this.part(
        title,
        rows.filter((row) => row.title === title),
      ),
    );
    const head = make(
      "tr",
      {},
      [t("Setting"), t("Now"), t("Preset")].map((text) => make("th", { scope: "col" }, text)),
    );
    const table = make("table", {}, make("thead", {}, head), bodies);
    const none = make("p", { class: "athanor-empty" }, t("Nothing would change: all of it is set like this."));
    const lines = notes.map((text) => make("p", { class: "athanor-empty" }, text));
    this.element.replaceChildren(...(rows.length ? [table] : notes.length ? [] : [none]), ...lines);
  }

  part(title, rows) {
    const all = make("input", { type: "checkbox", "aria-label": t("All of {node}", { node: title }) });
    const head = make("th", { colspan: 3, scope: "rowgroup" }, make("label", {}, all, title));
    const lines = rows.map((row) => this.line(row));
    const boxes = this.boxes.slice(-rows.length).map(([, box]) => box);
    const follow = () => {
      const open = boxes.filter((box) => !box.disabled);
      all.disabled = !open.length;
      all.checked = open.length > 0 && open.every((box) => box.checked);
      all.indeterminate = !all.checked && open.some((box) => box.checked);
    };
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked && !box.disabled;
      this.changed();
    });
    for (const box of boxes) {
      box.addEventListener("change", () => {
        follow();
        this.changed();
      });
    }
    follow();
    return make("tbody", {}, make("tr", { class: "node" }, head), lines);
  }

  line(row) {
    const box = make("input", { type: "checkbox", checked: !row.isLinked, disabled: row.isLinked });
    this.boxes.push([row, box]);
    const before = row.isLinked ? t("linked: stays") : settingText(row.before);
    return make(
      "tr",
      {},
      make("td", {}, make("label", {}, box, row.label)),
      make("td", { class: "before" }, before),
      make("td", { class: "after" }, row.isLinked ? "" : settingText(row.after)),
    );
  }
}
