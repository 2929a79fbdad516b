// The screen with one enlarged picture: its settings and marks, keys to its neighbours, comparison with a pinned one.

import { canKeep, keepLora, keepsAny } from "./keep.js";
import { make } from "./make.js";
import { madeFrom } from "./label.js";
import { besideNearest, scoreList } from "./nearest.js";
import { Stage } from "./stage.js";
import { t } from "./words.js";

const keysAndActions = () => [
  [t("arrows"), t("previous or next in X and Y")],
  ["PgUp PgDn", t("previous or next block")],
  [t("space (hold)"), t("base model")],
  [t("wheel or + -"), t("zoom")],
  [t("drag or shift + arrows"), t("move")],
  ["0", t("whole picture")],
  ["p", t("pin this picture")],
  ["w", t("wipe between the pinned picture and this one")],
  ["d", t("difference from the pinned picture")],
  ["t", t("training picture beside it")],
  ["s", t("star")],
  ["x", t("reject")],
  ["n", t("note")],
  ["l", t("save as LoRA")],
  ["Esc", t("back")],
];

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
      this.bar(at),
      this.editsNote ? this.noteField() : "",
      madeFrom(comparison.controls(id)),
      this.beside
        ? besideNearest(scores, id, this.picture(at))
        : this.stage.draw(this.picture(at), overlay ? this.pinned() : null, this.mode),
      this.scoreList(scores, id),
      make("details", {}, make("summary", {}, t("settings")), make("pre", {}, data.parameters?.[id] ?? "")),
      this.keys(),
    );
    popup.querySelector("input.note")?.focus();
  }

  /** The scores of a cell; once opened, they stay open from picture to picture. */
  scoreList(scores, id) {
    const list = scoreList(scores, id);
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

  /** What is shown, and the buttons. Marks are those of the picture, also while the base model is shown. */
  bar(at) {
    const { comparison, marks, address } = this.viewer;
    const id = comparison.cell(this.at);
    const mark = marks.of(id);
    const place = comparison.describe(at);
    const mode = { wipe: t("wipe"), difference: t("difference") }[this.mode];
    const button = (name, label) =>
      make("button", { name, "aria-pressed": String(Boolean(mark[name])), onclick: () => this.press(name) }, label);
    const title = t("This picture, with its settings and its graph");
    return make(
      "div",
      { class: "bar" },
      make(
        "p",
        { class: "where" },
        this.showsBase ? t("base model: {place}", { place }) : place,
        this.pin &&
          make(
            "em",
            {},
            `  ${t("pinned: {place}", { place: comparison.describe(this.pin) })}${mode ? ` (${mode})` : ""}`,
          ),
        make("b", {}, mark.note ? `  ✎ ${mark.note}` : ""),
      ),
      button("star", `${mark.star ? "★" : "☆"} ${t("star")}`),
      button("reject", `✕ ${t("reject")}`),
      button("note", `✎ ${t("note")}`),
      comparison.scores.of(id)?.nearest &&
        make(
          "button",
          { "name": "beside", "aria-pressed": String(this.beside), "onclick": () => this.toggleBeside() },
          t("training picture"),
        ),
      canKeep(this.viewer, id) && this.keepButton(),
      comparison.error(id) === undefined &&
        make("a", { class: "button", href: address(id), download: `${id}.png`, title }, t("save picture")),
      make("button", { name: "back", onclick: () => this.viewer.close() }, t("back")),
    );
  }

  keepButton() {
    const title = t("One LoRA file of what this picture was drawn with (l)");
    return make("button", { name: "keep", title, onclick: () => keepLora(this.viewer, this.at) }, t("save this LoRA"));
  }

  keys() {
    const { message } = this.viewer;
    const isOfUse = { l: keepsAny(this.viewer), t: this.viewer.comparison.scores.kinds.length > 0 };
    const keys = keysAndActions().filter(([key]) => isOfUse[key] ?? true);
    return make(
      "p",
      { class: "keys" },
      this.viewer.isUnsaved && make("b", {}, `${message}   `),
      keys.flatMap(([key, action]) => [make("kbd", {}, key), ` ${action}   `]),
    );
  }

  noteField() {
    const id = this.viewer.comparison.cell(this.at);
    const done = (save) => {
      this.editsNote = false;
      if (save) this.viewer.mark(id, { note: field.value.trim() });
      this.draw();
      this.viewer.popup.focus();
    };
    const field = make("input", {
      class: "note",
      maxlength: 2000,
      placeholder: t("Note: Enter saves it, Esc cancels"),
      "aria-label": t("Note"),
      value: this.viewer.marks.of(id).note ?? "",
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Enter") done(true);
        else if (event.key === "Escape") {
          event.preventDefault();
          done(false);
        }
      },
    });
    return field;
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
