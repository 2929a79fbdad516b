// What the user notes about a run: a name of his own, a rating, tags and a note. They are saved when a field is left.

import { make } from "./dom.js";
import { setLabels } from "./manage.js";
import { t } from "./words.js";

const BEST = 5;

/**
 * `actions`: say(text), changed(row) after labels were saved, tags() gives those of all runs, edited() is called while
 * the user types.
 */
export class Marks {
  constructor(actions) {
    this.actions = actions;
    this.run = null;
    this.unsaved = new Map(); // run -> labels that are on their way to the server, or that it has not taken
    const field = (tag, name, label, more = {}) =>
      make(tag, {
        "aria-label": label,
        placeholder: label,
        title: label,
        oninput: () => this.actions.edited(),
        onchange: () => this.save({ [name]: this.valueOf(name) }),
        onkeydown: (event) => this.pressedKey(event, name),
        ...more,
      });
    this.label = field("input", "label", t("Name of your own"), { type: "text", maxlength: 200 });
    this.tags = field("input", "tags", t("Tags, with commas"), { type: "text", list: "athanor-tags" });
    this.note = field("textarea", "note", t("Note"), { rows: 2, maxlength: 5000 });
    this.known = make("datalist", { id: "athanor-tags" });
    this.stars = make("span", { class: "rating", role: "group", "aria-label": t("Rating") });
    this.element = make(
      "div",
      { class: "athanor-marks" },
      make("div", { class: "athanor-line" }, this.label, this.stars),
      this.tags,
      this.note,
      this.known,
    );
  }

  /** Show the labels of a run of the store, but not over what is being typed. */
  show(run) {
    const isOther = this.run !== run;
    this.run = run;
    const { label = "", tags = [], note = "", rating = 0 } = { ...run.summary, ...this.unsaved.get(run) };
    this.element.hidden = !run.summary;
    this.rating = rating;
    const values = { label, tags: tags.join(", "), note };
    for (const [name, value] of Object.entries(values)) {
      if (isOther || document.activeElement !== this[name]) this[name].value = value;
    }
    this.drawStars();
    const options = this.actions.tags().map((tag) => make("option", { value: tag }));
    this.known.replaceChildren(...options);
  }

  drawStars() {
    const focused = [...this.stars.children].indexOf(document.activeElement);
    const stars = Array.from({ length: BEST }, (_, i) => {
      const rating = i + 1;
      const label = rating === 1 ? t("1 star") : t("{count} stars", { count: rating });
      const onclick = () => this.save({ rating: this.rating === rating ? 0 : rating });
      const names = { "aria-label": label, title: label, "aria-pressed": String(this.rating === rating) };
      return make("button", { type: "button", ...names, onclick }, rating <= this.rating ? "★" : "☆");
    });
    this.stars.replaceChildren(...stars);
    if (focused >= 0) stars[focused].focus();
  }

  valueOf(name) {
    return name === "tags" ? this.tags.value.split(",").map((tag) => tag.trim()) : this[name].value;
  }

  pressedKey(event, name) {
    event.stopPropagation(); // the host has keys of its own
    if (event.key === "Enter" && name !== "note") event.target.blur();
    if (event.key !== "Escape") return;
    delete this.unsaved.get(this.run)?.[name];
    const { label = "", tags = [], note = "" } = this.run.summary ?? {};
    event.target.value = { label, tags: tags.join(", "), note }[name];
    event.target.blur();
  }

  async save(values) {
    const { run } = this;
    const unsaved = Object.assign(this.unsaved.get(run) ?? {}, values);
    this.unsaved.set(run, unsaved);
    try {
      const row = await setLabels(run.id, values);
      for (const name of Object.keys(values)) if (unsaved[name] === values[name]) delete unsaved[name];
      const { label, tags, note, rating, archived } = row;
      if (run.summary) Object.assign(run.summary, { label, tags, note, rating, archived });
      run.notify();
      this.actions.changed(row);
    } catch (error) {
      this.actions.say(error.message);
    }
  }

  /** Put the cursor into the field of the name. */
  rename() {
    this.label.focus();
    this.label.select();
  }
}
