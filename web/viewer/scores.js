// How alike the pictures of a comparison are to training pictures: numbers by cell, and the order that they make.

import { make } from "./make.js";
import { t } from "./words.js";

/** What can be put in order of a score. "pictures": all of them as one sheet. */
export const SORTS = ["as planned", "columns", "rows", "blocks", "pictures"];
const PLACES = { columns: "x", rows: "y", blocks: "z" };
export const OFF = "off";

/** The scores of a comparison; of one that has none, all methods find nothing. */
export class Scores {
  constructor(data) {
    this.data = data ?? { kinds: [], cells: {}, pictures: {} };
    const { kinds, cells } = this.data;
    const all = Object.values(cells);
    /** Kinds of scores that pictures have: {name, title, high, blind}. */
    this.kinds = kinds.filter(({ name }) => all.some(({ values }) => name in values));
    this.ranges = new Map(this.kinds.map(({ name }) => [name, range(all.map(({ values }) => values[name]))]));
  }

  /** What a view can be asked for: the kinds' names, and "off". */
  get names() {
    return this.kinds.length ? [...this.kinds.map(({ name }) => name), OFF] : [OFF];
  }

  kind(name) {
    return this.kinds.find((kind) => kind.name === name);
  }

  /** All that is known of a cell; undefined if it was not scored. */
  of(id) {
    return Object.hasOwn(this.data.cells, id) ? this.data.cells[id] : undefined;
  }

  /** A cell's score of a kind; undefined if it has none. */
  value(id, name) {
    return this.of(id)?.values[name];
  }

  /** Where a score lies between the lowest and the highest of the comparison, from 0 to 1, 1 the better end. */
  part(value, name) {
    const [low, high] = this.ranges.get(name);
    const part = high > low ? (value - low) / (high - low) : 1;
    return this.kind(name).high ? part : 1 - part;
  }

  /** A number and a small bar of a cell's score; "" if there is none. */
  badge(id, name) {
    const value = this.kind(name) && this.value(id, name);
    if (value === undefined) return "";
    const [low, high] = this.ranges.get(name);
    const title = t("{title}; the bar goes from {low} to {high}", {
      title: scoreTitle(this.kind(name).title),
      low: number(low),
      high: number(high),
    });
    return make("div", { class: "score", title }, make("span", {}, number(value)), bar(this.part(value, name)));
  }

  /** The address of a small version of a cell's nearest training picture; "" if there is none. */
  picture(id) {
    return this.data.pictures[this.of(id)?.picture] ?? "";
  }

  /** The mean of a kind over cells, each once; null if none of them has it. */
  mean(ids, name) {
    const values = [...new Set(ids)].map((id) => this.value(id, name)).filter((value) => value !== undefined);
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  }

  /** Things [thing, score or null] with the best first, those without a score last. */
  ranked(pairs, name) {
    const sign = this.kind(name).high ? -1 : 1;
    const key = (score) => (score === null ? Number.POSITIVE_INFINITY : sign * score);
    const compare = ([, a], [, b]) => (key(a) === key(b) ? 0 : key(a) - key(b));
    return [...pairs].sort(compare).map(([thing]) => thing);
  }
}

/** A score as it is shown. */
export const number = (value) => value.toFixed(3);

/** A small bar; `part`: how long, from 0 to 1. */
export function bar(part) {
  const filled = make("i", { style: `width: ${Math.round(100 * Math.min(1, Math.max(0, part)))}%` });
  return make("span", { "class": "bar-of-score", "aria-hidden": "true" }, filled);
}

function range(values) {
  const known = values.filter((value) => value !== undefined);
  return [Math.min(...known), Math.max(...known)];
}

/** The order of the values of the axis that a view sorts: {axis: [value]}, the best first; {} if it sorts none. */
export function orderOf(comparison, view) {
  const { scores } = comparison;
  const axis = view[PLACES[view.sort]] ?? null;
  if (axis === null || !scores.kind(view.score)) return {};
  const others = [view.x, view.y, view.z].filter((other) => other !== null && other !== axis);
  const pairs = comparison.data.axes[axis].values.map((_, value) => {
    const places = spread(comparison, others, comparison.moved(view.at, axis, value));
    const ids = places.map((at) => comparison.cell(at));
    return [value, scores.mean(ids, view.score)];
  });
  return { [axis]: scores.ranked(pairs, view.score) };
}

/** The places of all shown pictures of a view, each picture once, the best first. */
export function bestFirst(comparison, view) {
  const { scores } = comparison;
  const axes = [view.z, view.y, view.x].filter((axis) => axis !== null);
  const places = new Map(spread(comparison, axes, view.at).map((at) => [comparison.cell(at), at]));
  const pairs = [...places].map(([id, at]) => [at, scores.value(id, view.score) ?? null]);
  return scores.kind(view.score) ? scores.ranked(pairs, view.score) : [...places.values()];
}

/** `at` with all shown values of these axes. */
function spread(comparison, axes, at) {
  let places = [at];
  for (const axis of axes) {
    places = places.flatMap((place) => comparison.indices(axis).map((value) => comparison.moved(place, axis, value)));
  }
  return places;
}

/** How a kind of score is called, by its English title. */
export function scoreTitle(title) {
  const titles = {
    "likeness": t("likeness"),
    "likeness to held-out": t("likeness to held-out"),
    "likeness to all": t("likeness to all"),
    "vectors": t("vectors"),
    "prompt": t("prompt"),
    "variety": t("variety"),
  };
  return Object.hasOwn(titles, title) ? titles[title] : title;
}
