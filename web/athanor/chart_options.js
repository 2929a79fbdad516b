// What all charts share, kept in the browser: smoothing, the axes, and whether outliers are left out.

const STORAGE = "athanor.chart";
const listeners = new Set();

/**
 * smooth: 0 (none) to 100; log: whether the loss axis is logarithmic; axis: what the x axis counts, "step", "epoch" or
 * "time"; clip: whether outliers are left out of the loss axis.
 */
export const options = { smooth: 40, log: false, axis: "step", clip: true, ...stored() };

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE)) ?? {};
  } catch {
    return {};
  }
}

/** Change some of the options, and keep them. */
export function change(changes) {
  Object.assign(options, changes);
  try {
    localStorage.setItem(STORAGE, JSON.stringify(options));
  } catch {
    // With closed storage the options last until the page is closed.
  }
  for (const listener of listeners) listener();
}

/** Call `changed` after each change of the options. Returns a function that ends this. */
export function onOptions(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

/** The half-life in steps of the smoothing, for a run of so many steps: 0 for none, a third of the run at most. */
export function halfLife(steps) {
  return ((options.smooth / 100) ** 2 * steps) / 3;
}

/**
 * Exponential mean of points [{step, mean}] with a half-life in steps, with bias correction: what is drawn at a step
 * does not change when later steps come. A point may stand for several steps. A point without a mean gives null.
 */
export function ema(points, half) {
  let total = 0;
  let weight = 0;
  let before = points[0]?.step - 1;
  return points.map(({ step, mean }) => {
    if (mean == null) return null;
    const keep = half > 0 ? 0.5 ** ((step - before) / half) : 0;
    before = step;
    total = keep * total + (1 - keep) * mean;
    weight = keep * weight + 1 - keep;
    return total / weight;
  });
}
