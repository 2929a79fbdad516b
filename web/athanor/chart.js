// Line charts on uPlot: the loss of one run, several runs over each other, the loss by noise level.

import uPlot from "../lib/uPlot.esm.js";
import { DASHES, make, number, onTheme, style, theme } from "./dom.js";
import { t } from "./words.js";

style("../lib/uPlot.css");

const options = { smooth: 40, log: false, ...remembered() };

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("athanor.chart")) ?? {};
  } catch {
    return {};
  }
}

/** Settings that all charts share: smooth (0 to 100) and log. */
export const settings = {
  get: () => options,
  set(change) {
    Object.assign(options, change);
    try {
      localStorage.setItem("athanor.chart", JSON.stringify(options));
    } catch {
      /* kept until the page is closed */
    }
    for (const chart of charts) chart.redraw(true);
    for (const follow of followers) follow();
  },
};

const charts = new Set(),
  followers = new Set();
onTheme(() => {
  for (const chart of charts) chart.redraw(true);
});

/** Half-life in steps that the slider means, for a run of so many steps: 0 is none, 100 a third of the run. */
export const halfLife = (steps) => ((options.smooth / 100) ** 2 * steps) / 3;

/** Causal exponential mean with bias correction: what is drawn never changes later. Points may stand for several steps. */
export function ema(points, half) {
  let total = 0,
    weight = 0,
    before = points[0]?.step - 1;
  return points.map(({ step, mean }) => {
    if (mean == null) return null;
    const keep = half > 0 ? 0.5 ** ((step - before) / half) : 0;
    before = step;
    total = keep * total + (1 - keep) * mean;
    weight = keep * weight + 1 - keep;
    return total / weight;
  });
}

