// What all charts share: smoothing and the logarithmic axis, kept in the browser, and the controls for them.

import { make } from "./dom.js";
import { t } from "./words.js";

const STORAGE = "athanor.chart";
const listeners = new Set();

/** smooth: 0 (none) to 100; log: whether the loss axis is logarithmic. */
export const options = { smooth: 40, log: false, ...stored() };

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE)) ?? {};
  } catch {
    return {};
  }
}

function change(changes) {
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

/** Slider and switch for the options. `release()` of the element ends its updates. */
export function controls() {
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 100,
    value: options.smooth,
    "aria-label": t("Smoothing of the loss"),
    oninput: () => change({ smooth: Number(slider.value) }),
  });
  const log = make("input", {
    type: "checkbox",
    checked: options.log,
    "aria-label": t("Logarithmic loss axis"),
    onchange: () => change({ log: log.checked }),
  });
  const release = onOptions(() => {
    slider.value = options.smooth;
    log.checked = options.log;
  });
  const element = make(
    "div",
    { class: "athanor-controls" },
    make("label", {}, t("smooth"), slider),
    make("label", {}, log, t("log")),
  );
  return Object.assign(element, { release });
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
