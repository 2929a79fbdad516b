// The caption of one picture as a text field, with its tags as chips; it is saved when the field is left.

import { tagsOf, withAdded, withMoved, withoutTag } from "./caption_tags.js";
import { make } from "./dom.js";
import { post } from "./http.js";
import { t } from "./words.js";

/** A picture's number and name: in a dataset that is opened anew with other pictures, the number is another one's. */
const keyOf = (picture) => picture && `${picture.index} ${picture.name}`;

const QUIET = 150; // ms on a picture before its caption file is read

/**
 * `ask(path, send)` is a request about the dataset; `saved(answer)` is called after a caption was written, `step(by)`
 * moves the list's cursor, `leave()` goes back to the list, `say(text)` tells what went wrong with a picture that is
 * not shown any more.
 */
export class CaptionField {
  constructor(calls) {
    Object.assign(this, calls);
    this.kind = "tags"; // or "words": then there are no chips
    this.picture = null;
    this.file = null; // {file, text, stamp, there, separator, shared} once it was read
    this.isOld = false; // the file may have another text by now: it is read anew when its picture is shown again
    this.unsaved = new Map(); // `keyOf` a picture -> text that could not be written
    this.queue = Promise.resolve(); // one is written after the other: each has to know the stamp of the last
    this.area = make("textarea", {
      rows: 4,
      "aria-label": t("Caption"),
      title: t("Ctrl+Enter: save · Page Up, Page Down: another picture · Esc: leave without saving"),
      oninput: () => this.typed(),
      onblur: () => this.save(),
      onkeydown: (event) => this.keydown(event),
    });
    this.tags = make("ul", { class: "chips", "aria-label": t("Tags of the picture") });
    this.add = make("input", {
      type: "text",
      placeholder: t("Add a tag"),
      "aria-label": t("Add a tag"),
      list: "athanor-known-tags",
      onkeydown: (event) => this.addKey(event),
    });
    this.note = make("p", { class: "note", role: "status" });
    this.element = make("div", { class: "edit" }, this.area, this.add, this.tags, this.note);
  }

  /** Show a picture's caption, and save what was typed for the one before. */
  show(picture) {
    const isSame = this.file && keyOf(picture) === keyOf(this.picture);
    if (!isSame) this.save();
    this.picture = picture;
    if (!picture || (isSame && (!this.isOld || this.isTyped))) return;
    if (!isSame) {
      this.file = null;
      this.area.value = picture.caption;
      this.area.readOnly = true;
      this.tell("");
      this.drawTags();
    }
    clearTimeout(this.timer);
    if (isSame || this.element.contains(document.activeElement)) this.read();
    else this.timer = setTimeout(() => this.read(), QUIET);
  }

  /** Read the file anew the next time that its picture is shown; what is typed until then stays. */
  forget() {
    this.isOld = true;
  }

  /** Whether the field has another text than the file had. */
  get isTyped() {
    return this.file && this.area.value !== this.file.text;
  }

  focus() {
    this.area.focus();
  }

  async read() {
    const { picture } = this;
    const { value } = this.area;
    this.isOld = false;
    let file;
    try {
      file = await this.ask(`/pictures/${picture.index}/caption`);
    } catch (error) {
      if (keyOf(picture) === keyOf(this.picture)) this.tell(error.message);
      return;
    }
    if (keyOf(picture) !== keyOf(this.picture)) return;
    if (this.file && this.area.value !== value) {
      this.isOld = true; // typed while it was read: saved with the stamp of what it was typed over
      return;
    }
    const text = this.unsaved.get(keyOf(picture)) ?? file.text;
    const isNew = text !== this.file?.text;
    this.file = file;
    this.area.readOnly = false;
    this.put(text);
    if (isNew) this.tell(this.aboutFile()); // else "Saved." stays
  }

  aboutFile() {
    const { file, there, shared, text } = this.file;
    if (this.unsaved.has(keyOf(this.picture))) return t("This text is not saved yet.");
    if (!there && !text) return t("There is no {file} yet. Saving makes it.", { file });
    if (!there) return t("There is no {file}: this is trained in its place. Saving makes it.", { file });
    return shared.length ? t("{file} is also the caption of {names}.", { file, names: shared.join(", ") }) : "";
  }

