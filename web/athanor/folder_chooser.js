// The list of folders that a Dataset Loader can read, with what they hold; the newest first, filtered while typing.

import { openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { when } from "./format.js";
import { get } from "./http.js";
import { pictures } from "./upload_parts.js";
import { t } from "./words.js";

style("./athanor.css");
style("./upload.css");

const DRAWN = 200; // folders that are drawn; typing finds the others

/** What a folder holds, in words; `row` is as the server lists it. */
export function heldText({ pictures: count, captions, below, controls }) {
  if (below === 1 && !count) return t("1 picture in its sub-folders: switch nested_folders on");
  if (below && !count) return t("{count} pictures in its sub-folders: switch nested_folders on", { count: below });
  let text = pictures(count, captions);
  if (controls === 1) text += t(", 1 control picture");
  else if (controls !== undefined) text += t(", {count} control pictures", { count: controls });
  return below ? `${text} ${t("(and {count} in its sub-folders)", { count: below })}` : text;
}

/**
 * Let the user choose a folder. `value`: the present one; `extension`: of its captions; `chosen(folder)` is called with
 * the choice, `upload()` if pictures are to be uploaded instead.
 */
export const chooseFolder = (options) => new FolderChooser(options);

class FolderChooser {
  constructor({ value, extension, chosen, upload }) {
    Object.assign(this, { value, chosen, rows: null, shown: [], at: 0 });
    this.field = make("input", {
      type: "search",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "athanor-folders",
      "aria-label": t("Filter, or any name"),
      placeholder: t("Filter, or any name"),
      autocomplete: "off",
      oninput: () => this.draw(),
    });
    this.status = make("p", { class: "where", role: "status" }, t("Reading the folders…"));
    this.list = make("ul", { role: "listbox", id: "athanor-folders", "aria-label": t("Folders") });
    const other = () => {
      this.dialog.close();
      upload();
    };
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-folders", "aria-label": t("Choose a folder of pictures") },
      make("h2", {}, t("Choose a folder of pictures")),
      this.field,
      this.status,
      this.list,
      make(
        "footer",
        {},
        make("button", { type: "button", onclick: other }, t("Upload pictures")),
        make("button", { type: "button", onclick: () => this.dialog.close() }, t("Cancel")),
      ),
    );
    this.dialog.addEventListener("keydown", (event) => this.keydown(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    openOver(this.dialog);
    this.field.focus();
    this.load(extension);
  }

  async load(extension) {
    try {
      const { folders, more } = await get(`/folders?${new URLSearchParams({ caption_extension: extension })}`);
      this.rows = folders;
      this.more = more;
      if (this.value && !folders.some(({ folder }) => folder === this.value)) this.suggest(this.value);
      this.draw();
      this.go(
        Math.max(
          0,
          this.shown.findIndex(({ folder }) => folder === this.value),
        ),
      );
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  /** Put the folders whose names look like a misspelt one in front. */
  async suggest(name) {
    const { nearest } = await get(`/folders/one?${new URLSearchParams({ folder: name })}`).catch(() => ({}));
    if (!nearest?.length || !this.dialog.isConnected) return;
    const rank = ({ folder }) => (nearest.includes(folder) ? nearest.indexOf(folder) : nearest.length);
    this.rows = this.rows.toSorted((a, b) => rank(a) - rank(b));
    this.nearest = nearest;
    this.draw();
  }

  /** Show the folders that hold all words that were typed; what fits none can be taken as it is. */
  draw() {
    if (!this.rows) return;
    const typed = this.field.value.trim();
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ folder }) => words.every((word) => folder.toLowerCase().includes(word));
    const found = this.rows.filter(fits);
    this.shown = found.slice(0, DRAWN);
    const isNew = typed && !found.some(({ folder }) => folder === typed);
    if (isNew) this.shown.push({ folder: typed, typed: true });
    this.list.replaceChildren(...this.shown.map((row, index) => this.option(row, index)));
    this.say(found.length);
    this.go(0);
  }

  say(count) {
    const isMisspelt = this.nearest && !this.field.value;
    if (isMisspelt)
      this.status.textContent = t("There is no folder {name}. The nearest come first.", { name: this.value });
    else if (!this.rows.length)
      this.status.textContent = t("No folder below ComfyUI's input or datasets has pictures yet.");
    else if (this.more) this.status.textContent = t("{count} folders, and more that were not looked at", { count });
    else if (count === 1) this.status.textContent = t("1 folder");
    else this.status.textContent = t("{count} folders, the newest first", { count });
  }

  option(row, index) {
    const attributes = { role: "option", id: `athanor-folder-${index}`, onclick: () => this.take(index) };
    if (row.typed)
      return make("li", attributes, make("span", {}, t("Use {name} as it is typed", { name: row.folder })));
    return make(
      "li",
      attributes,
      make("span", { class: "folder" }, row.folder),
      make("span", { class: "time" }, when(row.time)),
      make("span", { class: "held" }, heldText(row)),
    );
  }

  go(index) {
    this.at = Math.min(Math.max(0, index), this.shown.length - 1);
    for (const [number, item] of [...this.list.children].entries()) {
      item.setAttribute("aria-selected", String(number === this.at));
    }
    this.field.setAttribute("aria-activedescendant", this.at < 0 ? "" : `athanor-folder-${this.at}`);
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  take(index) {
    const row = this.shown[index];
    if (!row) return;
    this.dialog.close();
    this.chosen(row.folder);
  }

  keydown(event) {
    event.stopPropagation(); // the host has keys of its own
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) this.go(this.at + steps[event.key]);
    else if (event.key === "Enter" && event.target === this.field) this.take(this.at);
    else if (event.key === "Escape") this.dialog.close();
    else return;
    event.preventDefault();
  }
}
