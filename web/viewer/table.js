// The table of pictures.

import { keepLora } from "./keep.js";
import { label, madeFrom } from "./label.js";
import { make } from "./make.js";
import { copyMark } from "./nearest.js";
import { neighbourIn, rankedSheet } from "./ranked.js";
import { number, scoreTitle } from "./scores.js";
import { t } from "./words.js";

const [GAP, BELOW] = [4, 8]; // pixels between cells, and below the last one: see viewer.css
const LEGIBLE = 96; // pixels of a picture in which one sees anything

/** The main part of a viewer: one table for each block. */
export class Table {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = make("main", { onkeydown: (event) => this.keydown(event) });
  }

  draw() {
    const { comparison, view } = this.viewer;
    const blocks = () => comparison.blocks(view).map((block) => this.block(block));
    const isShown = (at) => this.viewer.marks.passes(comparison.cell(at), view.show);
    const content = this.isRanked ? [rankedSheet(comparison, view, (at) => this.cell(at), isShown)] : blocks();
    this.element.replaceChildren(...content);
    const first = this.element.querySelector(".cell > img");
    if (first) this.stopAt(first);
  }

  /** Whether all pictures are shown as one sheet, in order of a score. */
  get isRanked() {
    const { comparison, view } = this.viewer;
    return view.sort === "pictures" && Boolean(comparison.scores.kind(view.score));
  }

  /** The names of the axes of columns and rows. */
  corner() {
    const { comparison, view } = this.viewer;
    const name = (axis, sign) => axis != null && label(comparison.heading(axis), sign);
    return make("th", { class: "corner" }, name(view.x, "→"), name(view.y, "↓"));
  }

  block({ title, value, columns, rows }) {
    const { comparison, view } = this.viewer;
    const ofRows = rows.map(({ places }) => comparison.sharedControls(places));
    const above = (number) => comparison.sharedControls(rows.map(({ places }) => places[number]));
    const inRows = ofRows.some((shared) => shared.length);
    const labels = columns.map((column, i) =>
      make("th", {}, label(column.label), this.hide(view.x, column.value), inRows ? "" : madeFrom(above(i))),
    );
    const body = rows.map((row, i) =>
      make(
        "tr",
        {},
        make("th", {}, label(row.label), this.hide(view.y, row.value), madeFrom(ofRows[i])),
        row.places.map((at) => make("td", {}, this.cell(at))),
      ),
    );
    return make(
      "section",
      {},
      title && make("h2", { title }, title, this.hide(view.z, value)),
      make("table", {}, make("thead", {}, make("tr", {}, this.corner(), labels)), make("tbody", {}, body)),
    );
  }

  /** The button that hides a value of an axis; none for the only one that is shown. */
  hide(axis, value) {
    const { comparison, data } = this.viewer;
    if (axis == null || comparison.indices(axis).length < 2) return "";
    const name = t("Hide {name}", { name: data.axes[axis].names[value] });
    const onclick = () => this.viewer.toggleValue(axis, value);
    return make("button", { "class": "hide", "title": name, "aria-label": name, onclick }, "✕");
  }

  /**
   * Arrow keys go from picture to picture, Enter or space opens one, l saves its LoRAs. The table is one stop of Tab.
   */
  keydown(event) {
    if (!event.target.matches?.(".cell > img") || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === "Enter" || event.key === " ") event.target.click();
    else if (event.key === "l") keepLora(this.viewer, event.target.dataset.at.split(".").map(Number));
    else if (event.key in moves) this.step(event.target, ...moves[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Move the focus by rows and columns to the next picture in that direction, over blocks too. */
  step(image, down, right) {
    if (this.isRanked) {
      const next = neighbourIn([...this.element.querySelectorAll(".cell > img")], image, down, right);
      return next && this.stopAt(next).focus();
    }
    const rows = [...this.element.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")]);
    let y = rows.findIndex((row) => row.includes(image.closest("td")));
    let x = rows[y].indexOf(image.closest("td"));
    for (;;) {
      [y, x] = [y + down, x + right];
      const cell = rows[y]?.[x];
      if (!cell) return;
      const next = cell.querySelector(".cell > img");
      if (next) return this.stopAt(next).focus();
    }
  }

  /** Make a picture the one that the Tab key comes to. */
  stopAt(image) {
    for (const other of this.element.querySelectorAll(".cell > img[tabindex='0']")) other.tabIndex = -1;
    image.tabIndex = 0;
    return image;
  }

  /** Give the focus to the picture of a place, if it is shown. */
  focus(at) {
    const image = this.element.querySelector(`.cell > img[data-at="${at.join(".")}"]`);
    if (image) this.stopAt(image).focus();
  }

  /**
   * The width of a cell in pixels with which the first block fills the window: by its columns and rows, or by its
   * columns alone if one would see nothing in pictures so small.
   */
  fittingSize() {
    const { comparison, view } = this.viewer;
    if (this.isRanked) return Math.floor(this.element.clientWidth / 5) - 2 * GAP; // five beside each other
    const [{ columns, rows }] = comparison.blocks(view);
    const [main, section] = [this.element, this.element.querySelector("section")];
    const labels = section.querySelector("th").offsetWidth;
    const wide = (main.clientWidth - labels - GAP * (columns.length + 2)) / columns.length;
    const ratio = ({ places }) =>
      Math.max(
        ...places.map((at) => comparison.size(comparison.cell(at)) ?? [1, 1]).map(([width, height]) => height / width),
      );
    const heads = section.querySelector("thead").offsetHeight + (section.querySelector("h2")?.offsetHeight ?? 0);
    const free = main.clientHeight - BELOW - heads - GAP * (rows.length + 2);
    const scores = rows.length * (section.querySelector(".score")?.offsetHeight ?? 0);
    const high = (free - scores) / rows.reduce((sum, row) => sum + ratio(row), 0);
    return Math.floor(high >= LEGIBLE ? Math.min(wide, high) : wide);
  }

  /** A cell's picture with its marks, the reason why it has none, or an empty tile if the filter hides it. */
  cell(at) {
    const { viewer } = this;
    const { comparison, marks } = viewer;
    const id = comparison.cell(at);
    if (!marks.passes(id, viewer.view.show)) return make("div", { class: "tile hidden-cell" });
    if (comparison.error(id) !== undefined) {
      const { kind, text } = comparison.lacking(id);
      return make("div", { class: `tile ${kind}` }, text);
    }
    const { star, reject, note } = marks.of(id);
    const [width, height] = comparison.size(id);
    const image = make("img", {
      src: viewer.address(id),
      loading: "lazy",
      alt: comparison.describe(at) + this.scoreInWords(id),
      title: comparison.describe(at),
      "data-cell": id,
      "data-at": at.join("."),
      tabindex: -1,
      role: "button",
      style: `aspect-ratio: ${width} / ${height}`,
      onclick: () => viewer.enlarge(at),
    });
    const badge = `${star ? "★" : ""}${reject ? "✕" : ""}${note ? "✎" : ""}`;
    const classes = `cell${star ? " star" : ""}${reject ? " reject" : ""}`;
    return make(
      "div",
      { class: classes },
      image,
      badge && make("span", { class: "badge" }, badge),
      copyMark(comparison.scores, id, () => viewer.enlarge(at, true)),
      comparison.scores.badge(id, viewer.view.score),
    );
  }

  /** The chosen score of a cell for those who do not see it, and whether it looks like a copy. */
  scoreInWords(id) {
    const { comparison, view } = this.viewer;
    const { scores } = comparison;
    const value = scores.kind(view.score) && scores.value(id, view.score);
    const score = value === undefined ? "" : `, ${scoreTitle(scores.kind(view.score).title)} ${number(value)}`;
    return scores.of(id)?.copy ? `${score}, ${t("looks like a copy")}` : score;
  }
}
