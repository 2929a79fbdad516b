// The list of presets: published recipes and the user's own, what each would change in the graph, and the change.

import { ask, dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { get, post } from "./http.js";
import { ChangesTable, counted, inShort } from "./preset_changes.js";
import { deleteKept, exportPreset, importKept } from "./preset_files.js";
import { apply, changesOf, modelFile, placesOf, trainOf, valuesOf } from "./preset_nodes.js";
import { SaveForm, select } from "./preset_save.js";
import { told } from "./sentences.js";
import { showBriefly } from "./toast.js";
import { t } from "./words.js";

style("./athanor.css");
style("./presets.css");

const OWN = "own"; // of the list of families: the user's own presets alone

/** Open the list for a node: Train LoRA with all that is connected to it, or a config node alone. */
export const open = (node) => new PresetDialog(node);

/** The words for what a preset is for. */
const purposeWords = () => ({
  any: t("any purpose"),
  character: t("character"),
  style: t("style"),
  concept: t("concept"),
});

class PresetDialog {
  constructor(node) {
    this.node = node;
    this.build();
    openOver(this.dialog);
    this.load();
  }

  build() {
    const title = t("Presets for {node}", { node: this.node.title });
    this.filters = make("div", { class: "filters" });
    this.list = make("div", { class: "list", role: "radiogroup", "aria-label": t("Presets") });
    this.details = make("section", { class: "details", "aria-label": t("What it would change") });
    this.table = new ChangesTable(() => this.count());
    this.status = make("p", { class: "where", role: "status" }, t("Reading the presets…"));
    const button = (text, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, text);
    this.importButton = button(t("Import…"), () => this.importFiles(), { disabled: true });
    this.saveButton = button(t("Save as preset…"), () => this.openForm(), { disabled: true });
    this.exportButton = button(t("Export"), () => exportPreset(this.preset), { hidden: true });
    this.renameButton = button(t("Rename…"), () => this.rename(), { hidden: true });
    this.deleteButton = button(t("Delete"), () => this.remove(), { hidden: true });
    this.applyButton = button(t("Apply"), () => this.apply(), { class: "write", disabled: true });
    this.main = make("div", { class: "main" }, make("section", {}, this.filters, this.list), this.details);
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-presets", "aria-label": title },
      dialogHead(make("h2", {}, title), () => this.dialog.close(), t("Close without a change")),
      this.main,
      make(
        "footer",
        {},
        this.saveButton,
        this.importButton,
        this.exportButton,
        this.renameButton,
        this.deleteButton,
        this.status,
        this.applyButton,
      ),
    );
    this.dialog.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the host has keys of its own
      if (event.key === "Enter" && event.target.name === "athanor-preset") this.apply();
    });
  }

  say(text, isBad = false) {
    this.status.textContent = text;
    this.status.dataset.kind = isBad ? "bad" : "";
  }

  async load() {
    try {
      const file = modelFile(trainOf(this.node));
      const query = file ? `?${new URLSearchParams(file)}` : "";
      const [answer, { family }] = await Promise.all([get("/presets"), get(`/presets/family${query}`)]);
      this.answer = answer;
      this.family = family;
      this.places = placesOf(this.node, answer.groups);
      this.saveButton.disabled = this.importButton.disabled = false;
      this.say("");
      this.drawFilters();
      this.drawList();
      this.dialog.querySelector("input[type=radio]:checked")?.focus();
    } catch (error) {
      this.say(t("The presets cannot be read: {why}", { why: error.message }), true);
    }
  }

  /** The presets that would fill in a setting of the node that the list is for. */
  get fitting() {
    return this.answer.presets.filter((preset) => Object.keys(preset.settings).some((group) => this.places.has(group)));
  }

  drawFilters() {
    const has = new Set(this.fitting.flatMap((preset) => preset.families));
    const titles = this.answer.families.filter((title) => has.has(title));
    const families = [["", t("all models")], [OWN, t("my own")], ...titles.map((title) => [title, title])];
    const words = purposeWords();
    const purposes = [
      ["", t("every purpose")],
      ...["character", "style", "concept"].map((name) => [name, words[name]]),
    ];
    const onchange = () => this.drawList();
    this.familyFilter = select(families, has.has(this.family) ? this.family : "", {
      onchange,
      "aria-label": t("Model"),
    });
    this.purposeFilter = select(purposes, "", { onchange, "aria-label": t("Purpose") });
    const known = this.family && t("This graph's model: {family}", { family: this.family });
    const note = has.has(this.family) ? known : known && `${known}. ${t("There is no published recipe for it yet.")}`;
    this.filters.replaceChildren(this.familyFilter, this.purposeFilter, make("p", { class: "known" }, note));
  }

  drawList(chosen = this.preset?.id) {
    const family = this.familyFilter.value;
    const purpose = this.purposeFilter.value;
    const isMeant = ({ own, families, purposes }) =>
      (family === OWN ? own : !family || !families.length || families.includes(family)) &&
      (!purpose || purposes.includes("any") || purposes.includes(purpose));
    const presets = this.fitting.filter(isMeant);
    const groups = new Map();
    for (const preset of presets) {
      const head = preset.own ? t("my own") : family || preset.families[0];
      groups.set(head, [...(groups.get(head) ?? []), preset]);
    }
    const parts = [...groups].map(([head, members]) =>
      make(
        "div",
        {},
        make("h3", {}, head),
        members.map((one) => this.item(one)),
      ),
    );
    const none = make("p", { class: "athanor-empty" }, t("None. Save what your nodes hold now as your first one."));
    const unread = this.answer.unread.map(told).map((text) => make("p", { class: "athanor-empty" }, text));
    this.list.replaceChildren(...(parts.length ? parts : [none]), ...unread);
    this.choose(presets.find((preset) => preset.id === chosen) ?? presets[0] ?? null);
  }

  item(preset) {
    const words = purposeWords();
    const what = preset.purposes.map((name) => words[name] ?? name);
    if (preset.own) what.push(...(preset.families.length ? preset.families : [t("all models")]));
    const radio = make("input", {
      type: "radio",
      name: "athanor-preset",
      value: preset.id,
      onchange: () => this.choose(preset),
    });
    const label = make(
      "label",
      { class: "preset", ondblclick: () => this.apply() },
      radio,
      make("span", { class: "name" }, preset.name),
      make("span", { class: "what" }, what.join(", ")),
    );
    return label;
  }

  choose(preset) {
    this.preset = preset;
    for (const radio of this.list.querySelectorAll("input[type=radio]")) radio.checked = radio.value === preset?.id;
    for (const button of [this.exportButton, this.renameButton, this.deleteButton]) button.hidden = !preset?.own;
    this.drawDetails();
  }

  drawDetails() {
    const { preset } = this;
    if (!preset) {
      this.details.replaceChildren();
      this.table.show([], []);
      return this.count();
    }
    const link = { href: preset.source, target: "_blank", rel: "noopener noreferrer" };
    const source = preset.source && make("p", { class: "source" }, t("Source:"), " ", make("a", link, preset.source));
    const rows = changesOf(preset.settings, this.places, this.answer.groups);
    this.table.show(rows, this.notes(preset));
    this.details.replaceChildren(
      make("h3", {}, preset.name),
      ...(preset.about ? [make("p", {}, preset.about)] : []),
      ...(source ? [source] : []),
      this.table.element,
    );
    this.count();
  }

  /** What of a preset cannot be filled in: settings that come from other nodes, or from none. */
  notes(preset) {
    const notes = [];
    for (const group of Object.keys(preset.settings)) {
      const place = this.places.get(group);
      const titles = { group, node: place?.foreign };
      if (place?.foreign) notes.push(t("{group} comes from {node}, and stays as it is.", titles));
    }
    return notes;
  }

  count() {
    const rows = this.table.chosen;
    this.applyButton.disabled = !rows.length;
    this.applyButton.textContent = rows.length ? t("Apply: {what}", { what: counted(rows) }) : t("Apply");
  }

  apply() {
    const rows = this.table.chosen;
    if (!rows.length) return;
    const made = apply(rows, this.node, this.answer.groups).map((node) => node.title);
    const values = { name: this.preset.name, what: counted(rows), details: inShort(rows) };
    const set = t("{name}: {what} set ({details}).", values);
    const added = made.length ? t("Added: {nodes}.", { nodes: made.join(", ") }) : "";
    const detail = `${set} ${added} ${t("Ctrl+Z takes it back.")}`.replace("  ", " ");
    this.dialog.close();
    showBriefly(detail, { severity: "success", seconds: 12 });
  }

  openForm() {
    const values = valuesOf(this.places, this.answer.groups);
    const titles = Object.fromEntries([...this.places].map(([group, { nodes }]) => [group, nodes[0]?.title]));
    const form = new SaveForm({
      values,
      titles,
      families: this.answer.families.map((title) => [title, title]),
      purposes: this.answer.purposes.map((name) => [name, purposeWords()[name] ?? name]),
      family: this.family,
      taken: (name) => this.isTaken(name),
      saved: (preset) => this.saved(preset),
      cancelled: () => this.drawDetails(),
    });
    this.details.replaceChildren(form.element);
    this.table.show([], []);
    this.count();
    form.name.focus();
  }

  isTaken(name) {
    return this.answer.presets.some((one) => one.own && one.name.toLowerCase() === name.toLowerCase());
  }

  saved(preset) {
    const others = this.answer.presets.filter(
      (one) => !one.own || one.name.toLowerCase() !== preset.name.toLowerCase(),
    );
    this.answer.presets = [preset, ...others];
    this.familyFilter.value = OWN;
    this.purposeFilter.value = "";
    this.drawList(preset.id);
    this.say(t("Saved: {name}", { name: preset.name }));
    this.list.querySelector("input:checked")?.focus();
  }

  importFiles() {
    importKept("/presets", {
      fields: ["settings"],
      none: t("it is no preset"),
      isTaken: (name) => this.isTaken(name),
      done: (preset) => this.saved(preset),
      failed: (sentence) => this.say(sentence, true),
    });
  }

  /** Delete an own preset; the button in the line that says so brings it back. */
  remove() {
    const { name, id } = this.preset;
    deleteKept("/presets", this.preset, {
      deleted: (undo) => {
        this.answer.presets = this.answer.presets.filter((preset) => preset.id !== id);
        this.drawList();
        this.say(`${t("Deleted: {name}", { name })} `);
        this.status.append(undo);
        undo.focus();
      },
      restored: (preset) => this.saved(preset),
      failed: (sentence) => this.say(sentence, true),
    });
  }

  async rename() {
    const { name } = this.preset;
    const question = { lines: [], action: t("Rename"), field: t("Name"), text: name };
    const answer = await ask(t("Rename {name}", { name }), question);
    if (!answer?.text.trim()) return;
    try {
      const preset = await post("/presets/rename", { name, to: answer.text });
      this.answer.presets = this.answer.presets.filter((one) => !one.own || one.name !== name);
      this.saved(preset);
    } catch (error) {
      this.say(error.message, true);
    }
  }
}
