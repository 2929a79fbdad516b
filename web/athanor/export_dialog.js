// The dialog "Export": what a run or a Train LoRA node trains by, as a command, a job, JSON, a table or a description.

import { download } from "../viewer/make.js";
import { dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { copyFile, fileBlob, fileView } from "./export_files.js";
import { post } from "./http.js";
import { t } from "./words.js";

style("./athanor.css");
style("./export.css");

const formList = () => [
  [
    "command",
    t("sd-scripts command"),
    t("With the TOML of its dataset and its prompts. Comments say the rest, and Import reads them."),
  ],
  ["job", "job.json", t("All settings and their graph, for the command line and for Import.")],
  ["api", t("JSON for the API"), t("Can be posted to /prompt as it is, and names what a script would change.")],
  ["table", t("Markdown table"), t("For a post or a model card; of a run with its loss curve and its newest grid.")],
  ["civitai", "Civitai", t("A description to paste into Civitai's editor, and the values of its fields.")],
];

let lastForm = "command"; // the one that was looked at last, in whichever dialog

/** Open the dialog. `name`: of what is exported; `source`: {run: id}, or {prompt, node} of an open graph. */
export const openExport = (name, source) => new ExportDialog(name, source);

class ExportDialog {
  constructor(name, source) {
    Object.assign(this, { source, round: 0, files: [], shown: 0 });
    this.build(name);
    openOver(this.dialog);
    this.choose(lastForm);
    this.forms.querySelector(":checked").focus();
  }

  build(name) {
    const title = t("Export {name}", { name });
    const form = ([id, label, about]) => {
      const input = make("input", { type: "radio", name: "athanor-form", value: id, onchange: () => this.choose(id) });
      return make("label", {}, input, make("span", {}, make("b", {}, label), make("small", {}, about)));
    };
    this.forms = make("fieldset", { class: "forms" }, make("legend", {}, t("Form")), formList().map(form));
    this.leftOut = make("details", { class: "left-out", hidden: true });
    this.tabs = make("div", { "class": "tabs", "role": "group", "aria-label": t("Files") });
    this.view = make("div", { class: "view" });
    this.status = make("p", { class: "where", role: "status" });
    const button = (label, onclick) => make("button", { type: "button", onclick }, label);
    this.copyButton = button(t("Copy"), () => this.copy());
    this.allButton = button(t("Download all"), () => this.download(this.files));
    this.downloadButton = button(t("Download"), () => this.download([this.files[this.shown]]));
    this.dialog = make(
      "dialog",
      { "class": "athanor athanor-export", "aria-label": title },
      dialogHead(make("h2", {}, title), () => this.dialog.close()),
      make("div", { class: "main" }, this.forms, make("section", {}, this.leftOut, this.tabs, this.view)),
      make("footer", {}, this.status, this.copyButton, this.downloadButton, this.allButton),
    );
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the host has keys of its own
    this.dialog.addEventListener("copy", (event) => event.stopPropagation()); // it would copy nodes
    this.dialog.addEventListener("close", () => {
      this.round += 1; // an answer comes too late
    });
  }

  say(text, isBad = false) {
    this.status.textContent = text;
    this.status.dataset.kind = isBad ? "bad" : "";
  }

  /** Show what a form says. */
  async choose(form) {
    lastForm = form;
    this.forms.querySelector(`[value=${form}]`).checked = true;
    this.round += 1;
    const { round } = this;
    this.say(t("Writing…"));
    this.show([], []);
    try {
      const { files, left_out: leftOut } = await post("/recipes/export", { ...this.source, form });
      if (round !== this.round) return;
      this.say("");
      this.show(files, leftOut);
    } catch (error) {
      if (round === this.round) this.say(error.message, true);
    }
  }

  show(files, leftOut) {
    this.files = files;
    this.leftOut.hidden = !leftOut.length;
    const count = leftOut.length;
    const head = count === 1 ? t("1 thing is left out") : t("{count} things are left out", { count });
    const items = leftOut.map((sentence) => make("li", {}, sentence));
    this.leftOut.replaceChildren(make("summary", {}, head), make("ul", {}, items));
    this.allButton.hidden = files.length < 2;
    for (const button of [this.copyButton, this.downloadButton]) button.disabled = !files.length;
    this.open(0);
  }

  /** Show one of the files. */
  open(number) {
    this.shown = number;
    const tab = ({ name }, i) =>
      make(
        "button",
        { "type": "button", "aria-pressed": String(i === number), "onclick": () => this.chooseFile(i) },
        name,
      );
    this.tabs.replaceChildren(...this.files.map(tab));
    const file = this.files[number];
    this.view.replaceChildren(...(file ? [fileView(file)] : []));
    this.copyButton.hidden = Boolean(file?.base64);
  }

  chooseFile(number) {
    this.say("");
    this.open(number);
    this.tabs.children[number].focus(); // the button that had the focus is made anew
  }

  async copy() {
    const file = this.files[this.shown];
    try {
      await copyFile(file);
      this.say(t("Copied: {file}", { file: file.name }));
    } catch {
      getSelection().selectAllChildren(this.view); // without a secure connection there is no clipboard
      this.say(t("The text is selected: copy it with the keyboard."));
    }
  }

  download(files) {
    for (const file of files) download(fileBlob(file), file.name);
  }
}
