// What the address of a page keeps of a view, so that a link or a reload opens the same one.

import { SORTS } from "./scores.js";
import { clampSize, MODES, SHOWN } from "./view.js";

const isIndex = (value, count) => Number.isInteger(value) && value >= 0 && value < count;
const numbers = (text, sign) => (/^[\d.eE+_-]+$/.test(text) ? text.split(sign).map(Number) : [Number.NaN]);

/** An axis, "-" for none. */
const AXIS = {
  write: (axis) => (axis == null ? "-" : String(axis)),
  read: (text, { lengths }) =>
    text === "-" ? null : /^\d+$/.test(text) && isIndex(Number(text), lengths.length) ? Number(text) : undefined,
};

/** One value of every axis: 0.2.1 */
const PLACE = {
  write: (at) => at?.join(".") ?? "",
  read(text, { lengths }) {
    const at = numbers(text, ".");
    return at.length === lengths.length && at.every((value, axis) => isIndex(value, lengths[axis])) ? at : undefined;
  },
};

/** One of a few words. */
const word = (words) => ({ write: (value) => value, read: (text) => (words.includes(text) ? text : undefined) });

/** A kind of score of the comparison, or "off". */
const SCORE = { write: (name) => name, read: (text, { scores }) => (scores.names.includes(text) ? text : undefined) };

/** Values of axes: 0.2_1.0 is value 2 of axis 0 and value 0 of axis 1. */
const VALUES = {
  write: (pairs) => pairs.map((pair) => pair.join(".")).join("_"),
  read(text, { lengths }) {
    const pairs = text.split("_").map((pair) => numbers(pair, "."));
    const fits = ([axis, value, ...more]) =>
      !more.length && isIndex(axis, lengths.length) && isIndex(value, lengths[axis]);
    const isShown = (count, axis) => pairs.filter((pair) => pair[0] === axis).length < count;
    return pairs.every(fits) && lengths.every(isShown) ? pairs : undefined;
  },
};

const SIZE = {
  write: String,
  read: (text) => (/^\d{1,5}$/.test(text) ? clampSize(Number(text)) : undefined),
};

/** How far and where the enlarged picture is zoomed: scale, and its move as parts of its width and height. */
const ZOOM = {
  write: (zoom) => zoom?.map((value) => String(Math.round(value * 1000) / 1000)).join("_") ?? "",
  read(text) {
    const zoom = numbers(text, "_");
    return zoom.length === 3 && zoom.every(Number.isFinite) && zoom[0] > 1 && zoom[0] <= 16 ? zoom : undefined;
  },
};

/** All that an address keeps, by its name there; `read` returns undefined for what does not fit the comparison. */
const KEPT = {
  x: AXIS,
  y: AXIS,
  z: AXIS,
  at: PLACE,
  size: SIZE,
  show: word(SHOWN),
  hidden: VALUES,
  score: SCORE,
  sort: word(SORTS),
  picture: PLACE,
  pin: PLACE,
  mode: word(MODES),
  zoom: ZOOM,
  beside: word(["", "nearest"]),
  panel: word(["", "scores"]),
};

/** What of a view differs from the one that the comparison opens with, as text: "x=1&y=0&picture=0.2". */
export function toText(view, first) {
  const text = (from, name) => KEPT[name].write(from[name]);
  const names = Object.keys(KEPT).filter((name) => text(view, name) !== text(first, name));
  return String(new URLSearchParams(names.map((name) => [name, text(view, name)])));
}

/** The parts of a view that such a text tells; what is unknown or does not fit is left out. */
export function fromText(text, comparison) {
  const view = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const found = Object.hasOwn(KEPT, name) ? KEPT[name].read(value, comparison) : undefined;
    if (found !== undefined) view[name] = found;
  }
  return view;
}
