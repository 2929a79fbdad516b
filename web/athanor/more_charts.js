// Charts with a line for each run, and with a line for each band of noise levels.

import { aligned, Chart, line, lossScale, stepAxis, valueAxis } from "./chart.js";
import { ema, halfLife, options } from "./chart_options.js";
import { dash, theme } from "./theme.js";
import { t } from "./words.js";

/** Several runs in one chart. */
export class OverlayChart extends Chart {
  constructor(height = 220) {
    super(t("Runs compared"), height);
  }

  /** `quantity`: "loss" (its mean) or "probe". */
  show(runs, quantity) {
    this.runs = runs;
    this.quantity = quantity;
    this.redraw();
  }

  values(run) {
    if (this.quantity === "probe") return new Map(run.probes);
    const means = ema(run.points, halfLife(run.summary?.steps ?? 1));
    return new Map(run.points.map(({ step }, i) => [step, means[i] > 0 || !options.log ? means[i] : null]));
  }

  draw() {
    const runs = this.runs ?? [];
    const values = runs.map((run) => this.values(run));
    if (!values.some((map) => map.size)) return this.showText(t("No steps yet."));
    const colours = theme();
    const points = { show: this.quantity === "probe", size: 4 };
    this.plotLines(aligned(values), {
      series: runs.map((run, i) =>
        line(run.summary?.title ?? run.id, colours.line(i), { width: 2, dash: dash(i), points }),
      ),
      scales: { y: lossScale() },
      axes: [stepAxis(colours), valueAxis(colours, options.log)],
    });
    const count = { count: runs.length };
    const label =
      this.quantity === "probe"
        ? t("Probe of {count} runs over steps", count)
        : t("Loss of {count} runs over steps", count);
    this.element.setAttribute("aria-label", label);
  }
}

/** Loss by noise level, from a run's review. */
export class BandChart extends Chart {
  constructor(height = 180) {
    super(t("Loss by noise level"), height);
  }

  /** `bands`: {steps, bands: [{from, to, count, means}]}, one mean per entry of `steps`. */
  show(bands) {
    this.bands = bands;
    this.redraw();
  }

  draw() {
    const shown = (this.bands?.bands ?? []).filter((band) => band.count);
    if (!shown.length || this.bands.steps.length < 2) return this.showText(t("Not enough steps yet."));
    const colours = theme();
    const range = (_, low, high) => (low == null ? [0.01, 1] : [low * 0.85, high * 1.15]);
    this.plotLines(aligned(shown.map((band) => new Map(this.bands.steps.map((step, i) => [step, band.means[i]])))), {
      series: shown.map((band, i) => line(`${band.from}–${band.to}`, colours.line(i), { dash: dash(i) })),
      scales: { y: { distr: 3, range } },
      axes: [stepAxis(colours), valueAxis(colours, true)],
    });
  }
}