/** A uPlot that follows the size of its box and the host's theme, also inside a zoomed canvas. */
class Chart {
  constructor(label, height) {
    this.label = label;
    this.element = make("div", {
      class: "athanor-chart",
      role: "img",
      "aria-label": label,
      style: `min-height:${height}px`,
    });
    this.plot = null;
    this.shape = "";
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

  redraw(anew = false) {
    if (anew) this.shape = "";
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  /** Show `data` with `series`; the plot is built anew only if their shape has changed. */
  put(data, series, scales, axes, hooks = {}, bands = []) {
    if (!this.element.clientWidth) return;
    const shape = JSON.stringify([series.map((s) => [s.label, s.stroke, s.scale]), Object.keys(scales), options.log]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(data);
      return;
    }
    this.shape = shape;
    this.plot?.destroy();
    this.element.replaceChildren();
    this.plot = new uPlot(
      {
        ...this.size(),
        series: [{ label: t("step") }, ...series],
        scales: { x: { time: false }, ...scales },
        axes,
        hooks,
        bands,
        legend: { show: false },
        padding: [8, 6, 0, 0],
        cursor: {
          drag: { x: false, y: false },
          points: { size: 6 },
          // In a zoomed canvas the pointer moves in screen pixels, the plot lies in its own.
          move: (u, left, top) => {
            const scale = u.rect.width / u.over.offsetWidth || 1;
            return [left / scale, top / scale];
          },
        },
      },
      data,
      this.element,
    );
    this.tip = make("div", { class: "athanor-tip", hidden: true });
    this.plot.over.append(this.tip);
    (this.plot.hooks.setCursor ??= []).push((u) => this.point(u));
  }

  point(u) {
    const at = u.cursor.idx;
    this.tip.hidden = at == null || u.cursor.left < 0;
    if (this.tip.hidden) return;
    const lines = u.series
      .slice(1)
      .map((s, i) => [s.label, u.data[i + 1][at]])
      .filter(([, value]) => value != null);
    this.tip.replaceChildren(
      make("b", {}, t("step {step}", { step: u.data[0][at] })),
      ...lines.map(([label, value]) => make("div", {}, `${label}: ${number(value)}`)),
    );
    this.tip.style.left = u.cursor.left > u.over.offsetWidth / 2 ? "4px" : "auto";
    this.tip.style.right = u.cursor.left > u.over.offsetWidth / 2 ? "auto" : "4px";
  }

  /** The chart is not needed any more. */
  forget() {
    charts.delete(this);
    this.plot?.destroy();
  }

  empty(words) {
    this.plot?.destroy();
    this.plot = null;
    this.shape = "";
    this.element.replaceChildren(make("p", { class: "athanor-empty" }, words));
  }
}

/** A common x of several lines, each given as a map from x to y. */
function aligned(lines) {
  const xs = [...new Set(lines.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  return [xs, ...lines.map((line) => xs.map((x) => line.get(x) ?? null))];
}

function axis(colours, more) {
  return {
    stroke: colours.muted,
    font: "11px system-ui, sans-serif",
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
    gap: 3,
    ...more,
  };
}

const values = (u, splits) => splits.map((v) => (v == null ? "" : number(v)));
const steps = (u, splits) => splits.map((v) => (v == null || v % 1 ? "" : v >= 10000 ? `${v / 1000}k` : String(v)));
const onLog = (u, splits) =>
  splits.map((v) =>
    v != null && [1, 2, 5].includes(Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9))) ? v : null,
  );

/** Without the outermost hundredth, so that one wild step does not flatten the rest. */
function range(u, low, high) {
  if (low == null || !Number.isFinite(low)) return options.log ? [0.01, 1] : [0, 1];
  const all = u.data
    .slice(1)
    .filter((_, i) => u.series[i + 1].scale === "y")
    .flat()
    .filter((v) => v != null && (v > 0 || !options.log))
    .sort((a, b) => a - b);
  const cut = all.length > 100 ? Math.floor(all.length / 100) : 0;
  const a = all[cut] ?? low,
    b = all[all.length - 1 - cut] ?? high;
  if (options.log) return [Math.max(1e-9, a * 0.9), Math.max(1e-8, b * 1.1)];
  const room = (b - a) * 0.06 || Math.abs(b) * 0.1 || 1;
  return [a >= 0 && a < 0.4 * b ? 0 : a - room, b + room];
}

/** Above and below the probe: one look alone gets ten points. */
const room = (low, high) => Math.max((high - low) * 0.1, (10 - (high - low)) / 2);

function scaleY() {
  return options.log ? { distr: 3, range } : { range };
}

/** One run: loss of each step (faint) and its mean, learning rate, probe in % of the start, epochs, saved files. */
export class LossChart extends Chart {
  constructor(height = 170) {
    super(t("Loss over steps"), height);
  }

  show(run) {
    this.run = run;
    this.redraw();
  }

  draw() {
    const { run } = this,
      colours = theme();
    if (!run?.points.length) return this.empty(t(run?.live ? "Waiting for the first step…" : "No steps yet."));
    const { points, probes } = run;
    const smooth = ema(points, halfLife(run.brief?.steps ?? points[points.length - 1].step));
    const positive = (value) => (value > 0 || !options.log ? value : null);
    const raw = new Map(points.map((p) => [p.step, positive(p.loss)]));
    // Points of a long run stand for several steps each: how far their losses reach.
    const thinned = points.some((p) => p.high > p.low),
      reach = (name) => new Map(points.map((p) => [p.step, p[name] == null ? null : positive(p[name])]));
    const mean = new Map(points.map((p, i) => [p.step, positive(smooth[i])]));
    const rates = new Map(points.map((p) => [p.step, p.lr]));
    const [green, orange, blue] = colours.colours;
    const series = [
      { label: t("loss"), scale: "y", stroke: `${green}66`, width: 1, spanGaps: true, points: { show: false } },
      { label: t("mean loss"), scale: "y", stroke: green, width: 2, spanGaps: true, points: { show: false } },
      {
        label: t("learning rate"),
        scale: "lr",
        stroke: blue,
        width: 1,
        dash: DASHES[2],
        spanGaps: true,
        points: { show: false },
      },
      {
        label: t("probe, % of start"),
        scale: "probe",
        stroke: orange,
        width: 1.5,
        dash: DASHES[1],
        spanGaps: true,
        points: { show: true, size: 5, fill: orange },
      },
    ];
    if (thinned) series.splice(0, 1, { ...series[0], label: t("highest") }, { ...series[0], label: t("lowest") });
    const data = aligned([...(thinned ? [reach("high"), reach("low")] : [raw]), mean, rates, new Map(probes)]);
    this.put(
      data,
      series,
      {
        y: scaleY(),
        lr: { range: (u, low, high) => [0, (high || 1) * 1.1] },
        probe: { range: (u, low, high) => (low == null ? [0, 110] : [low - room(low, high), high + room(low, high)]) },
      },
      [
        axis(colours, { size: 22, values: steps }),
        axis(colours, { size: 46, values, ...(options.log ? { filter: onLog } : {}) }),
        axis(colours, {
          scale: "probe",
          side: 1,
          size: 40,
          grid: { show: false },
          values: (u, splits) => splits.map((v) => `${number(v)}%`),
          stroke: orange,
        }),
      ],
      { draw: [(u) => this.marks(u)] },
      thinned ? [{ series: [1, 2], fill: `${green}30` }] : [],
    );
    const now = points[points.length - 1],
      last = smooth.filter((v) => v != null).pop();
    this.element.setAttribute(
      "aria-label",
      t("Loss over {steps} steps, mean now {mean}", { steps: now.step, mean: number(last) }) +
        (probes.length > 1
          ? t(", probe {percent} % of the start", { percent: number(probes[probes.length - 1][1]) })
          : ""),
    );
  }

  /** Epochs as thin lines, saved files as triangles on the axis. */
  marks(u) {
    const { run } = this,
      colours = theme(),
      pen = u.ctx,
      { top, height } = u.bbox,
      scale = devicePixelRatio || 1;
    const epochs = run.points.filter((p, i) => i && p.epoch !== run.points[i - 1].epoch);
    const wide = 14 + 7 * String(epochs[epochs.length - 1]?.epoch ?? "").length;
    const every = Math.max(1, Math.ceil((epochs.length * wide * scale) / u.bbox.width));
    pen.save();
    pen.strokeStyle = colours.line;
    pen.fillStyle = colours.muted;
    pen.font = `${10 * scale}px system-ui, sans-serif`;
    for (const p of epochs.filter((_, i) => i % every === every - 1)) {
      const x = Math.round(u.valToPos(p.step - 1, "x", true));
      pen.setLineDash([2 * scale, 3 * scale]);
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, top + height);
      pen.stroke();
      pen.fillText(`e${p.epoch - 1}`, x + 2 * scale, top + 9 * scale);
    }
    pen.fillStyle = colours.ink;
    for (const { step } of run.brief?.checkpoints ?? []) {
      const x = u.valToPos(step, "x", true),
        y = top + height;
      pen.beginPath();
      pen.moveTo(x, y - 7 * scale);
      pen.lineTo(x - 4 * scale, y);
      pen.lineTo(x + 4 * scale, y);
      pen.fill();
    }
    pen.restore();
  }
}

/** Several runs over each other; `what`: "loss" (mean) or "probe". */
export class OverlayChart extends Chart {
  constructor(height = 220) {
    super(t("Runs compared"), height);
  }

