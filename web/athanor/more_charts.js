// Charts with a line for each run, and with a line for each band of noise levels.

import { aligned, Chart, line, valueAxis, xAxis } from "./chart.js";
import { ema, halfLife, options } from "./chart_options.js";
import { lossScale } from "./chart_range.js";
import { dash, theme } from "./theme.js";
import { t } from "./words.js";

/** Several runs in one chart. */
export class OverlayChart extends Chart {
  constructor(height = 220) {
    super(t("Runs compared"), height);
  }

  /** `quantity`: "loss" (its mean), "probe", "lr", "likeness" or "prompt"; `names`: of the runs, for the legend. */
  show(runs, quantity, names) {
    Object.assign(this, { runs, quantity, names });
    this.redraw();
  }

  shownRuns() {
    return (this.runs ?? []).filter((run) => !this.hidden.has(run.id));
  }

  title() {
    return quantities().find(([value]) => value === this.quantity)[1];
  }

  values(run) {
    const { points, toX } = this.curveOf(run);
    if (this.quantity === "probe") return new Map(run.probes.map(([step, percent]) => [toX(step), percent]));
    if (SCORES.includes(this.quantity))
      return new Map(run.scores(this.quantity).points.map(([s, mean]) => [toX(s), mean]));
    const shown = this.quantity === "lr" ? points.map(({ lr }) => lr) : ema(points, halfLife(run.summary?.steps ?? 1));
    const drawn = (value) => (value > 0 || !options.log ? value : null); // a logarithm needs it
    return new Map(points.map(({ step }, i) => [toX(step), drawn(shown[i])]));
  }

  draw() {
    const runs = this.runs ?? [];
    this.startAnew(runs);
    const values = runs.map((run) => this.values(run));
    const isScore = SCORES.includes(this.quantity);
    const nothing = isScore
      ? t("Samples of these runs were not scored: connect a Likeness to Sample Config.")
      : t("No steps yet.");
    if (!values.some((map) => map.size)) return this.showText(nothing);
    const colours = theme();
    const points = { show: isScore || this.quantity === "probe", size: 4 };
    this.plotLines(aligned(values), {
      series: runs.map((run, i) =>
        line(this.names[i], colours.line(i), { width: 2, dash: dash(i), points, key: run.id }),
      ),
      scales: { y: isScore ? { range: scoreRange } : lossScale() },
      axes: [xAxis(colours, this.axis), valueAxis(colours, options.log && !isScore)],
    });
    const label = {
      loss: t("Loss of {count} runs over steps", { count: runs.length }),
      probe: t("Probe of {count} runs over steps", { count: runs.length }),
      lr: t("Learning rate of {count} runs over steps", { count: runs.length }),
      likeness: t("Likeness of {count} runs over steps", { count: runs.length }),
      prompt: t("Prompt following of {count} runs over steps", { count: runs.length }),
    }[this.quantity];
    this.element.setAttribute("aria-label", label);
  }
}

/** What several runs can be compared by, as [value, text]. */
export const quantities = () => [
  ["loss", t("mean loss")],
  ["probe", t("probe, % of start")],
  ["lr", t("learning rate")],
  ["likeness", t("likeness of samples")],
  ["prompt", t("prompt following of samples")],
];

const SCORES = ["likeness", "prompt"];

/** The axis of a score, with some room. */
export function scoreRange(_, low, high) {
  if (low == null) return [0, 1];
  const room = Math.max((high - low) * 0.1, 0.005);
  return [low - room, high + room];
}

/** A sentence where runs are compared by scores of different scorers; "" if they are not. */
export function differently(runs, quantity) {
  const ids = SCORES.includes(quantity) ? runs.map((run) => run.scores(quantity).id).filter(Boolean) : [];
  return new Set(ids).size > 1 ? t("Measured differently: these scores cannot be compared.") : "";
}

/** Loss by noise level, from a run's review. */
export class BandChart extends Chart {
  constructor(height = 180) {
    super(t("Loss by noise level"), height, "step");
  }

  /** `bands`: {steps, bands: [{from, to, count, means}]}, one mean per entry of `steps`. */
  show(bands) {
    this.view = null;
    this.bands = bands;
    this.redraw();
  }

  draw() {
    const shown = (this.bands?.bands ?? []).filter((band) => band.count);
    if (!shown.length || this.bands.steps.length < 2) return this.showText(t("Not enough steps yet."));
    this.steps = this.bands.steps.at(-1);
    const colours = theme();
    const range = (_, low, high) => (low == null ? [0.01, 1] : [low * 0.85, high * 1.15]);
    this.plotLines(aligned(shown.map((band) => new Map(this.bands.steps.map((step, i) => [step, band.means[i]])))), {
      series: shown.map((band, i) => line(`${band.from}–${band.to}`, colours.line(i), { dash: dash(i) })),
      scales: { y: { distr: 3, range } },
      axes: [xAxis(colours, this.axis), valueAxis(colours, true)],
    });
  }
}
