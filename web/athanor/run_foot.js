// The line below the list of runs: how many there are, what they take on the disk, and the trash.

import { make } from "./dom.js";
import { formatBytes } from "./format.js";
import * as manage from "./manage.js";
import { isRunning } from "./run_order.js";
import { keysHelp } from "./run_table.js";
import { t } from "./words.js";

const AGE = 60_000; // ms after which what runs take is measured again for new ones: the server looks at every run

/**
 * `actions`: follow(), freeStates(rows), deleteAverages(size), openTrash(), say(text), measured() after what runs take
 * is known.
 */
export class RunFoot {
  constructor(actions) {
    this.actions = actions;
    this.runs = {}; // id -> {bytes, states, loras}
    this.trash = 0;
    this.averages = 0;
    this.time = 0;
    this.isOld = true;
    const act = (label, title, onclick) => make("button", { type: "button", title, onclick }, label);
    this.follow = act(t("Show the running run"), null, () => actions.follow());
    this.sum = make("span", { title: keysHelp() });
    this.states = act(t("Delete states"), null, () => actions.freeStates(this.finished));
    this.averagesButton = act("", t("Delete files that axes have made of averages of DoRA"), () =>
      actions.deleteAverages(formatBytes(this.averages)),
    );
    this.trashButton = act(t("Trash"), t("Look at what was deleted"), () => actions.openTrash());
    this.element = make(
      "div",
      { class: "athanor-foot" },
      this.sum,
      this.follow,
      this.states,
      this.averagesButton,
      this.trashButton,
    );
  }

  /** Ask what runs take, if that may have changed. */
  async read(rows) {
    const isNew = rows.length < Object.keys(this.runs).length || rows.some((row) => !this.runs[row.run_id]);
    if (!this.isOld && !(isNew && Date.now() - this.time > AGE)) return;
    this.isOld = false;
    this.time = Date.now();
    try {
      const { runs, averages, trash } = await manage.disk();
      this.runs = runs;
      this.averages = averages;
      this.trash = trash;
      this.actions.measured();
    } catch (error) {
      this.actions.say(error.message);
    }
  }

  /** Show it; `rows`: all runs, `count`: how many the list shows, `chosen`: the id of the run in detail. */
  draw(rows, count, chosen) {
    const each = Object.values(this.runs);
    const bytes = each.reduce((sum, one) => sum + one.bytes, 0);
    const values = { count, all: rows.length, size: formatBytes(bytes) };
    const isKnown = each.length > 0;
    this.sum.textContent = isKnown ? t("{count} of {all} runs · {size}", values) : t("{count} of {all} runs", values);
    this.trashButton.textContent = this.trash ? t("Trash {size}", { size: formatBytes(this.trash) }) : t("Trash");
    this.averagesButton.hidden = !this.averages;
    this.averagesButton.textContent = t("Averages {size}", { size: formatBytes(this.averages) });
    this.finished = rows.filter((row) => row.status === "done" && !isRunning(row));
    const states = this.finished.reduce((sum, row) => sum + (this.runs[row.run_id]?.states ?? 0), 0);
    this.states.hidden = !states;
    this.states.title = t("Delete the states of all finished runs: {size}", { size: formatBytes(states) });
    const live = rows.find((row) => row.live);
    this.follow.hidden = !live || live.run_id === chosen;
  }
}
