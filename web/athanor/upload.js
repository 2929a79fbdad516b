// The dialog that sends pictures and captions of the user's computer into a folder of ComfyUI's input.

import { openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { duration, formatBytes } from "./format.js";
import { get } from "./http.js";
import { told } from "./sentences.js";
import { asDataset, chosenFiles, droppedFiles, hasFiles } from "./upload_files.js";
import { counted, list, ThereChoice } from "./upload_parts.js";
import { compareThere, planUpload, sendAll, toSend } from "./upload_work.js";
import { t } from "./words.js";

style("./athanor.css");
style("./upload.css");

const PAUSE = 300; // ms after the last key in the folder's name before the server is asked

/**
 * Ask for pictures, and send them. `folder`: where they go if nothing else tells; `files`: what was dropped already, as
 * [{path, file}] or a promise of it; `done({folder, entries, one})` is called with what came and what the folder holds.
 */
export const openUpload = (options) => new UploadDialog(options);

class UploadDialog {
  constructor({ folder = "", files = null, done = () => {} }) {
    Object.assign(this, { preset: folder.trim(), done, files: [], plan: null, round: 0, isSending: false });
    this.abort = new AbortController();
    this.build();
    openOver(this.dialog);
    this.choose.focus();
    this.draw();
    if (files) this.take(files);
  }

  build() {
    const picker = (attributes) => {
      const field = make("input", { type: "file", hidden: true, multiple: true, ...attributes });
      field.addEventListener("change", () => {
        this.take(chosenFiles(field));
        field.value = "";
      });
      return field;
    };
    const files = picker({ accept: ".png,.jpg,.jpeg,.webp,.bmp,.avif,.txt,.caption", class: "files" });
    const folder = picker({ webkitdirectory: true, class: "folder" });
    this.choose = make("button", { type: "button", onclick: () => folder.click() }, t("Choose a folder"));
    const single = make("button", { type: "button", onclick: () => files.click() }, t("Choose pictures"));
    this.drop = make(
      "div",
      { class: "drop" },
      make("p", {}, this.choose, " ", single, files, folder),
      make("p", {}, t("or drop pictures or a folder here; captions (.txt) come along")),
    );
    this.name = make("input", { type: "text", spellcheck: "false", oninput: () => this.planSoon() });
    this.nameLine = make("label", { class: "name" }, t("Folder"), make("span", {}, "input/"), this.name);
    this.status = make("p", { class: "where", role: "status" });
    this.details = make("div", { class: "details" });
    this.there = new ThereChoice(() => this.chosenThere());
    this.bar = make("progress", { "aria-label": t("Uploaded"), hidden: true });
    this.send = make("button", { type: "button", class: "write", onclick: () => this.start() }, t("Upload"));
    this.cancel = make("button", { type: "button", onclick: () => this.leave() }, t("Cancel"));
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-upload", "aria-label": t("Upload pictures") },
      make("h2", {}, t("Upload pictures")),
      this.drop,
      this.nameLine,
      this.status,
      this.there.element,
      this.details,
      this.bar,
      make("footer", {}, this.cancel, this.send),
    );
    this.listen();
  }

  listen() {
    const over = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation(); // the host would open a picture as a workflow
      this.drop.classList.toggle("over", event.type === "dragover");
    };
    for (const kind of ["dragenter", "dragover", "dragleave"]) this.dialog.addEventListener(kind, over);
    this.dialog.addEventListener("drop", (event) => {
      over(event);
      if (hasFiles(event)) this.take(droppedFiles(event));
    });
    this.dialog.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the host has keys of its own
      if (event.key === "Enter" && event.target === this.name && !this.send.disabled) this.start();
      if (event.key !== "Escape") return;
      event.preventDefault(); // the browser's own way would close it in the middle of an upload
      this.leave();
    });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    this.dialog.addEventListener("close", () => {
      this.abort.abort();
      clearTimeout(this.timer);
    });
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.dataset.kind = kind;
  }

  /** Take files (or a promise of them) in the place of those that were chosen before. */
  async take(files) {
    if (this.isSending) return;
    this.say(t("Looking at the files…"));
    let name = "";
    try {
      const dataset = asDataset(await files);
      ({ name } = dataset);
      this.files = dataset.files;
      if (name || !this.name.value) this.name.value = name || this.preset || "my_pictures";
    } catch (error) {
      this.say(t("The files cannot be read: {why}", { why: error.message }), "bad");
      return;
    }
    this.there.reset();
    await this.makePlan();
    if (this.send.disabled) return;
    if (name && this.leavesNoChoice()) await this.start();
    else this.send.focus();
  }

  /** Whether a new folder gets all files as they are: then no second click is asked for (the browser has asked). */
  leavesNoChoice() {
    const { plan, entries } = this;
    return Boolean(plan) && !plan.pictures && entries.length === plan.entries.length;
  }

  planSoon() {
    clearTimeout(this.timer);
    this.send.disabled = true;
    this.timer = setTimeout(() => {
      this.there.reset();
      this.makePlan();
    }, PAUSE);
  }

  chosenThere() {
    const { plan } = this;
    if (!plan) return;
    const conflicts = toSend(plan, true).filter(({ there }) => there >= 0);
    if (this.there.value === "keep") this.makePlan(conflicts.map(({ path }) => path));
    else if (plan.keep.length) this.makePlan();
    else this.draw();
  }

  /** Ask the server; `keep`: paths of files that are kept beside those that are there. */
  async makePlan(keep = []) {
    if (!this.files.length) return this.draw();
    this.round += 1;
    const round = this.round;
    this.plan = null;
    this.send.disabled = true;
    this.there.disable(true);
    try {
      const plan = await planUpload(this.name.value, this.files, keep);
      const step = (done, all) => {
        if (round === this.round) this.say(t("Comparing with what is there: {done} of {all}", { done, all }));
      };
      await compareThere(plan, step, this.abort.signal);
      if (round !== this.round) return;
      this.plan = plan;
      this.there.disable(false);
      this.draw();
    } catch (error) {
      if (round === this.round && !this.abort.signal.aborted) this.say(error.message, "bad");
    }
  }

  get entries() {
    return this.plan ? toSend(this.plan, this.there.value === "replace") : [];
  }

  /** Show what would be sent where, what is left out, and what is there already. */
  draw() {
    const { plan, entries } = this;
    this.nameLine.hidden = !this.files.length;
    this.send.disabled = !entries.length || Boolean(plan?.room) || this.isSending;
    this.send.textContent = entries.length > 1 ? t("Upload {count} files", { count: entries.length }) : t("Upload");
    if (!plan) {
      if (!this.files.length) this.say(t("They go into a folder of ComfyUI's input, whose name you choose."));
      return;
    }
    const same = plan.entries.filter((entry) => entry.same).length;
    this.there.show(toSend(plan, true).length - toSend(plan, false).length);
    const lines = [counted(plan.entries.filter(({ name }) => name))];
    if (entries.length) lines.push(formatBytes(entries.reduce((sum, { file }) => sum + file.size, 0)));
    if (same) lines.push(t("{count} are there already", { count: same }));
    if (plan.pictures === 1) lines.push(t("the folder has 1 picture"));
    else if (plan.pictures) lines.push(t("the folder has {count} pictures", { count: plan.pictures }));
    this.say(plan.room || lines.join(" · "), plan.room ? "bad" : "");
    if (!entries.length && same && !plan.room) {
      this.send.disabled = false;
      this.send.textContent = t("Use this folder");
    }
    this.details.replaceChildren(...leftOut(plan.entries));
  }

  async start() {
    const { plan, entries } = this;
    if (!plan || this.isSending) return;
    this.setSending(true);
    const [files, bytes] = [entries.length, entries.reduce((sum, { file }) => sum + file.size, 0)];
    const step = (now) => {
      this.bar.value = bytes ? now.bytes / bytes : 0;
      const rate = now.bytes / Math.max(now.seconds, 0.001);
      const left = now.bytes ? duration((bytes - now.bytes) / rate) : "";
      const values = { done: now.files, all: files, rate: `${formatBytes(rate)}/s`, left };
      this.say(t("{done} of {all} files, {rate}, {left} left", values));
    };
    step({ files: 0, bytes: 0, seconds: 0 });
    const replace = this.there.value === "replace";
    const result = await sendAll(plan.folder, entries, { replace, signal: this.abort.signal, step });
    this.setSending(false);
    await this.finish(result);
  }

  setSending(on) {
    this.isSending = on;
    this.bar.hidden = !on;
    this.bar.value = 0;
    for (const part of [this.name, this.send, ...this.drop.querySelectorAll("button")]) part.disabled = on;
    this.there.disable(on);
    this.cancel.textContent = on ? t("Stop") : t("Cancel");
    this.cancel.focus(); // a button that is disabled loses the focus to the page, and its keys with it
  }

  /** Say what came; close where all of it did. */
  async finish({ sent, failed, stopped }) {
    const { folder, entries } = this.plan;
    const isStopped = this.abort.signal.aborted || stopped;
    this.abort = new AbortController();
    const came = entries.filter((entry) => entry.same || sent.includes(entry));
    if (came.length && !isStopped) {
      const one = await get(`/folders/one?${new URLSearchParams({ folder })}`).catch(() => null);
      this.done({ folder, entries: came, one });
      if (!failed.length) return this.dialog.close();
    }
    for (const entry of sent) entry.same = true; // what is left is sent if the user tries again
    this.draw();
    const values = { done: sent.length, all: sent.length + failed.length };
    if (isStopped) this.say(t("Stopped. {done} files were uploaded and are kept.", values), "bad");
    else this.say(t("{done} of {all} files were uploaded; these were not:", values), "bad");
    this.send.textContent = isStopped ? t("Upload the rest") : t("Try again");
    this.cancel.textContent = t("Close");
    this.details.replaceChildren(list(failed.map(([path, sentence]) => sentenceOf(path, sentence))));
  }

  leave() {
    if (this.isSending) this.abort.abort();
    else this.dialog.close();
  }
}

/** What is wrong with a file; the server's sentences often begin with its name. */
const sentenceOf = (path, sentence) =>
  sentence.startsWith(path.split("/").pop()) || sentence.startsWith(path) ? sentence : `${path}: ${sentence}`;

/** The files that are left out, by why they are. */
function leftOut(entries) {
  const reasons = new Map();
  for (const { path, why, name } of entries) {
    if (!name && why !== "hidden") reasons.set(why, [...(reasons.get(why) ?? []), path]);
  }
  const rows = [...reasons].map(([why, paths]) => `${few(paths)}: ${told(why)}`);
  return rows.length ? [make("p", {}, t("Left out:")), list(rows)] : [];
}

function few(paths) {
  const first = paths.slice(0, 3).join(", ");
  return paths.length > 3 ? t("{first} and {count} more", { first, count: paths.length - 3 }) : first;
}
