// The viewer of a comparison. It reads nothing from a network: its caller gives data and addresses of pictures.

import { fromText, toText } from "./address.js";
import { AddressBar, hashOfPage } from "./address_bar.js";
import { Comparison } from "./comparison.js";
import { Duel } from "./duel.js";
import { Enlarged } from "./enlarged.js";
import { Header } from "./header.js";
import { chooseFiles, download, make } from "./make.js";
import { fromJson, Marks } from "./marks.js";
import { savePicture } from "./save_picture.js";
import { ScoreScreen } from "./score_screen.js";
import { isOff, remember } from "./score_switch.js";
import { OFF, orderOf, SORTS } from "./scores.js";
import { Table } from "./table.js";
import { clampSize, firstView, placed, toggled } from "./view.js";
import { t } from "./words.js";

/** Header and table, and over them at times a screen: an enlarged picture or a duel. */
class Viewer {
  constructor(root, data, address, { save, bar, close, keep }) {
    this.root = root;
    this.data = data;
    this.address = address; // id => where its picture is
    this.leave = close;
    this.keep = keep;
    this.comparison = new Comparison(data);
    this.marks = new Marks(data, save);
    this.view = firstView(this.comparison);
    if (isOff()) this.view.score = OFF;
    this.message = "";
    this.header = new Header(this);
    this.table = new Table(this);
    this.enlarged = new Enlarged(this);
    this.popup = make("div", { class: "popup", hidden: true, tabindex: "0" });
    this.screen = null;
    root.classList.add("athanor-viewer");
    root.replaceChildren(this.header.element, this.table.element, this.popup);
    this.first = this.state;
    this.bar = new AddressBar(bar, () => toText(this.state, this.first));
    this.goTo(this.bar.written);
  }

  /** All that a link keeps. */
  get state() {
    return { ...this.view, ...this.enlarged.state, panel: this.screen instanceof ScoreScreen ? "scores" : "" };
  }

  /** Show the view that a text tells (see address.js); what it does not tell is as at first. */
  goTo(text) {
    const { picture, pin, mode, zoom, beside, panel, ...view } = { ...this.first, ...fromText(text, this.comparison) };
    const axes = [view.x, view.y, view.z].filter((axis) => axis !== null);
    const { x, y, z } = new Set(axes).size < axes.length ? this.first : view; // no axis has two places
    this.view = { ...view, x, y, z };
    this.leaveScreen();
    this.enlarged.state = { pin, mode, zoom, beside };
    this.draw();
    if (picture) this.showPicture(picture);
    else if (panel && this.data.scores) this.showPanel();
  }

  /** The address has another view than before: the user went back or forward. */
  moved() {
    this.goTo(this.bar.moved());
  }

  /** The view has changed: a reload or a copied link shows the same. `isStep`: Back returns to what was before. */
  changed(isStep = false) {
    this.bar.changed(isStep);
  }

  draw() {
    this.comparison.hidden = this.view.hidden;
    this.comparison.order = {};
    this.comparison.order = orderOf(this.comparison, this.view);
    this.header.draw();
    this.root.style.setProperty("--cell", `${this.view.size}px`);
    this.table.draw();
  }

  say(message, isUnsaved = false) {
    this.message = message;
    this.isUnsaved = isUnsaved;
    this.header.say(message);
  }

  /** Put an axis (null: none) into the place "x", "y" or "z". */
  place(name, axis) {
    this.view = placed(this.view, name, axis);
    this.draw();
    this.changed(true);
  }

  /** Exchange columns and rows. */
  swap() {
    this.view = { ...this.view, x: this.view.y, y: this.view.x };
    this.draw();
    this.changed(true);
  }

  /** Choose the value of an axis that has no place in the table. */
  setValue(axis, value) {
    this.view.at = this.comparison.moved(this.view.at, axis, value);
    this.table.draw();
    this.changed();
  }

  /** Choose the score under the pictures; "off" is remembered for other comparisons. */
  chooseScore(score) {
    if (!this.comparison.scores.kinds.length) return;
    this.view = { ...this.view, score, sort: score === OFF ? SORTS[0] : this.view.sort };
    remember(score === OFF);
    this.draw();
    this.changed(true);
  }

  /** Put columns, rows, blocks or all pictures in order of the score. */
  sort(sort) {
    this.view = { ...this.view, sort };
    this.draw();
    this.changed(true);
  }

  showScores() {
    this.showPanel();
    this.changed(true);
  }

  showPanel() {
    this.popup.hidden = false;
    this.screen = new ScoreScreen(this);
    this.popup.focus();
  }

  filter(show) {
    this.view.show = show;
    this.table.draw();
    this.changed(true);
  }

  /** Leave a value of an axis out, or show it again. */
  toggleValue(axis, value) {
    this.view = toggled(this.view, axis, value);
    this.draw();
    this.header.focus("hidden"); // the button that was pressed is gone
    this.changed(true);
  }

