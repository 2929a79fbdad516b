// What is done with many runs at once: their settings compared, put away, deleted and brought back.

import { ask } from "./dialog.js";
import { make } from "./dom.js";
import * as manage from "./manage.js";
import { compareRuns } from "./run_compare.js";
import { isRunning, shownName } from "./run_order.js";
import { askToThrow, askToThrowStates, refusals, TrashWindow, UndoLine } from "./trash.js";
import { t } from "./words.js";

/**
 * `board`: rows (of all runs), table, disk.runs, chosen, say(text), choose(id), changed() after runs were changed, and
 * offerFiles(), which makes the host's nodes list LoRA files anew.
 */
export class RunActions {
  constructor(board) {
    this.board = board;
    const act = (label, title, onclick) => make("button", { type: "button", title, onclick }, label);
    this.undoLine = new UndoLine((ids, why) => this.undone(ids, why));
    this.count = make("b");
    this.archiveButton = act(t("Archive"), t("Leave them out of the list, or take them in again"), () =>
      this.archive(),
    );
    this.element = make(
      "div",
      { class: "athanor-ticked", hidden: true, role: "group", "aria-label": t("What to do with the ticked runs") },
      this.count,
      act(t("Compare settings"), t("Show in what the ticked runs differ"), () => this.compare()),
      this.archiveButton,
      act(t("Tag"), t("Give all of them the same tags"), () => this.tag()),
      act(t("Delete states"), t("Free the room of their states"), () => this.removeStates(this.ticked())),
      act(t("Delete"), t("Move them to the trash"), () => this.remove(this.meant())),
      act(t("Untick"), t("Untick all"), () => board.table.tickAll(false)),
    );
  }

  ticked() {
    return this.board.rows.filter((row) => this.board.table.ticks.has(row.run_id));
  }

  /** The ids that a key is meant for: the ticked runs, else the one under the cursor. */
  meant() {
    const ticked = this.ticked().map((row) => row.run_id);
    return ticked.length ? ticked : [this.board.table.here ?? this.board.chosen].filter(Boolean);
  }

  /** Show how many are ticked; nothing is shown while none is. */
  draw() {
    const rows = this.ticked();
    this.element.hidden = !rows.length;
    this.count.textContent = t("{count} ticked", { count: rows.length });
    this.archiveButton.textContent = this.areArchived(rows) ? t("Unarchive") : t("Archive");
  }

  areArchived(rows) {
    return rows.length > 0 && rows.every((row) => row.archived);
  }

  /** Do something with runs, and say what came of it. */
  async act(work) {
    try {
      this.board.say((await work()) ?? "");
    } catch (error) {
      this.board.say(error.message);
    }
    await this.board.changed();
  }

  nameOf(id) {
    const row = this.board.rows.find((one) => one.run_id === id);
    return row ? shownName(row) : id;
  }

  compare() {
    const { table } = this.board;
    const ids = table.ids.filter((id) => table.ticks.has(id));
    this.act(async () => void (await compareRuns(ids, (id) => this.nameOf(id))));
  }

  archive() {
    const rows = this.ticked();
    const archived = !this.areArchived(rows);
    this.act(async () => {
      for (const row of rows) await manage.setLabels(row.run_id, { archived });
      const count = rows.length;
      if (archived) return t("Archived: {count}; the list of states shows them.", { count });
      return t("Back in the list: {count}", { count });
    });
  }

  /** Give all ticked runs the same tags, beside those that they have. */
  async tag() {
    const rows = this.ticked();
    const title = t("Tag {count} runs", { count: rows.length });
    const field = t("Tags, with commas");
    const answer = await ask(title, { lines: [field], action: t("Tag"), field, list: "athanor-tags" });
    const tags = (answer?.text ?? "").split(",").filter((tag) => tag.trim());
    if (!tags.length) return;
    this.act(async () => {
      for (const row of rows) await manage.setLabels(row.run_id, { tags: [...row.tags, ...tags] });
      return t("Tagged: {count}", { count: rows.length });
    });
  }

  /** Move runs to the trash, after asking. */
  remove(ids) {
    const rows = this.board.rows.filter((row) => ids.includes(row.run_id));
    if (!rows.length) return;
    const told = (what) => t("In the trash: {what}", { what });
    this.act(() => this.thrown(askToThrow(rows, this.board.disk.runs, shownName), told));
  }

  /** Move the states of runs to the trash, after asking. */
  removeStates(rows) {
    const told = (what) => t("States in the trash: {what}", { what });
    const idle = rows.filter((row) => !isRunning(row));
    this.act(() => this.thrown(askToThrowStates(idle, this.board.disk.runs), told));
  }

  /** Offer to undo what was thrown away, which `told(what)` says; returns why the rest was not. */
  async thrown(asked, told) {
    const answer = await asked;
    if (!answer) return "";
    const { entries = [], refused = [] } = answer;
    const what = entries.length === 1 ? entries[0].label || entries[0].title : String(entries.length);
    this.undoLine.show(entries, told(what));
    if (entries.some((entry) => entry.loras.length)) this.board.offerFiles();
    return refusals(refused);
  }

  /** Runs were brought back. */
  undone(ids, why) {
    this.act(async () => why);
    if (ids.length === 1) this.board.choose(ids[0], true);
    this.board.offerFiles();
  }

  /** Delete the files that axes have made of averages of DoRA, after asking. */
  async deleteAverages(size) {
    const lines = [
      t("{size} in the folder athanor-averages of the loras folder.", { size }),
      t("An axis makes them again where it needs them; until then, graphs of pictures lack them."),
    ];
    if (!(await ask(t("Delete averages?"), { lines, action: t("Delete") }))) return;
    this.act(async () => {
      const { deleted } = await manage.deleteAverages();
      this.board.offerFiles();
      return t("Deleted: {name}", { name: deleted });
    });
  }

  openTrash() {
    new TrashWindow(() => this.act(async () => void this.board.offerFiles()));
  }
}
