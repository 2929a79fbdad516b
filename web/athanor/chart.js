// The base of all line charts: a uPlot plot that follows its box, the theme and the options.

import uPlot from "../lib/uPlot.esm.js";
import { measure, textOf, ticksOf } from "./chart_axis.js";
import { onOptions, options } from "./chart_options.js";
import { FinePoints } from "./chart_points.js";
import { drawCut } from "./chart_range.js";
import { inside, Zoom } from "./chart_zoom.js";
import { make, style } from "./dom.js";
import { number } from "./format.js";
import { dash, onTheme, theme } from "./theme.js";
import { logTicks } from "./ticks.js";

style("../lib/uPlot.css");

const charts = new Set();
const rebuildAll = () => {
  for (const chart of charts) chart.redraw(true);
};
onTheme(rebuildAll);
onOptions(rebuildAll);

const LEAST = 4; // steps in view at least

/** A chart. Subclasses implement draw(), which calls plotLines() or showText(), title() and shownRuns(). */
export class Chart {
  /** `axis`: what the x axis counts; null: as the options say. */
  constructor(label, height, axis = null) {
    const style = `min-height:${height}px`;
    this.element = make("div", { class: "athanor-chart", role: "application", "aria-label": label, style });
    this.fixedAxis = axis;
    this.plot = null;
    this.shape = ""; // of the plot that stands: lines, scales and options
    this.view = null; // the part [low, high] of the x axis that is shown; null: the whole, as it grows
    this.hidden = new Set(); // keys of lines that are not drawn
    this.onView = () => {}; // called when `view` was set
    this.fine = new Map(); // run -> FinePoints
    charts.add(this);
    new Zoom(this);
    new ResizeObserver(() => this.resize()).observe(this.element);
    new IntersectionObserver((entries) => this.seen(entries.at(-1).isIntersecting)).observe(this.element);
  }

  get axis() {
    return this.fixedAxis ?? options.axis;
  }

  /** First and last x of all data. */
  get extent() {
    const xs = this.plot?.data[0] ?? [];
    return [xs[0] ?? 0, xs.at(-1) ?? 1];
  }

  /** The part of the x axis in view. */
  get part() {
    return this.view ?? this.extent;
  }

  /** Show a part of the x axis, or all of it (null). */
  setView(view) {
    const [first, last] = this.extent;
    const steps = Math.max(LEAST, ...this.shownRuns().map((run) => run.last?.step ?? 0), this.steps ?? 0);
    this.view = view && inside(view, [first, last], ((last - first) * LEAST) / steps);
    this.onView();
    this.redraw();
  }

  /** Runs whose curves are shown. */
  shownRuns() {
    return [];
  }

  /** A run's points for what is in view, and how the axis measures it: {points, toX}. */
  curveOf(run) {
    const { toX, toStep } = measure(run, this.axis);
    if (!this.fine.has(run)) this.fine.set(run, new FinePoints(run, () => this.redraw()));
    const points = this.fine.get(run).between(this.view?.map(toStep));
    return { points, toX };
  }

  /** Other runs are shown, or another axis: what was chosen of the old one has no meaning. */
  startAnew(runs) {
    const shown = JSON.stringify([this.axis, runs.map((run) => run.id)]);
    if (shown === this.shownNow) return;
    this.shownNow = shown;
    for (const known of this.fine.keys()) if (!runs.includes(known)) this.fine.delete(known);
    if (!this.view) return;
    this.view = null;
    this.onView();
  }

