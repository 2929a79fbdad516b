// The chart of one run: loss, mean loss, learning rate, probe, epochs, saved files.

import { aligned, Chart, line, percentAxis, valueAxis, xAxis } from "./chart.js";
import { ema, halfLife, options } from "./chart_options.js";
import { lossScale } from "./chart_range.js";
import { number } from "./format.js";
import { dash, theme } from "./theme.js";
import { t } from "./words.js";

/** The probe's axis, with room above and below. A single value gets ten points of percent. */
function probeRange(_, low, high) {
  if (low == null || !Number.isFinite(low)) return [0, 110];
  const margin = Math.max((high - low) * 0.1, (10 - (high - low)) / 2);
  return [low - margin, high + margin];
}

/** The loss of each step (faint) and its mean, the learning rate, and the probe in percent of its first value. */
export class LossChart extends Chart {
  constructor(height = 170) {
    super(t("Loss over steps"), height);
  }

  /** Show a run, or nothing (null). */
  show(run) {
    this.run = run;
    this.redraw();
  }

  title() {
    return this.run?.summary?.title ?? this.run?.id ?? "";
  }

  shownRuns() {
    return this.run ? [this.run] : [];
  }

  draw() {
    const { run } = this;
    this.startAnew(this.shownRuns());
    if (!run?.points.length) {
      return this.showText(run?.live ? t("Waiting for the first step…") : t("No steps yet."));
    }
    const { probes } = run;
    const { points, toX } = this.curveOf(run);
    this.toX = toX;
    const colours = theme();
    const [green, orange, blue] = colours.lines;
    const means = ema(points, halfLife(run.summary?.steps ?? points[points.length - 1].step));
    const positive = (value) => (value > 0 || !options.log ? value : null); // a logarithm needs it
    const column = (read) => new Map(points.map((point, i) => [toX(point.step), read(point, i)]));
    const bound = (name) => column((point) => (point[name] == null ? null : positive(point[name])));
    // Points of a long run stand for several steps each: an area shows the range of their losses.
    const [first, last] = this.view ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const inView = points.filter(({ step }) => toX(step) >= first && toX(step) <= last);
    const isThinned = inView.some((point) => point.high > point.low);
    this.thinning = (inView.at(-1)?.step - inView[0]?.step) / (inView.length - 1) || 1; // steps of a point
    const losses = isThinned ? [bound("high"), bound("low")] : [column((point) => positive(point.loss))];
    const labels = isThinned ? [t("highest"), t("lowest")] : [t("loss")];
    const data = aligned([
      ...losses,
      column((_, i) => positive(means[i])),
      column((point) => point.lr),
      new Map(probes.map(([step, percent]) => [toX(step), percent])),
    ]);
    this.plotLines(data, {
      series: [
        ...labels.map((label) => line(label, `${green}66`, { width: 1, key: "mean", isRange: isThinned })),
        line(t("mean loss"), green, { width: 2, key: "mean" }),
        line(t("learning rate"), blue, { scale: "lr", width: 1, dash: dash(2), key: "lr" }),
        line(t("probe, % of start"), orange, {
          scale: "probe",
          dash: dash(1),
          key: "probe",
          points: { show: true, size: 5, fill: orange },
        }),
      ],
      scales: {
        y: lossScale(() => this.thinning),
        lr: { range: (_plot, _low, high) => [0, (high || 1) * 1.1] },
        probe: { range: probeRange },
      },
      axes: [xAxis(colours, this.axis), valueAxis(colours, options.log), percentAxis(colours, "probe", orange)],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
      bands: isThinned && !this.hidden.has("mean") ? [{ series: [1, 2], fill: `${green}30` }] : [],
    });
    this.label(means);
  }

  /** The numbers of the chart for those who cannot see it. */
  label(means) {
    const { points, probes } = this.run;
    const mean = number(means.filter((value) => value != null).pop());
    let text = t("Loss over {steps} steps, mean now {mean}", { steps: points[points.length - 1].step, mean });
    if (probes.length > 1) text += t(", probe {percent} % of the start", { percent: number(probes.at(-1)[1]) });
    this.element.setAttribute("aria-label", text);
  }

  drawMarks(plot) {
    plot.ctx.save();
    this.drawEpochs(plot);
    this.drawFiles(plot);
    plot.ctx.restore();
  }

  /** Epochs as thin dashed lines with numbers; only every n-th where they would be too close. */
  drawEpochs(plot) {
    if (this.axis === "epoch") return; // which names them itself
    const { points } = this.run;
    const colours = theme();
    const pen = plot.ctx;
    const scale = devicePixelRatio || 1;
    const { top, height, width } = plot.bbox;
    const [low, high] = this.part;
    const isInView = ({ step }) => this.toX(step - 1) >= low && this.toX(step - 1) <= high;
    const starts = points.filter((point, i) => i && point.epoch !== points[i - 1].epoch).filter(isInView);
    const labelWidth = 14 + 7 * String(starts.at(-1)?.epoch ?? "").length;
    const every = Math.max(1, Math.ceil((starts.length * labelWidth * scale) / width));
    pen.strokeStyle = colours.grid;
    pen.fillStyle = colours.muted;
    pen.font = `${10 * scale}px system-ui, sans-serif`;
    pen.setLineDash([2 * scale, 3 * scale]);
    for (const { step, epoch } of starts.filter((_, i) => i % every === every - 1)) {
      const x = Math.round(plot.valToPos(this.toX(step - 1), "x", true));
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, top + height);
      pen.stroke();
      pen.fillText(`e${epoch - 1}`, x + 2 * scale, top + 15 * scale);
    }
  }

  /** Saved files as triangles on the axis of steps. */
  drawFiles(plot) {
    const pen = plot.ctx;
    const scale = devicePixelRatio || 1;
    const y = plot.bbox.top + plot.bbox.height;
    pen.fillStyle = theme().ink;
    const { left, width } = plot.bbox;
    for (const { step } of this.run.summary?.checkpoints ?? []) {
      const x = plot.valToPos(this.toX(step), "x", true);
      if (x < left || x > left + width + 1) continue;
      pen.beginPath();
      pen.moveTo(x, y - 7 * scale);
      pen.lineTo(x - 4 * scale, y);
      pen.lineTo(x + 4 * scale, y);
      pen.fill();
    }
  }
}
