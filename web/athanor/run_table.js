// The list of runs: a table that stays quick with thousands, by making only the lines in view, and that keys can work.

import { make } from "./dom.js";
import { between, fallsFirst, KEYS } from "./run_order.js";
import { headingRow, mark, queuedRow, runRow } from "./run_row.js";
import { t } from "./words.js";

const WIDE = 560; // pixels from which on a run takes one line with all columns
const SPARE = 8; // lines made above and below those in view
const COLUMNS = ["name", "state", "when", "steps", "model", "probe", "disk"];

/** What keys do in the list. */
export const keysHelp = () =>
  t("Keys: arrows move, Space ticks, Enter opens, F2 renames, Delete moves to the trash, U undoes that");

/** The word of what the list sorts by. */
export function wordOf(key) {
  const words = {
    name: t("Name"),
    state: t("State"),
    when: t("When"),
    steps: t("Steps"),
    model: t("Base model"),
    probe: t("Probe"),
    disk: t("Disk"),
    rating: t("Rating"),
  };
  return words[key];
}

/**
 * `actions`: open(id), ticked() after the ticks have changed, remove() of the ticked runs or the one under the cursor,
 * rename(id), undo(), sort(order), takeOut(prompt_id).
 */
export class RunTable {
  constructor(actions) {
    this.actions = actions;
    this.ticks = new Set(); // ids of ticked runs
    this.lines = [];
    this.ids = []; // of the runs in their order
    this.made = new Map(); // key of a line -> its element, and what it was made of
    this.open = this.here = this.anchor = null; // id in detail, under the cursor, and where a row of ticks began
    this.order = { key: "when", falls: true };
    this.disk = {};
    this.build();
  }

  build() {
    this.head = make("div", { role: "row", class: "head" });
    this.all = make("input", {
      type: "checkbox",
      "aria-label": t("Tick all runs of the list"),
      title: t("Tick all runs of the list"),
      onchange: () => this.tickAll(this.all.checked),
    });
    this.rows = make("ul", {
      role: "rowgroup",
      class: "athanor-runs",
      onmousedown: (event) => this.pressed(event),
      onclick: (event) => this.clicked(event),
    });
    this.empty = make("p", { class: "athanor-empty" });
    const scrolled = () => this.draw();
    this.view = make("div", { class: "view", role: "presentation", onscroll: scrolled }, this.rows, this.empty);
    this.element = make(
      "div",
      {
        class: "athanor-table",
        role: "grid",
        tabindex: 0,
        "aria-label": t("Runs"),
        "aria-description": keysHelp(),
        "aria-multiselectable": "true",
        onkeydown: (event) => this.pressedKey(event),
      },
      this.head,
      this.view,
    );
    this.drawHead();
    new ResizeObserver(() => this.measure()).observe(this.element);
  }

  measure() {
    const isWide = this.element.clientWidth >= WIDE;
    if (isWide !== this.element.classList.contains("wide")) {
      this.element.classList.toggle("wide", isWide);
      this.measured = null;
    }
    this.draw();
  }

  drawHead() {
    const { key, falls } = this.order;
    const titles = { probe: t("The lowest probe, % of the loss before training"), when: t("When it was last active") };
    const columns = COLUMNS.map((name) => {
      const sort = name === key ? (falls ? "descending" : "ascending") : "none";
      const sign = name === key ? (falls ? " ▾" : " ▴") : "";
      const onclick = () => this.sortBy(name);
      return make(
        "span",
        { role: "columnheader", class: name, "aria-sort": sort },
        make("button", { type: "button", title: titles[name] ?? wordOf(name), onclick }, wordOf(name) + sign),
      );
    });
    this.head.replaceChildren(make("span", { role: "columnheader", class: "tick" }, this.all), ...columns);
  }

  setOrder(order) {
    this.order = order;
    this.element.dataset.sort = order.key;
    this.drawHead();
  }

  /** Sort by a column; by the same one the other way round. */
  sortBy(key, falls = key === this.order.key ? !this.order.falls : fallsFirst(key)) {
    if (!KEYS.includes(key)) return;
    this.setOrder({ key, falls });
    this.actions.sort(this.order);
  }

  /**
   * Show lines as `run_order.lines` gives them. `disk`: what each run takes, as far as it is known; `empty`: what is
   * said where there is no line.
   */
  show(lines, disk, empty = "") {
    this.lines = lines;
    this.empty.textContent = lines.length ? "" : empty;
    this.disk = disk;
    this.ids = lines.filter((line) => line.row).map((line) => line.row.run_id);
    this.measured = null;
    this.element.setAttribute("aria-rowcount", String(lines.length + 1));
    if (!this.ids.includes(this.here)) this.here = this.ids.includes(this.open) ? this.open : null;
    this.draw();
  }

  /** Heights of lines in pixels by kind, as the style sheet has them. */
  heights() {
    const style = getComputedStyle(this.element);
    const read = (name) => Number.parseFloat(style.getPropertyValue(name)) || 30;
    return { group: read("--group"), row: read("--row"), queued: read("--row") };
  }

  /** Where each line begins, in pixels, and where the last one ends. */
  tops() {
    if (this.measured) return this.measured;
    const heights = this.heights();
    const tops = [0];
    for (const line of this.lines) {
      tops.push(tops.at(-1) + (line.group ? heights.group : line.row ? heights.row : heights.queued));
    }
    this.measured = tops;
    return tops;
  }

