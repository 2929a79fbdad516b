// Save as LoRA: a file of several LoRAs, an average or block strengths; first what it will be, then its error.

import { openWindow } from "./dialog.js";
import { make, style } from "./dom.js";
import { get, post } from "./http.js";
import { follow, tellEnd, underWay } from "./keep_work.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

style("./publish.css");

const PAUSE = 300; // ms after the last key before the server is asked what it would be
const FORMATS = { fp16: "fp16", bf16: "bf16", float: "float32" };

/**
 * Open the dialog. `offer`: path that says what the file would be; `make`: path that makes it; `body`: what both are
 * about, {cell} or {which}, where a {which} can be changed; `parts`: of a cell, see GET /athanor/compare/{name};
 * `made()`: called when there is a new file; `tell(text)`: called with how it ended once this dialog is closed, or
 * nothing.
 */
export const open = (options) => new KeepDialog(options);

class KeepDialog {
  constructor(options) {
    this.options = options;
    this.body = { ...options.body };
    this.hasWhich = "which" in this.body;
    this.asked = 0; // number of the newest question
    this.touched = new Set(); // fields that the user has changed: of the others the server chooses
    this.work = null; // what is being made: one file at a time
    this.build();
    this.ask();
    this.waitForOther();
  }

  build() {
    const soon = (field) => ({ oninput: () => this.askSoon(field) });
    const now = (field) => ({ onchange: () => this.ask(field) });
    this.which = make("input", { type: "text", value: this.body.which ?? "", ...soon("which") });
    this.part = make("select", now("part"));
    this.name = make("input", { type: "text", ...soon("name"), onkeydown: (event) => this.entered(event) });
    this.rank = make("select", now("rank"));
    this.precision = make("select", now("precision"));
    this.partRow = row(t("Model"), this.part);
    this.partRow.hidden = true;
    this.files = make("ul", { class: "sources" });
    this.about = make("div", { "class": "about", "aria-live": "polite" });
    this.status = make("p", { class: "where", role: "status" }, t("Reading the files…"));
    this.bar = make("progress", { "max": 1, "value": 0, "hidden": true, "aria-label": t("Layers that are done") });
    this.stopButton = make("button", { type: "button", hidden: true, onclick: () => this.stop() }, t("Stop"));
    this.saveButton = make(
      "button",
      { type: "button", class: "act", disabled: true, onclick: () => this.save() },
      t("Save"),
    );
    this.form = make(
      "div",
      { class: "form" },
      this.hasWhich && row(t("Average"), this.which),
      this.partRow,
      row(t("Name"), this.name),
      row(t("Rank"), this.rank),
      row(t("Number format"), this.precision),
      make("h3", {}, t("Made of")),
      this.files,
      this.about,
    );
    this.dialog = openWindow(t("Save as LoRA"), {
      content: this.form,
      foot: [this.status, this.bar, this.stopButton, this.saveButton],
      kind: "athanor-keep",
    });
    this.dialog.tabIndex = -1; // while a file is made it has the focus, as fields that are off cannot
    this.dialog.addEventListener("close", () => clearTimeout(this.timer));
    (this.hasWhich ? this.which : this.name).focus();
  }

  say(text, isBad = false) {
    this.status.textContent = text;
    this.status.dataset.kind = isBad ? "bad" : "";
  }