  tell(text, ...more) {
    this.note.replaceChildren(text, ...more);
  }

  put(text) {
    if (this.area.value !== text) this.area.value = text;
    this.drawTags();
  }

  /** Text was typed: it is told how it is saved, as there is no button for it. */
  typed() {
    this.drawTags();
    if (!this.file) return;
    this.tell(this.isTyped ? t("It is saved with Ctrl+Enter, or when you leave this field.") : this.aboutFile());
  }

  /** Write the text if it is another one than that of the file. */
  save() {
    const { file, picture } = this;
    const text = this.area.value;
    if (!file || text === file.text) return this.queue;
    this.queue = this.queue.then(() => this.write(picture, file, text));
    return this.queue;
  }

  async write(picture, file, text) {
    if (text === file.text) return;
    try {
      const body = { text, stamp: file.stamp, name: picture.name };
      const answer = await this.ask(`/pictures/${picture.index}/caption`, (path) => post(path, body));
      const { picture: changed, changes, stale, ...now } = answer;
      Object.assign(file, now, { text });
      this.unsaved.delete(keyOf(picture));
      if (file === this.file) this.tell(t("Saved."));
      this.saved({ picture: changed, changes, stale, shared: now.shared });
    } catch (error) {
      this.failed(picture, file, text, error);
    }
  }

  failed(picture, file, text, error) {
    this.unsaved.set(keyOf(picture), text);
    if (file !== this.file) {
      this.say(t("{name} is not saved: {reason}", { name: picture.name, reason: error.message }));
      return;
    }
    if (error.status !== 409) {
      this.tell(error.message);
      return;
    }
    const again = (use) => async () => {
      this.unsaved.delete(keyOf(picture));
      this.tell("");
      await this.read();
      use();
    };
    const mine = () => {
      this.put(text);
      this.save();
    };
    const button = (label, use) => make("button", { type: "button", onclick: again(use) }, label);
    this.tell(
      `${error.message} `,
      button(t("Write mine"), mine),
      " ",
      button(t("Take the file's"), () => {}),
    );
  }

  keydown(event) {
    const by = { PageDown: 1, PageUp: -1 }[event.key];
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.save();
    else if (event.key === "Escape") this.escape(event);
    else if (by && !event.shiftKey) this.step(by);
    else return;
    event.preventDefault();
  }

  escape(event) {
    event.preventDefault();
    event.stopPropagation(); // the dialog would close
    if (this.file) this.put(this.file.text);
    this.add.value = "";
    this.leave();
  }

  addKey(event) {
    if (event.key === "Escape") this.escape(event);
    if (event.key !== "Enter" || !this.file || !this.add.value.trim()) return;
    event.preventDefault();
    this.edit(withAdded(this.area.value, this.file.separator || ",", this.add.value));
    this.add.value = "";
  }

  edit(text) {
    this.put(text);
    this.save();
  }

  drawTags() {
    const separator = this.file?.separator ?? ",";
    this.add.hidden = this.kind !== "tags" || !separator;
    const tags = this.kind === "tags" ? tagsOf(this.area.value, separator) : [];
    this.tags.replaceChildren(...tags.map((tag, index) => this.chip(tag, index, separator)));
  }

  chip(tag, index, separator) {
    const remove = () => this.change(withoutTag(this.area.value, separator, tag), index);
    const attributes = {
      type: "button",
      "aria-label": t("Remove {tag}", { tag: tag.tag }),
      title: t("Remove · Alt with an arrow key: move"),
      onclick: remove,
      onkeydown: (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (event.key === "Escape") this.escape(event);
        else if (event.key === "Delete") remove();
        else if (by && event.altKey) this.change(withMoved(this.area.value, separator, tag, by), index + by);
        else if (by) this.focusChip(index + by);
        else return;
        event.preventDefault();
      },
    };
    return make("li", { "data-line": tag.line }, make("span", {}, tag.tag), make("button", attributes, "×"));
  }

  change(text, focus) {
    if (!this.file) return;
    this.edit(text);
    this.focusChip(focus);
  }

  focusChip(index) {
    const buttons = this.tags.querySelectorAll("button");
    (buttons[Math.max(0, Math.min(index, buttons.length - 1))] ?? this.add).focus();
  }
}
