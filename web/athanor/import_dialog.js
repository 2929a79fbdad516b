// The dialog "Import recipe": a recipe of another program, what becomes of it, and the button that makes the graph.

import { chooseFiles } from "../viewer/make.js";
import { dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { post } from "./http.js";
import { check } from "./missing.js";
import { ENDINGS, packed } from "./recipe_files.js";
import { makeGraph } from "./recipe_graph.js";
import { linesOf } from "./recipe_lines.js";
import { Questions } from "./recipe_questions.js";
import { showBriefly } from "./toast.js";
import { hasFiles } from "./upload_files.js";
import { t } from "./words.js";

style("./athanor.css");
style("./import.css");

const PAUSE = 500; // ms after the last key before the text is read

/** Open the dialog, with a text or files that are read at once. */
export const openImport = (options = {}) => new ImportDialog(options);

class ImportDialog {
  constructor({ text = "", files = [] }) {
    Object.assign(this, { files: [], answer: null, questions: null, round: 0, isMaking: false });
    this.build();
    openOver(this.dialog);
    this.text.value = text;
    this.text.focus();
    this.isOpened = Boolean(text || files.length); // with something: then the answer gets the focus
    if (files.length) this.take(files);
    else if (text) this.read();
    else this.showForms();
  }

  build() {
    this.text = make("textarea", {
      "spellcheck": "false",
      "aria-label": t("Recipe"),
      "placeholder": t("Paste a command, TOML, JSON, YAML or lines here, or drop files"),
      "oninput": () => this.readSoon(),
    });
    const choose = () => chooseFiles({ accept: ENDINGS.join(","), multiple: true }, (files) => this.take(files));
    const chooseButton = make("button", { type: "button", onclick: choose }, t("Choose files…"));
    this.chosen = make("ul", { "class": "files", "aria-label": t("Files") });
    this.trouble = make("p", { class: "trouble", role: "alert", hidden: true });
    this.result = make("section", { "class": "result", "aria-label": t("What becomes of it") });
    this.status = make("p", { class: "where", role: "status" });
    this.makeButton = make(
      "button",
      { type: "button", class: "write", disabled: true, onclick: () => this.make() },
      t("Make the graph"),
    );
    const close = () => this.dialog.close();
    this.dialog = make(
      "dialog",
      { "class": "athanor athanor-import", "aria-label": t("Import recipe") },
      dialogHead(make("h2", {}, t("Import recipe")), close, t("Close without a graph")),
      make(
        "div",
        { class: "main" },
        make("section", { class: "given" }, this.text, make("div", { class: "choose" }, chooseButton, this.chosen)),
        make("div", { class: "becomes" }, this.trouble, this.result),
      ),
      make("footer", {}, this.status, this.makeButton),
    );
    this.listen();
  }

  listen() {
    this.dialog.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the host has keys of its own
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.make();
    });
    for (const kind of ["copy", "cut"]) this.dialog.addEventListener(kind, (event) => event.stopPropagation());
    this.dialog.addEventListener("paste", (event) => {
      event.stopPropagation(); // the host would paste nodes
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.take(files);
    });
    const over = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation(); // the host would open a file as a workflow
      this.dialog.classList.toggle("over", event.type === "dragover");
    };
    for (const kind of ["dragenter", "dragover", "dragleave"]) this.dialog.addEventListener(kind, over);
    this.dialog.addEventListener("drop", (event) => {
      over(event);
      if (hasFiles(event)) this.take([...event.dataTransfer.files]);
    });
    this.dialog.addEventListener("close", () => {
      this.round += 1; // an answer comes too late
      clearTimeout(this.timer);
    });
  }

  /** What the right half shows as long as there is nothing to read. */
  showForms() {
    const forms = [
      t("commands and TOML of sd-scripts, with its dataset TOML and sample prompts"),
      t("JSON of kohya's GUI and of OneTrainer"),
      t("YAML of ai-toolkit, TOML of musubi-tuner, diffusion-pipe and LoRA-scripts"),
      t("a LoRA file that tells how it was trained"),
      t("lines of a post, such as “Network dim: 32”"),
    ];
    this.result.replaceChildren(
      make("p", {}, t("What can be read:")),
      make(
        "ul",
        { class: "forms" },
        forms.map((form) => make("li", {}, form)),
      ),
      make("p", {}, t("Nothing in it is run, and no file that it names is opened.")),
    );
  }

  say(text) {
    this.status.textContent = text;
  }

  /** Say what is wrong above what would become of the recipe. */
  fail(text) {
    this.trouble.hidden = !text;
    this.trouble.textContent = text;
  }

  /** Add files to those that are there, in the place of one of the same name. */
  take(files) {
    const names = new Set(files.map(({ name }) => name));
    this.files = [...this.files.filter(({ name }) => !names.has(name)), ...files];
    this.drawFiles();
    this.read();
  }

  drawFiles() {
    const item = (file) => {
      const remove = () => {
        this.files = this.files.filter((other) => other !== file);
        this.drawFiles();
        this.text.focus(); // the button that had the focus is gone
        this.read();
      };
      const label = t("Leave {name} out", { name: file.name });
      const button = make("button", { "type": "button", "aria-label": label, "title": label, "onclick": remove }, "×");
      return make("li", {}, make("span", {}, file.name), button);
    };
    this.chosen.replaceChildren(...this.files.map(item));
  }

  readSoon() {
    clearTimeout(this.timer);
    this.round += 1; // an answer to an older text comes too late
    this.makeButton.disabled = true;
    this.timer = setTimeout(() => this.read(), PAUSE);
  }

  /** Let the server read what is there, and show what becomes of it. */
  async read() {
    clearTimeout(this.timer);
    this.round += 1;
    const { round } = this;
    this.answer = null;
    this.makeButton.disabled = true;
    const text = this.text.value;
    if (!text.trim() && !this.files.length) {
      this.fail("");
      this.say("");
      return this.showForms();
    }
    this.say(t("Reading the recipe…"));
    try {
      const files = await Promise.all(this.files.map(packed));
      if (text.trim()) files.push({ name: "", text });
      const answer = await post("/recipes/read", { files });
      if (round !== this.round) return;
      this.fail("");
      this.show(answer);
    } catch (error) {
      if (round !== this.round) return;
      this.result.replaceChildren();
      this.say("");
      this.fail(error.message);
    }
  }

  show(answer) {
    this.answer = answer;
    this.questions = new Questions(answer.nodes, answer.questions, () => this.tell());
    const { chips, tables } = linesOf(answer.lines);
    const head = [answer.form, answer.family || t("kind of model not told")].join(" · ");
    const name = answer.name ? make("span", { class: "name" }, answer.name) : null;
    this.result.replaceChildren(make("h3", { class: "form" }, head, name), chips, this.questions.element, tables);
    this.makeButton.disabled = false;
    this.tell();
    if (this.isOpened) (this.questions.firstOpen ?? this.makeButton).focus();
    this.isOpened = false;
  }

  /** Say what is open still. */
  tell() {
    const { open: count } = this.questions;
    if (!count) this.say("");
    else if (count === 1) this.say(t("1 question is open: the note in the graph tells it."));
    else this.say(t("{count} questions are open: the note in the graph tells them.", { count }));
  }

  async make() {
    if (!this.answer || this.makeButton.disabled || this.isMaking) return;
    const { answer, questions } = this;
    this.isMaking = this.makeButton.disabled = true;
    this.say(t("Making the graph…"));
    try {
      const made = await makeGraph({ name: answer.name, rows: answer.nodes, answers: questions.answers });
      this.dialog.close();
      const detail = t("{count} nodes were made from the recipe.", { count: made.length });
      showBriefly(detail, { severity: "success" });
      check().catch(() => {}); // what is missing is said again when the graph is queued
    } catch (error) {
      this.fail(t("The graph cannot be made: {why}", { why: error.message }));
      this.tell();
      this.makeButton.disabled = false;
    } finally {
      this.isMaking = false;
    }
  }
}
