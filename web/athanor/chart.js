// The base of all line charts: a uPlot plot that follows its box, the theme and the options.

import uPlot from "../lib/uPlot.esm.js";
import { onOptions, options } from "./chart_options.js";
import { make, style } from "./dom.js";
import { number } from "./format.js";
import { dash, onTheme, theme } from "./theme.js";
import { logTicks } from "./ticks.js";
import { t } from "./words.js";

style("../lib/uPlot.css");

const charts = new Set();
const rebuildAll = () => {
  for (const chart of charts) chart.redraw(true);
};
onTheme(rebuildAll);
onOptions(rebuildAll);

/** A chart. Subclasses implement draw(), which calls plotLines() or showText(). */
export class Chart {
  constructor(label, height) {
    const attributes = { class: "athanor-chart", role: "img", "aria-label": label, style: `min-height:${height}px` };
    this.element = make("div", attributes);
    this.plot = null;
    this.shape = ""; // of the plot that stands: lines, scales and options
    charts.add(this);
    new ResizeObserver(() => this.resize()).observe(this.element);
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
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.draw();
    });
  }

  /** Show data with uPlot's series, scales, axes, hooks and bands. The plot is rebuilt only if its shape changed. */
  plotLines(data, { series, scales, axes, hooks = {}, bands = [] }) {
    if (!this.element.clientWidth) return;
    const lines = series.map((line) => [line.label, line.stroke, line.scale]);
    const shape = JSON.stringify([lines, Object.keys(scales), options.log]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(data);
      return;
    }
    this.clear();
    this.shape = shape;
    const plotOptions = {
      ...this.size(),
      series: [{ label: t("step") }, ...series],
      scales: { x: { time: false }, ...scales },
      axes,
      hooks,
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

  /** The values of all lines at the step under the pointer. */
  showTip(plot) {
    const index = plot.cursor.idx;
    this.tip.hidden = index == null || plot.cursor.left < 0;
    if (this.tip.hidden) return;
    const lines = plot.series.slice(1).map((line, i) => [line.label, plot.data[i + 1][index]]);
    this.tip.replaceChildren(
      make("b", {}, t("step {step}", { step: plot.data[0][index] })),
      ...lines
        .filter(([, value]) => value != null)
        .map(([label, value]) => make("div", {}, `${label}: ${number(value)}`)),
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

/** The axis of steps below a chart. */
export function stepAxis(colours) {
  const label = (step) => (step >= 10000 ? `${step / 1000}k` : String(step));
  const values = (_, splits) => splits.map((step) => (step == null || step % 1 ? "" : label(step)));
  return axis(colours, { size: 22, values });
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

/**
 * The range of the loss axis. With more than 100 values the lowest and highest hundredth are left out, so that one wild
 * step does not flatten the rest.
 */
function lossRange(plot, low, high) {
  if (low == null || !Number.isFinite(low)) return options.log ? [0.01, 1] : [0, 1];
  const values = plot.data
    .slice(1)
    .filter((_, i) => plot.series[i + 1].scale === "y")
    .flat()
    .filter((value) => value != null && (value > 0 || !options.log))
    .sort((a, b) => a - b);
  const cut = values.length > 100 ? Math.floor(values.length / 100) : 0;
  const bottom = values[cut] ?? low;
  const top = values[values.length - 1 - cut] ?? high;
  if (options.log) return [Math.max(1e-9, bottom * 0.9), Math.max(1e-8, top * 1.1)];
  const margin = (top - bottom) * 0.06 || Math.abs(top) * 0.1 || 1;
  return [bottom >= 0 && bottom < 0.4 * top ? 0 : bottom - margin, top + margin];
}

/** The scale of the loss axis, as the options say. */
export function lossScale() {
  return options.log ? { distr: 3, range: lossRange } : { range: lossRange };
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