  show(runs, what) {
    Object.assign(this, { runs, what });
    this.redraw();
  }

  draw() {
    const colours = theme();
    const lines = (this.runs ?? []).map((run) => {
      if (this.what === "probe") return new Map(run.probes);
      const smooth = ema(run.points, halfLife(run.brief?.steps ?? 1));
      return new Map(run.points.map((p, i) => [p.step, smooth[i] > 0 || !options.log ? smooth[i] : null]));
    });
    if (!lines.some((line) => line.size)) return this.empty(t("No steps yet."));
    const series = this.runs.map((run, i) => ({
      label: run.brief?.name ?? run.id,
      scale: "y",
      stroke: colours.colours[i % 8],
      width: 2,
      dash: DASHES[i % 8],
      spanGaps: true,
      points: { show: this.what === "probe", size: 4 },
    }));
    this.put(aligned(lines), series, { y: scaleY() }, [
      axis(colours, { size: 22, values: steps }),
      axis(colours, { size: 46, values, ...(options.log ? { filter: onLog } : {}) }),
    ]);
    this.element.setAttribute(
      "aria-label",
      t(this.what === "probe" ? "Probe of {count} runs over steps" : "Loss of {count} runs over steps", {
        count: this.runs.length,
      }),
    );
  }
}

/** Loss by noise level, as the review tells it. */
export class BandChart extends Chart {
  constructor(height = 180) {
    super(t("Loss by noise level"), height);
  }

  show(told) {
    this.told = told;
    this.redraw();
  }

  draw() {
    const colours = theme(),
      shown = (this.told?.bands ?? []).filter((band) => band.count);
    if (!shown.length || this.told.steps.length < 2) return this.empty(t("Not enough steps yet."));
    const lines = shown.map((band) => new Map(this.told.steps.map((step, i) => [step, band.means[i]])));
    const series = shown.map((band, i) => ({
      label: `${band.from}–${band.to}`,
      scale: "y",
      stroke: colours.colours[i % 8],
      width: 1.5,
      dash: DASHES[i % 8],
      spanGaps: true,
      points: { show: false },
    }));
    const range = (u, low, high) => (low == null ? [0.01, 1] : [low * 0.85, high * 1.15]);
    this.put(aligned(lines), series, { y: { distr: 3, range } }, [
      axis(colours, { size: 22, values: steps }),
      axis(colours, { size: 46, values, filter: onLog }),
    ]);
  }
}

/** A drawn sample of line number `i`, for legends. */
export function swatch(i) {
  const colours = theme().colours,
    canvas = make("canvas", { width: 52, height: 12, class: "athanor-swatch", "aria-hidden": "true" });
  const pen = canvas.getContext("2d");
  pen.strokeStyle = colours[i % 8];
  pen.lineWidth = 4;
  pen.setLineDash(DASHES[i % 8].map((n) => n * 2));
  pen.beginPath();
  pen.moveTo(0, 6);
  pen.lineTo(52, 6);
  pen.stroke();
  return canvas;
}

/** The slider and the switch that all charts share. */
export function controls() {
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 100,
    value: options.smooth,
    "aria-label": t("Smoothing of the loss"),
    oninput: () => settings.set({ smooth: Number(slider.value) }),
  });
  const log = make("input", {
    type: "checkbox",
    checked: options.log,
    "aria-label": t("Logarithmic loss axis"),
    onchange: () => settings.set({ log: log.checked }),
  });
  const follow = () => {
    slider.value = options.smooth;
    log.checked = options.log;
  };
  followers.add(follow);
  const element = make(
    "div",
    { class: "athanor-controls" },
    make("label", {}, t("smooth"), slider),
    make("label", {}, log, t("log")),
  );
  return Object.assign(element, { forget: () => followers.delete(follow) });
}