  /** Ask when a moment has passed since the last key; answers to what was asked before are not shown. */
  askSoon(field) {
    this.touched.add(field);
    this.asked += 1;
    this.saveButton.disabled = true;
    this.isEntered = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  /** What is chosen; what was never touched is left to the server. */
  chosen() {
    const chosen = { ...this.body };
    if (this.hasWhich) chosen.which = this.which.value;
    if (!this.partRow.hidden) chosen.part = this.part.value;
    for (const field of ["name", "rank", "precision"]) {
      if (this.touched.has(field)) chosen[field] = this[field].value;
    }
    return chosen;
  }

  /** Ask what the file would be, and show it. `field`: that the user has changed, or nothing. */
  async ask(field) {
    if (field) this.touched.add(field);
    clearTimeout(this.timer);
    this.asked += 1;
    const number = this.asked;
    this.saveButton.disabled = true;
    try {
      const { cell, ...query } = this.chosen();
      const offer = await get(`${this.options.offer}?${new URLSearchParams(query)}`);
      if (number !== this.asked) return;
      if (offer.ranks) this.show(offer);
      else this.refuse(told(offer.trouble));
    } catch (error) {
      if (number === this.asked) this.refuse(error.message);
    }
  }

  refuse(why) {
    this.files.replaceChildren();
    this.about.replaceChildren();
    this.say(why, true);
  }

  show(offer) {
    const isFirst = !this.offer;
    this.offer = offer;
    if (!this.touched.has("name")) this.name.value = offer.name;
    if (isFirst) this.showParts();
    this.rank.replaceChildren(...offer.ranks.map((rank) => option(rank, rankLabel(rank, offer), rank === offer.rank)));
    this.precision.replaceChildren(
      ...offer.precisions.map((name) => option(name, FORMATS[name] ?? name, name === offer.precision)),
    );
    this.files.replaceChildren(...offer.files.map((file) => make("li", {}, sourceText(file))));
    this.about.replaceChildren(...offer.text.map((line) => make("p", {}, told(line))));
    this.saveButton.disabled = Boolean(offer.trouble || this.work);
    if (offer.trouble) this.say(told(offer.trouble), true);
    else if (!this.work) this.say(t("Nothing is written yet."));
    if (isFirst && !this.hasWhich && !this.touched.has("name")) this.name.select();
    if (this.isEntered && !this.saveButton.disabled) this.save();
    this.isEntered = false;
  }

  /** With two models, which one's LoRAs are saved. */
  showParts() {
    const { parts = [] } = this.options;
    if (parts.length < 2) return;
    const names = { loras: t("high noise"), loras_low: t("low noise") };
    this.part.replaceChildren(...parts.map((part) => option(part, names[part], part === parts[0])));
    this.partRow.hidden = false;
  }

  /** Enter saves; right behind the last letter, once the server has said that the name is free. */
  entered(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (this.saveButton.disabled) this.isEntered = true;
    else this.save();
  }

  async save() {
    const { name, rank, precision } = this; // what is shown, chosen or not
    const body = { ...this.chosen(), name: name.value, rank: Number(rank.value), precision: precision.value };
    this.working(true);
    try {
      this.ended(await this.watch(await post(this.options.make, body)));
    } catch (error) {
      this.say(error.message, true);
      this.working(false);
      if (error.status === 409) this.name.focus();
    }
  }

  /** What another dialog, or another user, has saved before may still be made: until then this one cannot be. */
  async waitForOther() {
    const work = await underWay();
    if (!work || this.work || !this.dialog.isConnected) return;
    this.saveButton.disabled = true;
    await this.watch(work);
    if (this.dialog.isConnected) this.ask();
  }

  /** Show how far a file is until it has ended; returns how. */
  async watch(work) {
    this.work = work;
    this.stopButton.hidden = this.bar.hidden = false;
    const moved = ({ name, done, total }) => {
      this.bar.value = total ? done / total : 0;
      const far = total ? t("{done} of {total} layers", { done, total }) : "";
      this.say(`${t("{name} is being made; you may close this.", { name })} ${far}`);
    };
    const ended = await follow(work, moved);
    this.work = null;
    this.stopButton.hidden = this.bar.hidden = true;
    return ended;
  }

  /** It is done, or has failed: said here, or at the edge of the page once the dialog is closed. */
  ended(work) {
    if (work.state === "done") this.options.made();
    if (!this.dialog.isConnected) return tellEnd(work, this.options.tell ?? (() => {}));
    if (work.state === "done") return this.showMade(work.made);
    this.working(false);
    this.say(told(work.error), work.state === "failed");
    this.name.focus();
  }

  /** While it is made, nothing else is chosen. */
  working(on) {
    for (const field of [this.which, this.part, this.name, this.rank, this.precision]) field.disabled = on;
    this.saveButton.disabled = on;
    if (!on) return;
    this.say(t("Making the file…"));
    this.dialog.focus();
  }

  stop() {
    post("/making/stop").catch((error) => this.say(error.message, true));
  }

  /** What was made, and how it is used. */
  showMade({ file, text, axis }) {
    const copy = (value, label) =>
      make("button", { type: "button", onclick: () => this.copy(value, label) }, t("Copy"));
    const name = make("code", {}, file);
    this.form.replaceChildren(
      make("h3", {}, t("Saved")),
      make("p", { class: "made" }, name, " ", copy(file, t("name"))),
      ...text.map((line) => make("p", {}, told(line))),
      make("h3", {}, t("How to use it")),
      make("p", {}, t("It is in the list of Load LoRA now; LoRA Info shows what it was made of.")),
      axis &&
        make(
          "p",
          {},
          t("To see that it draws the same: these values in an XYZ Axis of type LoRA, with strengths 1."),
          " ",
          copy(axis, t("values")),
        ),
      axis && make("pre", { tabindex: 0 }, axis),
    );
    this.saveButton.replaceWith(make("button", { type: "button", onclick: () => this.again() }, t("Save another…")));
    this.say("");
    this.form.querySelector("button").focus();
  }

  /** The same with another rank, number format or name. */
  again() {
    this.dialog.close();
    open(this.options);
  }

  async copy(value, label) {
    try {
      await navigator.clipboard.writeText(value);
      this.say(t("Copied: {file}", { file: label }));
    } catch {
      this.say(value); // without a secure connection there is no clipboard
    }
  }
}

const row = (label, field) => make("label", {}, make("span", {}, label), field);

const option = (value, text, selected) => make("option", { value, selected }, text);

function rankLabel(rank, { own_rank: own, exact_rank: exact }) {
  if (rank === 0) return exact ? t("exact (rank {rank})", { rank: exact }) : t("as it comes");
  return rank === own ? t("{rank}, as in the files", { rank }) : String(rank);
}

/** One of the files as text: its part, its name, and what of it. */
function sourceText({ file, weight, text_encoder: text, blocks }) {
  const part = Number(weight.toPrecision(4));
  const more = [
    text !== undefined && t("text encoder {strength}", { strength: Number(text.toPrecision(4)) }),
    blocks && t("blocks: {blocks}", { blocks }),
  ].filter(Boolean);
  return `${part} × ${file}${more.length ? ` (${more.join("; ")})` : ""}`;
}