  /** Make the lines in view, and leave room for the others. */
  draw() {
    const tops = this.tops();
    const { scrollTop, clientHeight } = this.view;
    const after = (place) => tops.findIndex((top) => top > place);
    const first = Math.max(0, after(Math.min(scrollTop, tops.at(-1) - 1)) - 1 - SPARE);
    const end = after(scrollTop + clientHeight);
    const last = Math.min(this.lines.length, (end < 0 ? this.lines.length : end) + SPARE);
    const before = this.made;
    this.made = new Map();
    const elements = [];
    for (let i = first; i < last; i++) elements.push(this.line(this.lines[i], i, before));
    const shown = [...this.rows.children];
    if (elements.length !== shown.length || elements.some((element, i) => element !== shown[i])) {
      this.rows.replaceChildren(...elements);
    }
    this.rows.style.paddingTop = `${tops[first]}px`;
    this.rows.style.paddingBottom = `${tops.at(-1) - tops[Math.max(first, last)]}px`;
    this.element.setAttribute("aria-activedescendant", this.here ? `athanor-run-${this.here}` : "");
    const ticked = this.ids.filter((id) => this.ticks.has(id)).length;
    this.all.checked = ticked > 0 && ticked === this.ids.length;
    this.all.indeterminate = ticked > 0 && ticked < this.ids.length;
  }

  /** The element of a line: the one before, if it was made of the same. */
  line(line, index, before) {
    const { row, queued } = line;
    const disk = row && this.disk[row.run_id];
    const key = row?.run_id ?? (queued ? `${queued.prompt_id} ${queued.node}` : line.group);
    const source = JSON.stringify([row, queued, line.count, disk]);
    const known = before.get(key);
    const element = known?.source === source ? known.element : this.makeLine(line, disk);
    this.made.set(key, { element, source });
    element.setAttribute("aria-rowindex", String(index + 2));
    if (row) {
      const id = row.run_id;
      mark(element, { ticked: this.ticks.has(id), open: id === this.open, here: id === this.here });
    }
    return element;
  }

  makeLine({ row, queued, group, count }, disk) {
    if (group) return headingRow({ group, count });
    return row ? runRow(row, disk) : queuedRow(queued, () => this.actions.takeOut(queued.prompt_id));
  }

  /** The focus stays on the table, so that keys go on working and lines can be made anew. */
  pressed(event) {
    if (event.target.closest(".queued button")) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
  }

  clicked(event) {
    const id = event.target.closest("li")?.dataset.run;
    if (!id) return;
    const isBox = event.target.type === "checkbox";
    this.here = id;
    if (event.shiftKey) this.tickTo(id);
    else if (isBox || event.ctrlKey || event.metaKey) this.tick([id], !this.ticks.has(id));
    else this.actions.open(id);
    if (!event.shiftKey) this.anchor = id;
    this.draw();
  }

  tick(ids, on) {
    for (const id of ids) {
      if (on) this.ticks.add(id);
      else this.ticks.delete(id);
    }
    this.draw();
    this.actions.ticked();
  }

  /** Untick all runs but these. */
  keepTicks(ids) {
    const kept = new Set(ids);
    for (const id of this.ticks) if (!kept.has(id)) this.ticks.delete(id);
  }

  tickAll(on) {
    this.tick(on ? this.ids : [...this.ticks], on);
  }

  /** Tick all runs from where the last tick was up to this one. */
  tickTo(id) {
    this.tick(between(this.ids, this.anchor ?? this.open ?? id, id), true);
  }

  /** Move the cursor by lines, within the list, and bring it into view. */
  moveTo(index, ticking = false) {
    if (!this.ids.length) return;
    this.here = this.ids[Math.min(this.ids.length - 1, Math.max(0, index))];
    if (ticking) this.tickTo(this.here);
    else this.anchor = this.here;
    this.bringIntoView(this.here);
    this.draw();
  }

  bringIntoView(id) {
    const index = this.lines.findIndex((line) => line.row?.run_id === id);
    if (index < 0) return;
    const tops = this.tops();
    const { scrollTop, clientHeight } = this.view;
    if (tops[index] < scrollTop) this.view.scrollTop = tops[index];
    else if (tops[index + 1] > scrollTop + clientHeight) this.view.scrollTop = tops[index + 1] - clientHeight;
  }

  pressedKey(event) {
    const inHead = this.head.contains(event.target) || event.target.closest?.(".queued button");
    if (inHead || event.altKey) return;
    const at = this.ids.indexOf(this.here);
    const page = Math.max(1, Math.floor(this.view.clientHeight / this.heights().row) - 1);
    const moves = { ArrowUp: at - 1, ArrowDown: at + 1, PageUp: at - page, PageDown: at + page };
    Object.assign(moves, { Home: 0, End: this.ids.length - 1 });
    const acts = {
      " ": () => this.here && this.tick([this.here], !this.ticks.has(this.here)),
      Enter: () => this.here && this.actions.open(this.here),
      F2: () => this.here && this.actions.rename(this.here),
      Delete: () => this.actions.remove(),
      Backspace: () => this.actions.remove(),
      Escape: () => this.tickAll(false),
      u: () => this.actions.undo(),
    };
    const isAll = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a";
    const act = isAll ? () => this.tickAll(true) : event.ctrlKey || event.metaKey ? null : acts[event.key];
    if (event.key in moves) this.moveTo(moves[event.key], event.shiftKey);
    else if (act) act();
    else return;
    event.preventDefault();
    event.stopPropagation(); // the host has keys of its own: Delete takes away nodes of the graph
  }
}