  /** Show all values again. */
  showHidden() {
    this.view = { ...this.view, hidden: [] };
    this.draw();
    this.changed(true);
  }

  resize(size) {
    this.view.size = clampSize(size);
    this.root.style.setProperty("--cell", `${this.view.size}px`);
    this.header.size.value = this.view.size;
    this.changed();
  }

  /** Make the pictures as large as the window allows; twice, since heads are lower above wider columns. */
  fit() {
    for (let i = 0; i < 2; i += 1) this.resize(this.table.fittingSize());
  }

  /** Change a cell's mark; say so if it was not saved. */
  async mark(id, change) {
    try {
      await this.marks.set(id, change);
    } catch (error) {
      this.say(t("not saved: {why}", { why: error.message }), true);
      if (this.screen === this.enlarged) this.enlarged.draw();
    }
  }

  /** Show a picture large; `beside`: with the nearest training picture. */
  enlarge(at, beside = false) {
    this.enlarged.beside = beside;
    this.showPicture(at);
    this.changed(true);
  }

  showPicture(at) {
    this.screen = this.enlarged;
    this.popup.hidden = false;
    this.enlarged.open(at);
    this.popup.focus();
  }

  /** Let the values of the rows' axis, or else of the columns', compete. */
  startDuel() {
    const axis = this.view.y ?? this.view.x;
    if (axis == null) return;
    this.popup.hidden = false;
    this.screen = new Duel(this, axis);
    this.popup.focus();
  }

  /** Close the screen over the table. */
  close() {
    const { at } = this.screen;
    const opener = this.screen instanceof ScoreScreen ? "scores" : "duel";
    this.leaveScreen();
    this.table.draw();
    if (at) this.table.focus(at);
    else this.header.focus(opener);
    this.changed(true);
  }

  leaveScreen() {
    this.screen?.closed();
    this.screen = null;
    this.popup.hidden = true;
  }

  keydown(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target?.classList?.contains("note")) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target?.tagName) && key !== "Escape") return;
    if (this.screen) this.screen.keydown(event);
    else if (key === "Escape" && this.leave) {
      event.preventDefault();
      this.leave();
    }
  }

  keyup(event) {
    this.screen?.keyup(event);
  }

  wheel(event) {
    if (!event.ctrlKey || this.screen) return;
    event.preventDefault();
    this.resize(Math.round(this.view.size * (event.deltaY < 0 ? 1.1 : 1 / 1.1)));
  }

  saveMarks() {
    const file = new Blob([this.marks.toJson(this.data)], { type: "application/json" });
    download(file, `${this.data.name}-marks.json`);
  }

  loadMarks() {
    chooseFiles({ accept: ".json" }, async ([file]) => {
      try {
        const loaded = fromJson(await file.text(), this.data.sizes);
        for (const [id, mark] of loaded) await this.mark(id, mark);
        this.say(t("{count} marks loaded from {file}", { count: loaded.length, file: file.name }));
        this.table.draw();
      } catch {
        this.say(t("{file} is not a file of marks", { file: file.name }));
      }
    });
  }

  /** Save the table as one PNG. */
  savePicture() {
    return savePicture(this);
  }
}

/**
 * Show a comparison in the element `root` and return a function that removes it.
 *
 * @param {HTMLElement} root
 * @param {object} data what cells.json holds
 * @param {(id: string) => string} address where the picture of a cell is
 * @param {object} options
 * @param {((id: string, mark: object) => Promise)|null} options.save stores a changed mark; null: the browser keeps it
 * @param {EventTarget} options.keys whose keydown and keyup the viewer hears
 * @param {object|null} options.bar where the page's address holds the view, as `hashOfPage`; null: nowhere
 * @param {(() => void)|null} options.close called by Esc when nothing is left to close
 * @param {((id: string, parts: string[]) => void)|null} options.keep saves the LoRAs of a cell as a file; null: cannot
 */
export function mount(root, data, address, options = {}) {
  const { save = null, keys = document, bar = hashOfPage, close = null, keep = null } = options;
  const viewer = new Viewer(root, data, address, { save, bar, close, keep });
  const keydown = (event) => viewer.keydown(event);
  const keyup = (event) => viewer.keyup(event);
  const wheel = (event) => viewer.wheel(event);
  root.addEventListener("wheel", wheel, { passive: false });
  keys.addEventListener("keydown", keydown);
  keys.addEventListener("keyup", keyup);
  const stopListening = bar?.listen(() => viewer.moved());
  return () => {
    stopListening?.();
    viewer.bar.close();
    root.removeEventListener("wheel", wheel);
    keys.removeEventListener("keydown", keydown);
    keys.removeEventListener("keyup", keyup);
    root.replaceChildren();
  };
}
