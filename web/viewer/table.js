// The table of pictures.

import { make } from "./make.js";

/** The main part of a viewer: one table for each block. */
export class Table {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = make("main");
  }

  draw() {
    const { comparison, view } = this.viewer;
    const axes = [view.x, view.y].filter((axis) => axis != null);
    const corner = axes.map((axis) => comparison.heading(axis)).join(" / ");
    this.element.replaceChildren(...comparison.blocks(view).map((block) => this.block(block, corner)));
  }

  block({ title, columns, rows }, corner) {
    const labels = columns.map((label) => make("th", {}, label));
    const body = rows.map((row) =>
      make(
        "tr",
        {},
        make("th", {}, row.label),
        row.places.map((at) => make("td", {}, this.cell(at))),
      ),
    );
    return make(
      "section",
      {},
      title && make("h2", {}, title),
      make(
        "table",
        {},
        make("thead", {}, make("tr", {}, make("th", { class: "corner" }, corner), labels)),
        make("tbody", {}, body),
      ),
    );
  }

  /** A cell's picture with its marks, the reason why it has none, or an empty tile if the filter hides it. */
  cell(at) {
    const { viewer } = this;
    const { comparison, marks } = viewer;
    const id = comparison.cell(at);
    if (!marks.passes(id, viewer.view.show)) return make("div", { class: "tile hidden-cell" });
    const error = comparison.error(id);
    if (error !== undefined) return make("div", { class: "tile failed" }, `failed: ${error}`);
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
