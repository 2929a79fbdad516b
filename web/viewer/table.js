// The table of pictures.

import { label, madeFrom } from "./label.js";
import { make } from "./make.js";

const [GAP, BELOW] = [4, 8]; // pixels between cells, and below the last one: see viewer.css
const LEGIBLE = 96; // pixels of a picture in which one sees anything

/** The main part of a viewer: one table for each block. */
export class Table {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = make("main");
  }

  draw() {
    const { comparison, view } = this.viewer;
    this.element.replaceChildren(...comparison.blocks(view).map((block) => this.block(block)));
  }

  /** The names of the axes of columns and rows. */
  corner() {
    const { comparison, view } = this.viewer;
    const name = (axis, sign) => axis != null && label(comparison.heading(axis), sign);
    return make("th", { class: "corner" }, name(view.x, "→"), name(view.y, "↓"));
  }

  block({ title, columns, rows }) {
    const { comparison } = this.viewer;
    const ofRows = rows.map(({ places }) => comparison.sharedControls(places));
    const above = (number) => comparison.sharedControls(rows.map(({ places }) => places[number]));
    const inRows = ofRows.some((shared) => shared.length);
    const labels = columns.map((column, i) => make("th", {}, label(column), inRows ? "" : madeFrom(above(i))));
    const body = rows.map((row, i) =>
      make(
        "tr",
        {},
        make("th", {}, label(row.label), madeFrom(ofRows[i])),
        row.places.map((at) => make("td", {}, this.cell(at))),
      ),
    );
    return make(
      "section",
      {},
      title && make("h2", { title }, title),
      make("table", {}, make("thead", {}, make("tr", {}, this.corner(), labels)), make("tbody", {}, body)),
    );
  }

  /**
   * The width of a cell in pixels with which the first block fills the window: by its columns and rows, or by its
   * columns alone if one would see nothing in pictures so small.
   */
  fittingSize() {
    const { comparison, view } = this.viewer;
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
    const high = free / rows.reduce((sum, row) => sum + ratio(row), 0);
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
      alt: comparison.describe(at),
      title: comparison.describe(at),
      "data-cell": id,
      style: `aspect-ratio: ${width} / ${height}`,
      onclick: () => viewer.enlarge(at),
    });
    const badge = `${star ? "★" : ""}${reject ? "✕" : ""}${note ? "✎" : ""}`;
    const classes = `cell${star ? " star" : ""}${reject ? " reject" : ""}`;
    return make("div", { class: classes }, image, badge && make("span", { class: "badge" }, badge));
  }
}
