// The scores of a run's samples in the sidebar: curves with standard errors, and likeness against prompt following.

import { scoreTitle } from "../viewer/scores.js";
import { tradeOff } from "../viewer/trade_off.js";
import { aligned, Chart, line, swatch, valueAxis, xAxis } from "./chart.js";
import { measure } from "./chart_axis.js";
import { make } from "./dom.js";
import { number } from "./format.js";
import { scoreRange } from "./more_charts.js";
import { dash, theme } from "./theme.js";
import { t } from "./words.js";

const lacking = () =>
  t("Likeness against prompt takes CLIP at Likeness; against variety, two seeds of a prompt (--d).");
const isLong = (lines) => lines.some(({ points }) => points.length > 1);

/** Kinds of scores with one scale over the steps. */
class ScoreChart extends Chart {
  constructor(height = 120) {
    super(t("Scores over steps"), height);
  }

  /** `lines`: [{title, points: [[step, mean, error or null, n]]}] of a run. */
  show(run, lines) {
    this.run = run;
    this.scored = lines;
    this.redraw();
  }

  shownRuns() {
    return this.run ? [this.run] : [];
  }

  title() {
    return this.scored?.map(({ title }) => scoreTitle(title)).join(", ") ?? "";
  }

  draw() {
    const { run, scored: lines } = this;
    if (!lines) return;
    this.startAnew(this.shownRuns());
    const { toX } = measure(run, this.axis);
    const colours = theme();
    const column = (points, read) => new Map(points.map((point) => [toX(point[0]), read(point)]));
    const error = (point) => point[2] ?? 0;
    const data = aligned(
      lines.flatMap(({ points }) => [
        column(points, (point) => point[1] + error(point)),
        column(points, (point) => point[1] - error(point)),
        column(points, (point) => point[1]),
      ]),
    );
    const series = lines.flatMap(({ name, title }, i) => {
      const stroke = colours.line(i);
      const edge = { width: 0, key: name, isRange: true };
      return [
        line(t("{title} + standard error", { title: scoreTitle(title) }), "transparent", edge),
        line(t("{title} − standard error", { title: scoreTitle(title) }), "transparent", edge),
        line(scoreTitle(title), stroke, {
          width: 2,
          dash: dash(i),
          key: name,
          points: { show: true, size: 5, fill: stroke },
        }),
      ];
    });
    this.plotLines(data, {
      series,
      scales: { y: { range: scoreRange } },
      axes: [xAxis(colours, this.axis), valueAxis(colours, false)],
      bands: lines.map((_, i) => ({ series: [3 * i + 1, 3 * i + 2], fill: `${colours.line(i)}30` })),
    });
    this.element.setAttribute("aria-label", lines.map(inWords).join("; "));
  }
}

/** A line in words: its first, its last and its highest mean. */
function inWords({ title, points }) {
  const highest = points.reduce((best, point) => (point[1] > best[1] ? point : best));
  const last = points.at(-1);
  return t("{title}: {last} after step {step}, highest {best} after step {at}", {
    title: scoreTitle(title),
    last: number(last[1]),
    step: last[0],
    best: number(highest[1]),
    at: highest[0],
  });
}

/** The part of a run's details about its scores; hidden where its samples were not scored. */
export class RunScores {
  constructor() {
    this.charts = [];
    this.note = make("p", { class: "athanor-note" });
    this.curves = make("div");
    this.trade = make("div");
    this.element = make(
      "details",
      { open: true, hidden: true },
      make("summary", {}, t("Scores")),
      this.note,
      this.curves,
      this.trade,
    );
    new ResizeObserver(() => this.drawTradeOff()).observe(this.trade);
  }

  /** Show what a review tells of scores, or nothing (null). */
  show(run, scores) {
    this.element.hidden = !scores;
    this.scores = scores;
    if (!scores) return;
    const { title, panels, copies } = scores;
    const where = copies.map(([, epoch, count, all]) => t("epoch {epoch}: {count} of {all}", { epoch, count, all }));
    this.note.textContent =
      t("Measured by {title} on the samples. No score decides by itself.", { title }) +
      (where.length ? ` ${t("Look like copies: {which}.", { which: where.join(", ") })}` : "");
    this.drawCurves(run, panels);
    this.width = 0;
    this.drawTradeOff();
  }

  /** One chart for each scale; those that are there already stay, with what the user has zoomed. */
  drawCurves(run, panels) {
    if (panels.length !== this.charts.length) {
      for (const chart of this.charts) chart.release();
      this.charts = panels.map(() => new ScoreChart());
      this.legends = panels.map(() => make("div", { class: "athanor-legend" }));
      this.curves.replaceChildren(...this.charts.flatMap((chart, i) => [chart.element, this.legends[i]]));
    }
    for (const [i, lines] of panels.entries()) {
      this.charts[i].show(run, lines);
      const entries = lines.map((each, at) => make("span", {}, swatch(at), scoreTitle(each.title)));
      this.legends[i].replaceChildren(...entries);
    }
  }

  /** Again only when there is another width: text in it keeps its size. */
  drawTradeOff() {
    const width = this.trade.clientWidth;
    if (!this.scores || !width || width === this.width) return;
    this.width = width;
    const { trade_off: points, panels } = this.scores;
    const note = make("p", { class: "athanor-note" }, panels.some(isLong) ? lacking() : "");
    this.trade.replaceChildren(points ? tradeOff(points, Math.min(560, width)) : note);
  }
}
