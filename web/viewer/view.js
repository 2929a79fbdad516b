// What the table shows: where each axis lies, values of the others, hidden values, size, filter, score and order.

import { SORTS } from "./scores.js";

/** Pixels that a cell of the table has at least, and at most. */
export const SMALLEST = 32;
export const LARGEST = 1024;

/** What the table can show, by the marks of the pictures; and what an enlarged picture does with the pinned one. */
export const SHOWN = ["all", "starred", "not rejected"];
export const MODES = ["plain", "wipe", "difference"];

/** The view that a comparison opens with: its first three axes as columns, rows and blocks, and its first score. */
export function firstView({ axes, lengths, scores }) {
  return {
    x: axes[0]?.index ?? null,
    y: axes[1]?.index ?? null,
    z: axes[2]?.index ?? null,
    at: lengths.map(() => 0),
    size: 256,
    show: "all",
    hidden: [], // values that are left out: [axis, value]
    score: scores.names[0], // what stands under the pictures: a kind of score, or "off"
    sort: SORTS[0], // what is put in order of it
  };
}

/** The view with an axis in the place "x", "y" or "z"; if it had another place, that one gets the axis it replaces. */
export function placed(view, place, axis) {
  const result = { ...view };
  for (const other of ["x", "y", "z"]) {
    if (other !== place && axis !== null && view[other] === axis) result[other] = view[place];
  }
  return { ...result, [place]: axis };
}

/** The nearest size in pixels that a cell may have. */
export function clampSize(size) {
  return Math.min(LARGEST, Math.max(SMALLEST, size));
}

/** The view in which a value of an axis is hidden, or shown again. */
export function toggled(view, axis, value) {
  const others = view.hidden.filter(([a, v]) => a !== axis || v !== value);
  return { ...view, hidden: others.length < view.hidden.length ? others : [...others, [axis, value]] };
}
