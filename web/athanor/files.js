// The table of a run's saved files, with what can be done to each.

import { make } from "./dom.js";
import { formatBytes, number } from "./format.js";
import { allow, refuses } from "./run_buttons.js";
import { terms } from "./terms.js";
import { t } from "./words.js";

const stem = (file) => file.replace(/\.safetensors$/, "");

/**
 * `actions`: say(text), offerFiles() after a copy to the loras folder, addAxis(files), publish(file), average(),
 * changed() after a deletion.
 */
export class Files {
  constructor(actions) {
    this.actions = actions;
    this.element = make("div");
  }

  /** Show the saved files [{file, kind, epoch, step, loss, probe, norm, bytes, starred}] of a run. */
  show(run, files) {
    if (run !== this.run) this.element.querySelector("form")?.remove();
    this.run = run;
    this.files = files;
    this.draw();
  }

  /** Draw the table; the name of a copy that is being typed stays. */
  draw() {
    const form = this.element.querySelector("form");
    const focused = form?.contains(document.activeElement) && document.activeElement;
    this.drawTable();
    if (!form) return;
    this.element.querySelector(`[title="${CSS.escape(form.dataset.file)}"] .actions`)?.append(form);
    if (focused) focused.focus();
  }

  drawTable() {
    const { files, run } = this;
    if (!files.length) {
      const text = run.live ? t("None yet; Save now writes one.") : t("No files were saved, or they were deleted.");
      this.element.replaceChildren(make("p", { class: "athanor-empty" }, text));
      return;
    }
    const { loss, probe, norm } = terms();
    const means = new Map([
      [t("loss"), loss],
      [t("probe %"), probe],
      [t("norm"), norm],
    ]);
    const heads = ["", t("epoch"), t("step"), ...means.keys(), t("size")];
    const head = heads.map((label) => make("th", { scope: "col", title: means.get(label) }, label));
    const rows = files.map((file) =>
      make(
        "tbody",
        { title: file.file },
        make("tr", {}, this.numbers(file)),
        make("tr", {}, make("td", { class: "actions", colspan: heads.length }, this.buttons(file))),
      ),
    );
    this.element.replaceChildren(
      make("table", {}, make("thead", {}, make("tr", {}, head)), rows),
      files.length > 1 ? this.averageButton() : "",
    );
  }

  averageButton() {
    const title = t("One LoRA file of several saved ones: mean(last 4), ema(0.1), lerp(4, 8, 0.3)");
    const onclick = () => this.actions.average();
    return make("button", { type: "button", class: "average", title, onclick }, t("Average of epochs…"));
  }

  numbers(file) {
    const star = make(
      "button",
      {
        type: "button",
        class: "star",
        "aria-pressed": String(file.starred),
        "aria-label": t("Star {file}", file),
        title: t("Starred files go on the compare axis"),
        onclick: () => this.toggleStar(file),
      },
      file.starred ? "★" : "☆",
    );
    const values = [
      file.epoch,
      file.step,
      number(file.loss),
      file.probe == null ? "–" : file.probe.toFixed(1),
      number(file.norm),
      formatBytes(file.bytes),
    ];
    return [star, ...values].map((value) => make("td", {}, value));
  }

  buttons(file) {
    const button = (text, label, title, onclick) =>
      make("button", { type: "button", "aria-label": label, title, onclick }, text);
    const compareTitle = t("Add an axis with this file and the base model to the graph, for XYZ Compare");
    const deleteLabel = t("Delete {file}", file);
    const remove = button(t("Delete"), deleteLabel, deleteLabel, () => {
      if (!refuses(remove)) this.discard(file);
    });
    allow(remove, this.run.live ? t("Stop the run first") : "", deleteLabel);
    return [
      make("span", { class: "file" }, stem(file.file)),
      button(t("Name"), t("Copy the name {file}", file), t("Copy the name {file}", file), () =>
        this.copyName(file.file),
      ),
      button(
        t("Copy to loras"),
        t("Copy {file} to the loras folder", file),
        t("Copy it to the loras folder under another name"),
        () => this.askForName(file.file),
      ),
      button(t("Compare"), t("Compare {file} with the base model", file), compareTitle, () =>
        this.actions.addAxis([file]),
      ),
      button(t("Publish"), t("Publish {file}", file), t("Write a copy to share, with chosen metadata"), () =>
        this.actions.publish(file.file),
      ),
      remove,
    ];
  }

  async toggleStar(file) {
    try {
      file.starred = (await this.run.star(file.file, !file.starred)).starred;
      this.draw();
      this.element.querySelector(`[aria-label="${CSS.escape(t("Star {file}", file))}"]`)?.focus();
    } catch (error) {
      this.actions.say(error.message);
    }
  }

  async copyName(file) {
    try {
      await navigator.clipboard.writeText(file);
      this.actions.say(t("Copied: {file}", { file }));
    } catch {
      this.actions.say(file); // without a secure connection there is no clipboard
    }
  }

  /** Show a field for the copy's name below a file's buttons. */
  askForName(file) {
    this.element.querySelector("form")?.remove();
    const button = () => {
      const label = t("Copy {file} to the loras folder", { file });
      return this.element.querySelector(`[aria-label="${CSS.escape(label)}"]`);
    };
    const name = make("input", { type: "search", "aria-label": t("Name of the copy"), value: `${stem(file)}-kept` });
    const close = () => {
      form.remove();
      button()?.focus();
    };
    const form = make(
      "form",
      {
        class: "athanor-line",
        "data-file": file,
        onsubmit: async (event) => {
          event.preventDefault();
          if (await this.copy(file, name.value)) close();
        },
        onkeydown: (event) => {
          event.stopPropagation();
          if (event.key === "Escape") close();
        },
      },
      name,
      make("button", { type: "submit" }, t("Copy")),
      make("button", { type: "button", onclick: close }, t("Cancel")),
    );
    button().parentElement.append(form);
    name.focus();
    name.select();
  }

  async copy(file, name) {
    try {
      const copy = await this.run.copy(file, name);
      this.actions.say(t("Copied to {file}", copy));
      this.actions.offerFiles();
      return true;
    } catch (error) {
      this.actions.say(error.message);
      return false;
    }
  }

  async discard({ file, kind }) {
    let question = t("Delete {file}? This cannot be undone.", { file });
    if (kind === "last") {
      question += t(" It is the run's final file: if the graph is queued again, the last part is trained again.");
    }
    if (!confirm(question)) return;
    try {
      await this.run.discard(file);
      this.actions.changed();
      this.actions.say(t("Deleted: {file}", { file }));
    } catch (error) {
      this.actions.say(error.message);
    }
  }
}