  /** Show or hide a line. */
  toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    this.redraw();
  }

  /** Lines that are shown, for a legend: {label, stroke, pattern}. */
  legendLines() {
    const lines = (this.lines ?? []).filter((each) => each.show && !each.isRange);
    return lines.map((each) => ({ label: each.label, stroke: each.stroke, pattern: each.dash }));
  }

  size() {
    return { width: Math.max(80, this.element.clientWidth), height: Math.max(60, this.element.clientHeight) };
  }

  resize() {
    if (!this.element.clientWidth) return;
    if (this.plot) this.plot.setSize(this.size());
    else this.redraw();
  }

  /** Draw in the next frame; `rebuild`: also if only colours or options have changed. */
  redraw(rebuild = false) {
    if (rebuild) this.shape = "";
    if (this.isWaiting) return;
    this.isWaiting = true;
    if (this.isOut) return;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.draw();
    });
  }

  /** Whether it is in sight: out of sight nothing is drawn. */
  seen(isSeen) {
    this.isOut = !isSeen;
    if (!isSeen || !this.isWaiting) return;
    this.isWaiting = false;
    this.redraw();
  }

  /** Show data with uPlot's series, scales, axes, hooks and bands. The plot is rebuilt only if its shape changed. */
  plotLines(data, { series, scales, axes, hooks = {}, bands = [] }) {
    if (!this.element.clientWidth) return;
    this.lines = series.map((each) => ({ ...each, show: !this.hidden.has(each.key) }));
    const lines = this.lines.map(({ label, stroke, scale, show }) => [label, stroke, scale, show]);
    const shape = JSON.stringify([lines, Object.keys(scales), options.log, this.axis]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(data);
      return;
    }
    this.clear();
    this.shape = shape;
    const plotOptions = {
      ...this.size(),
      series: [{ label: this.axis }, ...this.lines],
      scales: { x: { time: false, range: (_, low, high) => this.view ?? [low, high] }, ...scales },
      axes,
      hooks: { ...hooks, draw: [...(hooks.draw ?? []), drawCut] },
      bands,
      legend: { show: false },
      padding: [8, 6, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { size: 6 }, move: unscaled },
    };
    this.plot = new uPlot(plotOptions, data, this.element);
    this.tip = make("div", { class: "athanor-tip", hidden: true });
    this.plot.over.append(this.tip);
    this.plot.hooks.setCursor = [...(this.plot.hooks.setCursor ?? []), (plot) => this.showTip(plot)];
  }

  /** The values of all lines at the place under the pointer. */
  showTip(plot) {
    const index = plot.cursor.idx;
    this.tip.hidden = index == null || plot.cursor.left < 0;
    if (this.tip.hidden) return;
    const lines = plot.series.slice(1).map((each, i) => [each, nearest(plot, i + 1, index)]);
    this.tip.replaceChildren(
      make("b", {}, textOf(this.axis, plot.data[0][index])),
      ...lines
        .filter(([each, value]) => each.show && value != null)
        .map(([each, value]) => make("div", {}, `${each.label}: ${number(value)}`)),
    );
    const isRight = plot.cursor.left > plot.over.offsetWidth / 2;
    this.tip.style.left = isRight ? "4px" : "auto";
    this.tip.style.right = isRight ? "auto" : "4px";
  }

  /** Show a sentence in the place of a plot. */
  showText(text) {
    this.clear();
    this.element.replaceChildren(make("p", { class: "athanor-empty" }, text));
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
    this.shape = "";
    this.element.replaceChildren();
  }

  /** The chart is not needed any more. */
  release() {
    charts.delete(this);
    this.plot?.destroy();
  }
}

/** In a zoomed canvas the pointer moves in screen pixels, the plot has its own. */
function unscaled(plot, left, top) {
  const scale = plot.rect.width / plot.over.offsetWidth || 1;
  return [left / scale, top / scale];
}

/** The value of a line at an index, or of its point next to it; none before its first and behind its last point. */
function nearest(plot, line, index) {
  const [xs, values] = [plot.data[0], plot.data[line]];
  let [left, right] = [index, index];
  while (left >= 0 && values[left] == null) left--;
  while (right < values.length && values[right] == null) right++;
  if (left < 0 || right >= values.length) return values[index];
  return values[xs[index] - xs[left] <= xs[right] - xs[index] ? left : right];
}

/** Lines given as maps from x to y, as uPlot's data: a common x and a list with gaps for each line. */
export function aligned(lines) {
  const xs = [...new Set(lines.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  return [xs, ...lines.map((line) => xs.map((x) => line.get(x) ?? null))];
}

/** The uPlot series of a line, without points unless `more` says so. */
export function line(label, stroke, more = {}) {
  return { label, stroke, scale: "y", width: 1.5, spanGaps: true, points: { show: false }, ...more };
}

function axis(colours, more) {
  return {
    stroke: colours.muted,
    font: "11px system-ui, sans-serif",
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    gap: 3,
    ...more,
  };
}

/** The axis below a chart: of steps, epochs or time. */
export function xAxis(colours, kind) {
  return axis(colours, { size: 22, ...ticksOf(kind) });
}

/** The axis of values on the left; `log`: uPlot itself would count from the lowest value, 0.1002, 0.2002 and so on. */
export function valueAxis(colours, log) {
  const values = (_, splits) => splits.map((value) => (value == null ? "" : number(value)));
  const splits = (plot, _, low, high) => logTicks(low, high, Math.max(2, (plot.height - 30) / 24));
  return axis(colours, { size: 46, values, ...(log ? { splits, filter: (_, all) => all } : {}) });
}

/** The axis of percentages on the right, in the colour of its line. */
export function percentAxis(colours, scale, stroke) {
  const values = (_, splits) => splits.map((value) => `${number(value)}%`);
  return axis(colours, { scale, side: 1, size: 40, grid: { show: false }, values, stroke });
}

/** A short sample of line number `index`, for legends. */
export function swatch(index) {
  const canvas = make("canvas", { width: 52, height: 12, class: "athanor-swatch", "aria-hidden": "true" });
  const pen = canvas.getContext("2d");
  pen.strokeStyle = theme().line(index);
  pen.lineWidth = 4;
  pen.setLineDash(dash(index).map((length) => length * 2));
  pen.beginPath();
  pen.moveTo(0, 6);
  pen.lineTo(52, 6);
  pen.stroke();
  return canvas;
}
