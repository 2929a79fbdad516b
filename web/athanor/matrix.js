// The sample matrix: a row for each time of drawing, the base model on top, and a column for each prompt.

import { dialogHead, openOver } from "./dialog.js";
import { make } from "./dom.js";
import { t } from "./words.js";

/** Open the sample matrix of a run over the page. */
export const open = (run) => new Matrix(run);

class Matrix {
  constructor(run) {
    this.run = run;
    this.row = this.column = 0;
    this.showsBase = false; // while space is down
    this.isLarge = false;
    const samples = run.summary?.samples ?? [];
    const sorted = (values) => [...new Set(values)].sort((a, b) => a - b);
    this.steps = sorted(samples.map((sample) => sample.step));
    this.prompts = sorted(samples.map((sample) => sample.index));
    this.samples = new Map(samples.map((sample) => [`${sample.step}/${sample.index}`, sample]));
    this.promptTexts = new Map(samples.map((sample) => [sample.index, sample.prompt]));
    this.build();
    this.listen();
    openOver(this.dialog);
    this.go(0, 0);
  }

  build() {
    const title = t("Samples of {name}", { name: this.run.summary?.title });
    this.caption = make("p", { class: "where", role: "status" });
    this.picture = make("img", { alt: "" });
    this.stage = make("div", { class: "stage", hidden: true, onclick: () => this.enlarge(false) }, this.picture);
    this.size = make("input", {
      type: "range",
      min: 64,
      max: 512,
      value: 160,
      "aria-label": t("Size of the pictures"),
      oninput: () => this.dialog.style.setProperty("--cell", `${this.size.value}px`),
    });
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-matrix", "aria-label": title, tabindex: -1 },
      dialogHead(
        [make("h2", {}, title), make("label", {}, t("size"), this.size)],
        () => this.dialog.close(),
        t("Close the sample matrix"),
      ),
      this.caption,
      make("div", { class: "rows" }, this.table()),
      this.stage,
      make("p", { class: "keys" }, t("arrows: move · Enter: enlarge · hold space: base model · Esc: back")),
    );
  }

  table() {
    this.cells = this.steps.map((_, row) => this.prompts.map((_prompt, column) => this.cell(row, column)));
    const head = this.prompts.map((index) => make("th", { scope: "col" }, this.promptTexts.get(index)));
    const rows = this.steps.map((step, row) =>
      make("tr", { class: step ? "" : "base" }, make("th", { scope: "row" }, this.rowName(step)), this.cells[row]),
    );
    return make(
      "table",
      { role: "grid", "aria-label": t("Samples") },
      make("thead", {}, make("tr", {}, make("th"), head)),
      make("tbody", {}, rows),
    );
  }

  cell(row, column) {
    const sample = this.sample(row, column);
    const onclick = () => {
      this.go(row, column);
      this.enlarge(true);
    };
    return make(
      "td",
      { tabindex: -1, role: "gridcell", "aria-label": sample ? this.describe(sample) : t("not drawn"), onclick },
      sample ? make("img", { src: this.run.sample(sample.file), alt: "", loading: "lazy" }) : "–",
    );
  }

  /** The sample of a row and a column; undefined if it was not drawn. */
  sample(row, column) {
    return this.samples.get(`${this.steps[row]}/${this.prompts[column]}`);
  }

  rowName(step) {
    if (!step) return t("base model");
    const epoch = this.samples.get(`${step}/${this.prompts[0]}`)?.epoch ?? "?";
    return t("step {step}, epoch {epoch}", { step, epoch });
  }

  describe(sample) {
    return sample ? `${this.rowName(sample.step)}: ${sample.prompt}` : "";
  }

  /** Move the cursor to a cell, or to the nearest one inside the table. */
  go(row, column) {
    const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);
    this.cells[this.row]?.[this.column]?.classList.remove("here");
    this.row = clamp(row, this.steps.length);
    this.column = clamp(column, this.prompts.length);
    const cell = this.cells[this.row][this.column];
    for (const other of this.cells.flat()) other.tabIndex = -1;
    cell.tabIndex = 0;
    cell.classList.add("here");
    if (!this.isLarge) {
      cell.focus({ preventScroll: true });
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.show();
  }

  /** Show the cell under the cursor; while space is down, the base model's picture of the same prompt. */
  show() {
    const own = this.sample(this.row, this.column);
    const sample = this.showsBase ? this.sample(0, this.column) : own;
    this.caption.textContent = this.describe(sample) || t("not drawn");
    if (this.isLarge && sample) {
      this.picture.src = this.run.sample(sample.file);
      this.picture.alt = this.describe(sample);
    }
    const image = this.cells[this.row][this.column].querySelector("img");
    if (image && own) image.src = this.run.sample((sample ?? own).file);
  }

  showBase(on) {
    if (this.showsBase === on) return;
    this.showsBase = on;
    this.show();
  }

  enlarge(on) {
    this.isLarge = on;
    this.stage.hidden = !on;
    if (on) this.dialog.focus();
    else this.cells[this.row][this.column].focus();
    this.show();
  }

  listen() {
    this.dialog.addEventListener("keydown", (event) => this.keydown(event));
    this.dialog.addEventListener("keyup", (event) => {
      event.stopPropagation();
      if (event.key === " ") this.showBase(false);
    });
    this.dialog.addEventListener("cancel", (event) => {
      if (!this.isLarge) return;
      event.preventDefault();
      this.enlarge(false);
    });
  }

  keydown(event) {
    event.stopPropagation(); // the host has keys of its own
    if (event.target === this.size || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ")) return;
    const actions = {
      "ArrowLeft": () => this.go(this.row, this.column - 1),
      "ArrowRight": () => this.go(this.row, this.column + 1),
      "ArrowUp": () => this.go(this.row - 1, this.column),
      "ArrowDown": () => this.go(this.row + 1, this.column),
      "Enter": () => this.enlarge(!this.isLarge),
      " ": () => this.showBase(true),
      "Escape": () => (this.isLarge ? this.enlarge(false) : this.dialog.close()),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
