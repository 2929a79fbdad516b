// A list of what users keep under a name (lists of values, settings of grids): found, taken, saved, renamed, deleted.

import { dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { get, post } from "./http.js";
import { deleteKept, exportKept, importKept } from "./preset_files.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

style("./athanor.css");
style("./presets.css");

export class OwnDialog {
  /**
   * `path`: of the server's routes. `title`: of the dialog. `what(one)`: a line about one; `show(one)`: elements that
   * show what is in it; `search(one)`: text that is searched besides its name. `filter`: {label, options, chosen,
   * fits(one, value)} with options as [value, text], or nothing. `content()`: what is to be saved, as the server takes
   * it, or a promise of that, and `fields` what it has beside name and note; `empty`: what is said where there is none.
   * `take(one)`: called by the button `takeLabel`, and then the dialog closes.
   */
  constructor(options) {
    this.options = options;
    this.kept = [];
    this.forms = 0; // that were asked for
    this.build();
    openOver(this.dialog);
    this.load();
  }

  build() {
    const { title, filter, takeLabel } = this.options;
    const onchange = () => this.draw();
    this.search = make("input", {
      "type": "search",
      "placeholder": t("Search"),
      "aria-label": t("Search"),
      "oninput": onchange,
    });
    this.filter =
      filter &&
      make(
        "select",
        { "aria-label": filter.label, onchange },
        filter.options.map(([value, text]) => make("option", { value, selected: value === filter.chosen }, text)),
      );
    this.list = make("div", { class: "list", role: "radiogroup", "aria-label": title });
    this.details = make("section", { class: "details", "aria-label": t("What is in it") });
    this.status = make("p", { class: "where", role: "status" });
    const button = (text, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, text);
    this.ofOne = [
      button(t("Export"), () => exportKept(this.one)),
      button(t("Rename…"), () => this.openForm(this.one)),
      button(t("Delete"), () => this.remove()),
    ];
    this.takeButton = button(takeLabel, () => this.take(), { class: "write" });
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-presets athanor-own", "aria-label": title },
      dialogHead(make("h2", {}, title), () => this.dialog.close(), t("Close without a change")),
      make(
        "div",
        { class: "main" },
        make("section", {}, make("div", { class: "filters" }, this.search, this.filter), this.list),
        this.details,
      ),
      make(
        "footer",
        {},
        button(t("Save as…"), () => this.openForm()),
        button(t("Import…"), () => this.importFiles()),
        this.ofOne,
        this.status,
        this.takeButton,
      ),
    );
    this.dialog.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the host has keys of its own
      if (event.key !== "Enter" || event.target.type !== "radio") return;
      event.preventDefault(); // it would go on to the button that opened the list, and press it
      this.take();
    });
    this.choose(null);
  }

  say(text, isBad = false) {
    this.status.textContent = text;
    this.status.dataset.kind = isBad ? "bad" : "";
  }

  async load() {
    try {
      const { kept, unread } = await get(this.options.path);
      this.kept = kept;
      this.unread = unread.map(told);
      this.draw();
      (this.list.querySelector("input:checked") ?? this.search).focus();
    } catch (error) {
      this.say(error.message, true);
    }
  }

  draw(name = this.one?.name) {
    const { filter, search, what } = this.options;
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (one) => {
      const text = `${one.name} ${one.about} ${search(one)}`.toLowerCase();
      return words.every((word) => text.includes(word)) && (!filter || filter.fits(one, this.filter.value));
    };
    const shown = this.kept.filter(has);
    const rows = shown.map((one) =>
      make(
        "label",
        { class: "preset", ondblclick: () => this.take() },
        make("input", { type: "radio", name: "athanor-own", value: one.name, onchange: () => this.choose(one) }),
        make("span", { class: "name" }, one.name),
        make("span", { class: "what" }, what(one)),
      ),
    );
    const none = this.kept.length ? t("None fits.") : t("None yet: save what the node holds now as your first one.");
    const lines = [...(rows.length ? [] : [none]), ...(this.unread ?? [])];
    this.list.replaceChildren(...rows, ...lines.map((text) => make("p", { class: "athanor-empty" }, text)));
    this.choose(shown.find((one) => one.name === name) ?? shown[0] ?? null);
  }

  choose(one) {
    this.one = one;
    for (const radio of this.list.querySelectorAll("input")) radio.checked = radio.value === one?.name;
    for (const button of [...this.ofOne, this.takeButton]) button.disabled = !one;
    const about = one?.about ? [make("p", {}, one.about)] : [];
    this.details.replaceChildren(...(one ? [make("h3", {}, one.name), ...about, ...this.options.show(one)] : []));
  }

  take() {
    if (!this.one) return;
    const { one } = this;
    this.dialog.close();
    this.options.take(one);
  }

  /** The form for a name: of what the node holds now, or of one that gets another name. */
  async openForm(renamed = null) {
    this.forms += 1;
    const number = this.forms;
    const content = renamed ?? (await this.options.content());
    if (number !== this.forms) return; // it was pressed again meanwhile
    if (!content) return this.say(this.options.empty, true);
    const name = make("input", { type: "text", required: true, maxlength: 80, value: renamed?.name ?? "" });
    const about = make("textarea", { rows: 2, maxlength: 2000 });
    const button = make("button", { type: "submit", class: "write" }, renamed ? t("Rename") : t("Save"));
    const field = (text, input) => make("label", { class: "field" }, make("span", {}, text), input);
    let replace = false;
    name.addEventListener("input", () => {
      replace = false;
      button.textContent = renamed ? t("Rename") : t("Save");
    });
    const submit = async () => {
      const to = name.value.trim();
      if (button.disabled) return; // a second press would find the name taken, by the first one
      button.disabled = true;
      try {
        if (renamed) this.changed(await post(`${this.options.path}/rename`, { name: renamed.name, to }), renamed.name);
        else this.changed(await post(this.options.path, { ...content, name: to, about: about.value, replace }), to);
      } catch (error) {
        this.say(error.message, true);
        replace = error.status === 409 && !renamed;
        if (replace) button.textContent = t("Replace");
      }
      button.disabled = false;
    };
    const form = make(
      "form",
      {
        class: "save",
        onsubmit: (event) => {
          event.preventDefault();
          submit();
        },
      },
      make("h3", {}, renamed ? t("Rename {name}", { name: renamed.name }) : t("Save what the node holds now")),
      field(t("Name"), name),
      renamed ? "" : field(t("Note"), about),
      make(
        "div",
        { class: "athanor-buttons" },
        button,
        make("button", { type: "button", onclick: () => this.choose(this.one) }, t("Cancel")),
      ),
      ...(renamed ? [] : this.options.show(content)),
    );
    this.say("");
    this.details.replaceChildren(form);
    name.focus();
    name.select();
  }

  /** The server has kept one, in place of the one of a name. */
  changed(one, instead) {
    const isOther = (other) => ![instead, one.name].some((name) => name.toLowerCase() === other.name.toLowerCase());
    this.kept = [...this.kept.filter(isOther), one].sort((a, b) => a.name.localeCompare(b.name));
    this.search.value = "";
    if (this.filter && !this.options.filter.fits(one, this.filter.value)) this.filter.value = "";
    this.draw(one.name);
    this.say(t("Saved: {name}", { name: one.name }));
    this.list.querySelector("input:checked")?.focus();
  }

  /** Delete one; the button in the line that says so brings it back. */
  remove() {
    const { one } = this;
    deleteKept(this.options.path, one, {
      deleted: (undo) => {
        this.kept = this.kept.filter((other) => other !== one);
        this.draw();
        this.say(`${t("Deleted: {name}", { name: one.name })} `);
        this.status.append(undo);
        undo.focus();
      },
      restored: (again) => this.changed(again, again.name),
      failed: (sentence) => this.say(sentence, true),
    });
  }

  importFiles() {
    importKept(this.options.path, {
      fields: this.options.fields,
      none: t("it holds something else"),
      isTaken: (name) => this.kept.some((one) => one.name.toLowerCase() === name.toLowerCase()),
      done: (one) => this.changed(one, one.name),
      failed: (sentence) => this.say(sentence, true),
    });
  }
}
