// The screen with all scores of a comparison: verdict, trade-off, means by checkpoint, and what each cannot see.

import { make } from "./make.js";
import { number, scoreTitle } from "./scores.js";
import { tradeOff } from "./trade_off.js";
import { t, told } from "./words.js";

/** "0.712 ± 0.010 (4)": a mean, its standard error, and how many it is the mean of; "–" if there is none. */
export const measured = (value) =>
  value ? `${number(value.mean)}${value.error === null ? "" : ` ± ${number(value.error)}`} (${value.n})` : "–";

/** A sentence about each kind of score: what it cannot see. */
export const blindness = (kinds) =>
  make(
    "dl",
    { class: "blind" },
    kinds
      .filter(({ blind }) => blind)
      .flatMap(({ title, blind }) => [make("dt", {}, scoreTitle(title)), make("dd", {}, told(blind))]),
  );

/** The scores of a viewer, over its table. */
export class ScoreScreen {
  constructor(viewer) {
    this.viewer = viewer;
    this.draw();
  }

  draw() {
    const { data, popup } = this.viewer;
    const { title, references, verdict, trade_off: points, checkpoints, blind, copies } = data.scores;
    const kinds = data.scores.kinds.filter(({ name }) => checkpoints.some(({ values }) => name in values));
    const chart = points && make("div", { class: "trade-off-place" });
    popup.replaceChildren(
      make(
        "div",
        { class: "bar" },
        make(
          "p",
          { class: "where" },
          t("Scores: {title}, {count} training pictures", { title: told(title), count: references }),
        ),
        make("button", { name: "back", onclick: () => this.viewer.close() }, t("back")),
      ),
      make(
        "div",
        { class: "scores" },
        make("p", { class: "verdict" }, told(verdict)),
        chart,
        this.table(kinds, checkpoints),
        make("h2", {}, t("What each score cannot see")),
        blindness([...kinds, { title: t("all of them"), blind }]),
        copies && [make("h2", {}, t("What counts as a copy")), make("p", { class: "verdict" }, told(copies))],
      ),
    );
    if (chart) chart.append(tradeOff(points, Math.min(760, chart.clientWidth || 760)));
  }

  /** Means by checkpoint. */
  table(shown, checkpoints) {
    const rows = checkpoints.map(({ label, values, copies }) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, label),
        shown.map(({ name }) => make("td", {}, measured(values[name]))),
        make("td", {}, copies || "–"),
      ),
    );
    const heads = ["", ...shown.map((kind) => scoreTitle(kind.title)), t("copies")];
    return make(
      "table",
      { class: "result" },
      make("caption", {}, t("Mean ± standard error of the differences between these rows (how many pictures)")),
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
