// Publish: a copy of a run's LoRA with chosen metadata, its pictures and a description; first what it would tell.

import { dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { PublishedView } from "./publish_result.js";
import { DisclosureList } from "./publish_disclosures.js";
import { t } from "./words.js";

style("./athanor.css");
style("./publish.css");

const PAUSE = 300; // ms after the last key before the server is asked what would be told
const LICENCES = ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "OpenRAIL++-M", "Apache-2.0", "MIT"];

const drafts = new Map(); // id of a run -> what was typed in a dialog that was closed without writing

/** Open the dialog for a run; `file`: as the run lists it, else the newest with a star, else the last. */
export const open = (run, file = null) => new PublishDialog(run, file);

class PublishDialog {
  constructor(run, file) {
    this.run = run;
    this.offer = null;
    this.isWritten = false;
    this.asked = 0; // number of the newest preview
    this.wish = null; // the file that was chosen last
    this.fields = {};
    this.build();
    openOver(this.dialog);
    this.load(file);
  }

  build() {
    const title = t("Publish {name}", { name: this.run.summary?.title ?? this.run.id });
    this.status = make("p", { class: "where", role: "status" }, t("Reading the run…"));
    this.tells = new DisclosureList();
    this.readme = make("pre", { class: "readme", tabindex: 0 });
    this.pictures = make("div", { class: "pictures" });
    this.target = make("p", { class: "target" });
    this.writeButton = make(
      "button",
      { type: "button", class: "write", disabled: true, onclick: () => this.write() },
      t("Write"),
    );
    this.main = make("div", { class: "main" }, this.form(), this.preview());
    this.footer = make("footer", {}, this.status, this.target, this.writeButton);
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-publish", "aria-label": title },
      dialogHead(make("h2", {}, title), () => this.dialog.close(), t("Close without writing")),
      this.main,
      this.footer,
    );
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the host has keys of its own
    this.dialog.addEventListener("close", () => {
      clearTimeout(this.timer);
      if (this.isWritten) drafts.delete(this.run.id);
      else if (this.offer) drafts.set(this.run.id, this.wanted());
    });
  }

  form() {
    this.file = make("select", { onchange: () => this.load(this.file.value) });
    this.choices = make("fieldset", { class: "choices" }, make("legend", {}, t("Metadata of the copy")));
    return make(
      "section",
      { class: "form", "aria-label": t("What is published") },
      make("label", {}, make("span", {}, t("File")), this.file),
      this.field("name", t("Name of the copy")),
      this.choices,
      this.field("title", t("Title")),
      this.field("author", t("Author")),
      this.field("license", t("Licence"), { list: "athanor-licences" }),
      this.field("trigger", t("Trigger words")),
      this.field("tags", t("Tags")),
      this.field("description", t("Description")),
      this.field("comment", t("Comment")),
      make(
        "datalist",
        { id: "athanor-licences" },
        LICENCES.map((value) => make("option", { value })),
      ),
      make("h3", {}, t("Pictures")),
      this.pictures,
    );
  }

  field(name, label, more = {}) {
    const tag = name === "description" ? "textarea" : "input";
    const type = tag === "input" ? { type: "text" } : { rows: 4 };
    const input = make(tag, { name, ...type, ...more, oninput: () => this.askSoon() });
    this.fields[name] = input;
    return make("label", {}, make("span", {}, label), input);
  }

  preview() {
    return make(
      "section",
      { class: "preview", "aria-label": t("What it would tell") },
      make("h3", {}, t("What the files would tell")),
      this.tells.element,
      make("h3", {}, "README.md"),
      this.readme,
    );
  }

  say(text, isBad = false) {
    this.status.textContent = text;
    this.status.dataset.kind = isBad ? "bad" : "";
  }

  /** Read what can be published for a file; what the user has typed so far stays. */
  async load(file) {
    this.writeButton.disabled = true;
    this.wish = file;
    this.asked += 1; // what a preview on its way tells is of another file
    try {
      const offer = await this.run.publishOffer(file);
      if (file === this.wish) this.show(offer);
    } catch (error) {
      if (file === this.wish) this.say(error.message, true);
    }
  }

  show(offer) {
    const isFirst = !this.offer;
    const known = this.offer?.texts ?? {};
    this.offer = offer;
    this.file.replaceChildren(...offer.files.map((file) => fileOption(file, offer.file)));
    if (isFirst) {
      this.fields.name.value = offer.name;
      this.drawChoices(offer.choices);
    }
    for (const [name, value] of Object.entries(offer.texts)) {
      const field = this.fields[name];
      if (isFirst || field.value === known[name]) field.value = value;
    }
    if (isFirst) this.restore();
    this.drawPictures(offer);
    this.ask();
    if (isFirst) this.fields.name.focus();
  }

  /** Take up what was typed before the dialog was closed without writing. */
  restore() {
    const draft = drafts.get(this.run.id) ?? {};
    for (const [name, field] of Object.entries(this.fields)) field.value = draft[name] ?? field.value;
    const choice = this.choices.querySelector(`input[value="${draft.metadata}"]`);
    if (choice) choice.checked = true;
  }

  drawChoices(choices) {
    const words = {
      recipe: t("Recipe: settings and tags of the training, so that others can repeat it. No graph, no prompts."),
      minimal: t("Minimal: what programs need to load it, and what you write below."),
      all: t("All: everything in the file, with the graph that trained it."),
    };
    const option = (value) =>
      make(
        "label",
        {},
        make("input", {
          type: "radio",
          name: "metadata",
          value,
          checked: value === "recipe",
          onchange: () => this.ask(),
        }),
        make("span", {}, words[value] ?? value),
      );
    const order = ["recipe", "minimal", "all"].filter((value) => choices.includes(value));
    this.choices.append(...order.map(option));
  }

  drawPictures({ file, pictures }) {
    const kinds = { grid: t("grid"), sample: t("sample"), curve: t("loss curve") };
    const items = pictures.map(({ id, kind, label, chosen }) =>
      make(
        "label",
        { title: label },
        make("img", { src: this.run.publishPicture(file, id), alt: label, loading: "lazy" }),
        make(
          "span",
          {},
          make("input", { type: "checkbox", value: id, checked: chosen, onchange: () => this.ask() }),
          kinds[kind],
        ),
      ),
    );
    const text = t("None: no comparison has drawn this file, and the run has no samples.");
    this.pictures.replaceChildren(...(items.length ? items : [make("p", { class: "athanor-empty" }, text)]));
  }

  /** All that the user has said. */
  wanted() {
    const texts = Object.entries(this.fields).map(([name, field]) => [name, field.value]);
    const pictures = [...this.pictures.querySelectorAll("input:checked")].map((box) => box.value);
    const metadata = this.choices.querySelector("input:checked").value;
    return { ...Object.fromEntries(texts), file: this.offer.file, metadata, pictures };
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  /** Ask what would be told, and show it. */
  async ask() {
    clearTimeout(this.timer);
    if (!this.offer) return;
    this.asked += 1;
    const number = this.asked;
    try {
      const draft = await this.run.publishPreview(this.wanted());
      if (number !== this.asked) return;
      this.showDraft(draft);
    } catch (error) {
      if (number !== this.asked) return;
      this.writeButton.disabled = true;
      this.say(error.message, true);
    }
  }

  showDraft({ tells, readme, names, folder, trouble }) {
    this.tells.show(tells);
    this.readme.textContent = readme;
    this.target.textContent = trouble ? "" : t("Writes to {folder}: {files}", { folder, files: names.join(", ") });
    this.writeButton.disabled = Boolean(trouble);
    this.say(trouble || t("Nothing is written yet."), Boolean(trouble));
  }

  async write() {
    this.writeButton.disabled = true;
    this.say(t("Writing…"));
    try {
      const written = await this.run.publish(this.wanted());
      this.showWritten(written);
    } catch (error) {
      this.writeButton.disabled = false;
      this.say(error.message, true);
      if (error.status === 409) this.fields.name.focus();
    }
  }

  showWritten(written) {
    this.isWritten = true;
    const view = new PublishedView(written, (text) => this.say(text));
    this.main.replaceWith(view.element);
    this.target.remove();
    this.writeButton.remove();
    this.say("");
    view.element.focus();
  }
}

function fileOption({ file, starred, epoch, step }, chosen) {
  const label = `${starred ? "★ " : ""}${file} (${t("epoch {epoch}", { epoch })}, ${t("step {step}", { step })})`;
  return make("option", { value: file, selected: file === chosen }, label);
}
