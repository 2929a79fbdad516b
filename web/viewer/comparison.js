// The cells of a comparison by their place in its axes. No drawing here.

import { Scores } from "./scores.js";
import { t, told } from "./words.js";

/**
 * What cells.json holds, by place. A place `at` is a list with one value index per axis. Cells are stored with the last
 * axis changing fastest.
 */
export class Comparison {
  constructor(data) {
    this.data = data;
    this.lengths = data.axes.map((axis) => axis.values.length);
    /** Axes with more than one value, each with its index among all axes. */
    this.axes = data.axes.map((axis, index) => ({ ...axis, index })).filter((axis) => axis.values.length > 1);
    this.baseValues = data.axes.map((axis) => axis.names.indexOf("base model"));
    /** Values that are hidden: [axis, value]. */
    this.hidden = [];
    this.scores = new Scores(data.scores);
    /** The order of an axis's values where it is not the planned one: {axis: [value]}. */
    this.order = {};
  }

  /** The id of the cell at a place. */
  cell(at) {
    return this.data.cells[at.reduce((sum, value, axis) => sum * this.lengths[axis] + value, 0)];
  }

  /** The addresses of the pictures that a cell was made from, none for most comparisons. */
  controls(id) {
    return this.data.controls?.[id] ?? [];
  }

  /** The pictures that all cells of these places were made from; none if some were made from others. */
  sharedControls(places) {
    const all = places.map((at) => this.controls(this.cell(at)));
    return all.every((one) => one.join() === all[0].join()) ? all[0] : [];
  }

  /** The indices of shown values of an axis, in their order; of no axis (null), a single 0, so that loops run once. */
  indices(axis) {
    if (axis == null) return [0];
    const all = this.order[axis] ?? this.data.axes[axis].values.map((_, index) => index);
    const shown = all.filter((index) => !this.hidden.some(([a, value]) => a === axis && value === index));
    return shown.length ? shown : all;
  }

  /** The place `at` with another value on one axis (null: unchanged). */
  moved(at, axis, value) {
    return axis == null ? at : at.map((old, index) => (index === axis ? value : old));
  }

  /** The place beside `at` on an axis, `by` shown values further; after the last value comes the first. */
  neighbour(at, axis, by) {
    const shown = this.indices(axis);
    const here = shown.includes(at[axis]) ? shown.indexOf(at[axis]) : shown.findLastIndex((value) => value < at[axis]);
    return this.moved(at, axis, shown[(here + by + shown.length) % shown.length]);
  }

  /** The place of the base model's picture with the same other settings; `at` itself if no axis has a base model. */
  basePlace(at) {
    return at.map((value, axis) => (this.baseValues[axis] >= 0 ? this.baseValues[axis] : value));
  }

  /** All axis values of a place as one line. */
  describe(at) {
    return this.axes.map((axis) => `${axis.title}: ${axis.names[at[axis.index]]}`).join("  ·  ");
  }

  /** The title of an axis, with what all its values have in common. */
  heading(axis) {
    const { title, common } = this.data.axes[axis];
    return common ? `${title} (${common})` : title;
  }

  /** One value of an axis as a label; of no axis (null), nothing. */
  label(axis, value) {
    return axis == null ? "" : this.data.axes[axis].values[value];
  }

  /** Why a cell has no picture, "" if it is not drawn yet; undefined if it has one. */
  error(id) {
    return this.data.failed?.[id];
  }

  /** The same for users. */
  lacking(id) {
    const error = this.error(id);
    return error
      ? { kind: "failed", text: t("failed: {why}", { why: told(error) }) }
      : { kind: "undrawn", text: t("not drawn yet") };
  }

  /** Width and height of a cell's picture in pixels. */
  size(id) {
    return this.data.sizes[id];
  }

  /**
   * The blocks of a table with axis `x` as columns, `y` as rows and `z` as blocks (each may be null); all other axes
   * stand at their value in `at`. Hidden values are left out.
   * Returns [{title, value, columns: [{label, value}], rows: [{label, value, places: [at]}]}], with `value` the index.
   */
  blocks({ x, y, z, at }) {
    return this.indices(z).map((block) => {
      const blockPlace = this.moved(at, z, block);
      const row = (index) => {
        const rowPlace = this.moved(blockPlace, y, index);
        return {
          label: this.label(y, index),
          value: index,
          places: this.indices(x).map((column) => this.moved(rowPlace, x, column)),
        };
      };
      return {
        title: z == null ? "" : `${this.heading(z)}: ${this.label(z, block)}`,
        value: block,
        columns: this.indices(x).map((column) => ({ label: this.label(x, column), value: column })),
        rows: this.indices(y).map(row),
      };
    });
  }
}
