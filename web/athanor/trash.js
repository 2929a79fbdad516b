// What was deleted: asked for first, undone by a click, and looked at in a window until the trash is emptied.

import { ask, openWindow } from "./dialog.js";
import { make } from "./dom.js";
import { formatBytes, when } from "./format.js";
import * as manage from "./manage.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const WHY = 3; // refusals that are said in full

/** What could not be done, in sentences. */
export function refusals(refused) {
  const whys = [...new Set(refused.map(({ why }) => why))];
  const more = whys.length > WHY ? t(" … and {count} more.", { count: whys.length - WHY }) : "";
  return whys.slice(0, WHY).map(told).join(" ") + more;
}

const sum = (ids, disk, part) => ids.reduce((total, id) => total + (disk[id]?.[part] ?? 0), 0);

/** Ask whether to move runs to the trash; then do it. Returns {entries, refused}, or null. */
export async function askToThrow(rows, disk, nameOf) {
  const ids = rows.map((row) => row.run_id);
  const title =
    rows.length === 1
      ? t("Move {name} to the trash?", { name: nameOf(rows[0]) })
      : t("Move {count} runs to the trash?", { count: rows.length });
  const taken = formatBytes(sum(ids, disk, "bytes") - sum(ids, disk, "loras"));
  const lines = [
    t("States, samples, logs and notes go along ({size}). All can be brought back until the trash is emptied.", {
      size: taken,
    }),
  ];
  const option = t("LoRA files as well ({size}): Load LoRA does not offer them any more", {
    size: formatBytes(sum(ids, disk, "loras")),
  });
  const answer = await ask(title, { lines, action: t("Move to the trash"), option });
  return answer && (await manage.throwAway(ids, answer.option));
}

/** Ask whether to delete the states of runs; then do it. Returns {entries, refused}, or null. */
export async function askToThrowStates(rows, disk) {
  const ids = rows.map((row) => row.run_id).filter((id) => disk[id]?.states);
  if (!ids.length) return { entries: [], refused: [{ why: t("There are no states to delete.") }] };
  const title = t("Delete the states of {count} runs?", { count: ids.length });
  const lines = [
    t("They take {size}, which is free once the trash is emptied. The LoRA files stay.", {
      size: formatBytes(sum(ids, disk, "states")),
    }),
    t("Without its state a run cannot be gone on from: with more epochs it would begin at its first step."),
  ];
  const answer = await ask(title, { lines, action: t("Move the states to the trash") });
  return answer && (await manage.throwStates(ids));
}

/** The line that says what was deleted and offers to undo it. `changed(told)` is called after that. */
export class UndoLine {
  constructor(changed) {
    this.changed = changed;
    this.names = [];
    this.text = make("span", { role: "status" });
    const button = make("button", { type: "button", onclick: () => this.undo() }, t("Undo"));
    const close = { type: "button", "aria-label": t("Leave it in the trash"), onclick: () => this.hide() };
    this.element = make("div", { class: "athanor-undo", hidden: true }, this.text, button, make("button", close, "✕"));
  }

  show(entries, text) {
    this.names = entries.map(({ name }) => name);
    this.text.textContent = text;
    this.element.hidden = !this.names.length;
  }

  hide() {
    this.names = [];
    this.element.hidden = true;
  }

  async undo() {
    if (!this.names.length) return;
    const { names } = this;
    this.hide();
    try {
      const { restored = [], refused = [] } = await manage.restore(names);
      this.changed(
        restored.map(({ run_id }) => run_id),
        refusals(refused),
      );
    } catch (error) {
      this.changed([], error.message);
    }
  }
}

/** The window of the trash. `changed()` is called after anything was brought back or deleted. */
export class TrashWindow {
  constructor(changed) {
    this.changed = changed;
    this.list = make("ul", { class: "trash" });
    this.status = make("span", { class: "where", role: "status" });
    this.emptyButton = make("button", { type: "button", onclick: () => this.empty() }, t("Empty the trash"));
    this.dialog = openWindow(t("Trash"), { content: this.list, foot: [this.status, this.emptyButton], kind: "trash" });
    this.read();
  }

  async read() {
    try {
      const { entries, bytes } = await manage.trash();
      this.entries = entries;
      this.emptyButton.disabled = !entries.length;
      this.emptyButton.textContent = t("Empty the trash ({size})", { size: formatBytes(bytes) });
      const rows = entries.map((entry) => this.row(entry));
      if (!rows.length) rows.push(make("li", { class: "athanor-empty" }, t("The trash is empty.")));
      this.list.replaceChildren(...rows);
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  row(entry) {
    const name = entry.label || entry.title;
    const what = entry.kind === "states" ? t("states of {name}", { name }) : name;
    const about = [when(entry.time), formatBytes(entry.bytes)];
    if (entry.loras.length) about.push(t("LoRA files: {count}", { count: entry.loras.length }));
    const button = (label, word, act) => make("button", { type: "button", "aria-label": label, onclick: act }, word);
    return make(
      "li",
      {},
      make("span", { class: "what" }, make("b", {}, what), make("small", {}, about.join(" · "))),
      button(t("Bring back {what}", { what }), t("Bring back"), () => this.restore(entry)),
      button(t("Delete {what} for good", { what }), t("Delete for good"), () => this.deleteForGood([entry])),
    );
  }

  async restore({ name }) {
    await this.act(async () => refusals((await manage.restore([name])).refused));
  }

  async empty() {
    await this.deleteForGood(this.entries);
  }

  async deleteForGood(entries) {
    const bytes = entries.reduce((total, entry) => total + entry.bytes, 0);
    const answer = await ask(t("Delete for good?"), {
      lines: [
        t("{count} deleted, {size}. This cannot be undone.", { count: entries.length, size: formatBytes(bytes) }),
      ],
      action: t("Delete for good"),
    });
    if (answer) await this.act(async () => void (await manage.deleteForGood(entries.map(({ name }) => name))));
  }

  /** Do something, say what came of it, and show what is left. */
  async act(work) {
    try {
      this.status.textContent = (await work()) ?? "";
    } catch (error) {
      this.status.textContent = error.message;
    }
    await this.read();
    this.changed();
  }
}
