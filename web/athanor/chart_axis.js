// What a chart's x axis counts: steps, epochs or the seconds trained.

import { duration, number } from "./format.js";
import { t } from "./words.js";

const DIGITS = [1, 2, 5].flatMap((digit) =>
  [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8].map((power) => digit * 10 ** power),
);
const rising = (one, other) => one - other;
const CLOCK = [...DIGITS.filter((n) => n < 10), 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];
const DAYS = [43200, 86400, 172800, 432000, 864000];

/** The choices as [value of `options.axis`, text]. */
export const axes = () => [
  ["step", t("step")],
  ["epoch", t("epoch")],
  ["time", t("time trained")],
];

/** Steps of an epoch: exact once one is over; the last one may have been cut short. */
function stepsPerEpoch({ points, summary }) {
  const planned = summary?.epochs ? summary.steps / summary.epochs : 1;
  return points.reduce((most, { step, epoch }) => Math.max(most, step / Math.max(1, epoch)), planned || 1);
}

/** The y between points [x, y] that rise in both, at an x; the first or last one beyond their ends. */
export function between(points, x) {
  let [low, high] = [0, points.length - 1];
  if (x <= points[low][0]) return points[low][1];
  if (x >= points[high][0]) return points[high][1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= x) low = middle;
    else high = middle;
  }
  const [[left, from], [right, to]] = [points[low], points[high]];
  return right > left ? from + ((to - from) * (x - left)) / (right - left) : to;
}

/** How an axis measures a run: {toX(step), toStep(x)}. */
export function measure(run, axis) {
  if (axis === "epoch") {
    const each = stepsPerEpoch(run);
    return { toX: (step) => step / each, toStep: (x) => x * each };
  }
  if (axis !== "time") return { toX: (step) => step, toStep: (x) => x };
  const known = [[0, 0], ...run.points.map(({ step, trained }) => [step, trained ?? 0])];
  const back = known.map(([step, seconds]) => [seconds, step]);
  return { toX: (step) => between(known, step), toStep: (x) => between(back, x) };
}

/** A value of an axis in words, for a hover: "step 120". */
export function textOf(axis, x) {
  if (axis === "epoch") return t("epoch {epoch}", { epoch: number(x) });
  if (axis === "time") return t("after {time}", { time: clock(x) });
  return t("step {step}", { step: number(x) === String(x) ? x : Math.round(x) });
}

const clock = (seconds) => (seconds > 0 && seconds < 10 ? `${number(seconds)} s` : duration(seconds));

const steps = (step) => {
  if (step % 1) return "";
  return step >= 10000 ? `${step / 1000}k` : String(step);
};

/** uPlot's choices for an axis: which values it names, and how. */
export function ticksOf(axis) {
  const text = { step: steps, epoch: number, time: clock }[axis] ?? steps;
  const incrs = (axis === "time" ? [...CLOCK, ...DAYS] : DIGITS).toSorted(rising);
  return {
    incrs,
    space: axis === "time" ? 62 : 50,
    values: (_, splits) => splits.map((x) => (x == null ? "" : text(x))),
  };
}
