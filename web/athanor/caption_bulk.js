// One tag added, removed or replaced in the captions of all pictures that are shown: first told, then written; undo.

import { make } from "./dom.js";
import { post } from "./http.js";
import { t } from "./words.js";

/**
 * `ask(path, send)` is a request about the dataset, `query()` has its filters; `written(answer)` is called after
 * files have changed.
 */
export class CaptionBulk {
  constructor({ ask, query, written }) {
    Object.assign(this, { ask, query, written });
    this.stamp = ""; // of the preview that may be written
    this.round = 0; // counts what was asked or typed: an answer to an older one is no preview of what stands here
    this.changes = []; // that can be undone, the newest first
    this.button = make(
      "button",
      { type: "button", "aria-expanded": "false", onclick: () => this.toggle() },
      t("Edit captions"),
    );
    this.buildFields();
    this.buildPanel();
  }

  buildFields() {
    const action = (value, label) => make("option", { value }, label);
    const field = (label, list) => ({
      type: "text",
      placeholder: label,
      "aria-label": label,
      list,
      oninput: () => this.forget(),
      onkeydown: (event) => {
        if (event.key === "Enter") this.preview();
      },
    });
    this.action = make(
      "select",
      { "aria-label": t("What to do"), onchange: () => this.forget() },
      action("front", t("add in front")),
      action("end", t("add at the end")),
      action("remove", t("remove")),
      action("replace", t("replace")),
    );
    this.tag = make("input", field(t("Tag or text"), "athanor-known-tags"));
    this.new = make("input", field(t("With"), "athanor-known-tags"));
  }

  buildPanel() {
    this.look = make("button", { type: "button", onclick: () => this.preview() }, t("Preview"));
    this.write = make("button", { type: "button", class: "primary", onclick: () => this.apply() });
    this.undo = make("button", { type: "button", onclick: () => this.undoLast() });
    this.told = make("p", { role: "status" });
    this.first = make("ul", { class: "first" });
    this.panel = make(
      "div",
      {
        class: "bulk",
        role: "group",
        "aria-label": t("Edit captions"),
        hidden: true,
        onkeydown: (event) => this.key(event),
      },
      make("div", { class: "row" }, this.action, this.tag, this.new, this.look, this.write, this.undo),
      this.told,
      this.first,
    );
    this.forget();
    this.list([]);
  }

  key(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation(); // the dialog would close
    this.toggle();
    this.button.focus();
  }

  /** Show the panel or hide it. */
  toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.button.setAttribute("aria-expanded", String(!this.panel.hidden));
    if (this.panel.hidden) return;
    this.forget();
    this.tag.focus();
  }

  /** Drop the preview: what it told may be otherwise by now. */
  forget(text = t("In the captions of all pictures that the filters let through.")) {
    this.stamp = "";
    this.round += 1;
    this.new.hidden = this.action.value !== "replace";
    this.write.hidden = true;
    this.first.replaceChildren();
    this.told.textContent = text;
  }

  /** Show which changes can be undone. */
  list(changes) {
    this.changes = changes;
    const [last] = changes;
    this.undo.hidden = !last;
    this.undo.textContent = last ? t("Undo: {what} (files: {files})", last) : "";
  }

  async readChanges() {
    this.list((await this.ask("/captions")).changes);
  }

  send(stamp) {
    const body = { action: this.action.value, tag: this.tag.value, new: this.new.value, stamp };
    return this.ask(`/captions?${this.query()}`, (path) => post(path, body));
  }

  async preview() {
    this.forget(`${this.look.textContent} …`);
    const { round } = this;
    try {
      const answer = await this.send("");
      if (round !== this.round) return; // the user has gone on typing, and keeps the cursor
      this.forget(
        t("Caption files that change: {files}, of the {pictures} pictures that the filters let through.", answer),
      );
      this.stamp = answer.stamp;
      this.write.hidden = !answer.files;
      this.write.textContent = t("Write {files} files", answer);
      this.first.replaceChildren(
        ...answer.first.map(({ file, before, after }) =>
          make("li", {}, make("b", {}, `${file}: `), make("del", {}, before), " ", make("ins", {}, after)),
        ),
      );
      if (answer.files) this.write.focus();
    } catch (error) {
      if (round === this.round) this.forget(error.message);
    }
  }

  async apply() {
    await this.done(this.write, async () => {
      const answer = await this.send(this.stamp);
      return { ...answer, text: t("Caption files written: {files}.", answer) };
    });
    this.tag.focus();
  }

  undoLast() {
    return this.done(this.undo, () => this.ask("/captions/undo", (path) => post(path, { change: this.changes[0].id })));
  }

  /** Do what a button says, which takes a second per thousand files. */
  async done(button, work) {
    this.write.disabled = this.undo.disabled = true;
    this.told.textContent = `${button.textContent} …`;
    try {
      const answer = await work();
      this.list(answer.changes);
      await this.written(answer);
      this.forget(answer.text);
    } catch (error) {
      this.forget(error.message);
    }
    this.write.disabled = this.undo.disabled = false;
  }
}
