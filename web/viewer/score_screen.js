// The screen with all scores of a comparison: verdict, trade-off, means by checkpoint, and what each cannot see.

import { make } from "./make.js";
import { number } from "./scores.js";
import { tradeOff } from "./trade_off.js";

/** "0.712 ± 0.010 (4)": a mean, its standard error, and how many it is the mean of; "–" if there is none. */
export const measured = (value) =>
  value ? `${number(value.mean)}${value.error === null ? "" : ` ± ${number(value.error)}`} (${value.n})` : "–";

/** A sentence about each kind of score: what it cannot see. */
export const blindness = (kinds) =>
  make(
    "dl",
    { class: "blind" },
    kinds.filter(({ blind }) => blind).flatMap(({ title, blind }) => [make("dt", {}, title), make("dd", {}, blind)]),
  );

/** The scores of a viewer, over its table. */
export class ScoreScreen {
  constructor(viewer) {
    this.viewer = viewer;
    this.draw();
  }

  draw() {
    const { data, popup } = this.viewer;
    const { title, references, verdict, trade_off: points, checkpoints, kinds, blind, copies } = data.scores;
    const chart = points && make("div", { class: "trade-off-place" });
    popup.replaceChildren(
      make(
        "div",
        { class: "bar" },
        make("p", { class: "where" }, `Scores: ${title}, ${references} training pictures`),
        make("button", { name: "back", onclick: () => this.viewer.close() }, "back"),
      ),
      make(
        "div",
        { class: "scores" },
        make("p", { class: "verdict" }, verdict),
        chart,
        this.table(kinds, checkpoints),
        make("h2", {}, "What each score cannot see"),
        blindness([...kinds, { title: "all of them", blind }]),
        copies && [make("h2", {}, "What counts as a copy"), make("p", { class: "verdict" }, copies)],
      ),
    );
    if (chart) chart.append(tradeOff(points, Math.min(760, chart.clientWidth || 760)));
  }

  /** Means by checkpoint. */
  table(kinds, checkpoints) {
    const shown = kinds.filter(({ name }) => checkpoints.some(({ values }) => name in values));
    const rows = checkpoints.map(({ label, values, copies }) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, label),
        shown.map(({ name }) => make("td", {}, measured(values[name]))),
        make("td", {}, copies || "–"),
      ),
    );
    const heads = ["", ...shown.map((kind) => kind.title), "copies"];
    return make(
      "table",
      { class: "result" },
      make("caption", {}, "Mean ± standard error of the differences between these rows (how many pictures)"),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          heads.map((head) => make("th", { scope: "col" }, head)),
        ),
      ),
      make("tbody", {}, rows),
    );
  }

  closed() {}

  keydown(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.viewer.close();
  }

  keyup() {}
}
