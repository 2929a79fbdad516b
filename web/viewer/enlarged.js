// The screen with one enlarged picture: its settings and marks, keys to its neighbours, comparison with a pinned one.

import { bar, keys, noteField } from "./enlarged_bar.js";
import { keepLora } from "./keep.js";
import { make } from "./make.js";
import { madeFrom } from "./label.js";
import { besideNearest, scoreList } from "./nearest.js";
import { Stage } from "./stage.js";
import { t } from "./words.js";

/** The enlarged picture of a viewer. The pinned picture and its mode outlast the screen. */
export class Enlarged {
  constructor(viewer) {
    this.viewer = viewer;
    this.stage = new Stage(() => viewer.changed());
    this.at = null; // the place of the picture
    this.pin = null; // the place of the pinned picture
    this.mode = "plain";
    this.showsBase = false; // while space is down
    this.editsNote = false;
    this.beside = false; // whether the nearest training picture stands beside it
  }

  /** Show the picture at a place. */
  open(at) {
    this.at = at;
    this.draw();
  }

  /** What of it a link keeps; see address.js. */
  get state() {
    const zoom = this.at && this.stage.zoomed;
    return { picture: this.at, pin: this.pin, mode: this.mode, zoom, beside: this.at && this.beside ? "nearest" : "" };
  }

  set state({ pin, mode, zoom, beside }) {
    this.beside = beside === "nearest";
    this.pin = pin;
    this.mode = pin ? mode : "plain";
    this.stage.zoomed = zoom;
  }

  /** The screen is about to be closed. */
  closed() {
    this.at = null;
    this.editsNote = false;
    this.beside = false;
    this.stage.fit();
  }

  draw() {
    const { comparison, data, popup } = this.viewer;
    const at = this.showsBase ? comparison.basePlace(this.at) : this.at;
    const overlay = this.pin && this.mode !== "plain" && !this.showsBase;
    const id = comparison.cell(at);
    const { scores } = comparison;
    popup.replaceChildren(
      bar(this, at),
      this.editsNote ? noteField(this) : "",
      madeFrom(comparison.controls(id)),
      this.beside
        ? besideNearest(scores, id, this.picture(at))
        : this.stage.draw(this.picture(at), overlay ? this.pinned() : null, this.mode),
      this.scoreList(scores, id),
      make("details", {}, make("summary", {}, t("settings")), make("pre", {}, data.parameters?.[id] ?? "")),
      keys(this.viewer),
    );
    popup.querySelector("input.note")?.focus();
  }

  /** The scores of a cell; once opened, they stay open from picture to picture. */
  scoreList(scores, id) {
    const list = scoreList(scores, id, this.beside);
    if (!list) return "";
    list.open = Boolean(this.showsScores);
    list.addEventListener("toggle", () => {
      this.showsScores = list.open;
    });
    return list;
  }

  picture(at) {
    const { comparison, address } = this.viewer;
    const id = comparison.cell(at);
    if (comparison.error(id) !== undefined) {
      const { kind, text } = comparison.lacking(id);
      return make("p", { class: kind }, text);
    }
    return make("img", { src: address(id), alt: comparison.describe(at), "data-cell": id, draggable: "false" });
  }

  pinned() {
    const { comparison, address } = this.viewer;
    const id = comparison.cell(this.pin);
    return make("img", {
      src: address(id),
      class: this.mode,
      alt: t("pinned: {place}", { place: comparison.describe(this.pin) }),
      "data-cell": id,
      draggable: "false",
    });
  }

  /** A button was clicked: the keyboard goes back to the screen. */
  press(name) {
    this.toggle(name);
    if (!this.editsNote) this.viewer.popup.focus();
  }

  /** Star or reject the picture or take that back (one excludes the other), or edit its note. */
  toggle(name) {
    const { comparison, marks } = this.viewer;
    const id = comparison.cell(this.at);
    const { star, reject } = marks.of(id);
    if (name === "note") this.editsNote = true;
    else this.viewer.mark(id, name === "star" ? { star: !star, reject: false } : { reject: !reject, star: false });
    this.draw();
  }

  /** Go to a neighbour on an axis; `axis` null: nothing. */
  step(axis, by) {
    if (axis == null) return;
    this.at = this.viewer.comparison.neighbour(this.at, axis, by);
    this.draw();
    this.viewer.changed();
  }

  /** Pin this picture, or remove the pin from it. */
  togglePin() {
    const { comparison } = this.viewer;
    const isPinned = this.pin && comparison.cell(this.pin) === comparison.cell(this.at);
    this.pin = isPinned ? null : this.at;
    if (!this.pin) this.mode = "plain";
    this.draw();
    this.viewer.changed(true);
  }

  /** Put the nearest training picture beside this one, or take it away. */
  toggleBeside() {
    if (!this.viewer.comparison.scores.kinds.length) return;
    this.beside = !this.beside;
    this.draw();
    this.viewer.popup.focus();
    this.viewer.changed(true);
  }

  toggleMode(mode) {
    this.mode = this.mode === mode ? "plain" : mode;
    this.draw();
    this.viewer.changed(true);
  }

  showBase(on) {
    if (this.showsBase === on) return;
    this.showsBase = on;
    if (this.at) this.draw();
  }

  keydown(event) {
    if (/^(BUTTON|SUMMARY)$/.test(event.target?.tagName) && (event.key === " " || event.key === "Enter")) return;
    const { view } = this.viewer;
    const moves = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
    if (event.shiftKey && event.key in moves) {
      event.preventDefault();
      return this.stage.moveBy(...moves[event.key]);
    }
    const actions = {
      "ArrowLeft": () => this.step(view.x, -1),
      "ArrowRight": () => this.step(view.x, 1),
      "ArrowUp": () => this.step(view.y, -1),
      "ArrowDown": () => this.step(view.y, 1),
      "PageUp": () => this.step(view.z, -1),
      "PageDown": () => this.step(view.z, 1),
      " ": () => this.showBase(true),
      "0": () => this.stage.zoomBy(0),
      "+": () => this.stage.zoomBy(1.2),
      "-": () => this.stage.zoomBy(1 / 1.2),
      "p": () => this.togglePin(),
      "w": () => this.toggleMode("wipe"),
      "d": () => this.toggleMode("difference"),
      "t": () => this.toggleBeside(),
      "s": () => this.toggle("star"),
      "x": () => this.toggle("reject"),
      "n": () => this.toggle("note"),
      "l": () => keepLora(this.viewer, this.at),
      "Escape": () => this.viewer.close(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  keyup(event) {
    if (event.key === " ") this.showBase(false);
  }
}
