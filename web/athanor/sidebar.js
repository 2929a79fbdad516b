// The sidebar "Athanor": all runs on disk in a list, their curves in one chart, and one of them in detail.

import { Details } from "./details.js";
import { make, style } from "./dom.js";
import { takeOut, watchQueue } from "./host_queue.js";
import { RunActions } from "./run_actions.js";
import { RunCurves } from "./run_curves.js";
import { RunFilter } from "./run_filter.js";
import { RunFoot } from "./run_foot.js";
import { allTags, lines, matches, sorted } from "./run_order.js";
import { RunTable } from "./run_table.js";
import * as store from "./store.js";
import { t } from "./words.js";

style("./runs.css");

const ELSEWHERE = 5000; // ms between two looks at the list while another process trains

class Board {
  constructor(app, offerFiles) {
    this.app = app;
    this.rows = []; // short summaries of all runs, the newest first
    this.queued = []; // trainings of the host's queue
    this.chosen = null; // id of the run in detail
    this.isOwnChoice = false; // the user has chosen it, so that a run that starts does not take its place
    this.offerFiles = () => offerFiles();
    this.actions = new RunActions(this);
    this.details = new Details(app, offerFiles, {
      changed: (row) => this.replace(row),
      tags: () => allTags(this.rows),
      remove: (id) => this.actions.remove([id]),
      edited: () => {
        this.isOwnChoice = true; // a run that starts does not take the place of what is being written
      },
    });
    this.build();
    store.listen((message) => this.receive(message));
    // Another page, or a process without one, tells nothing of what it has done meanwhile.
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.element.isConnected) this.readSoon();
    });
  }

  build() {
    const sort = ({ key, falls }) => this.table.sortBy(key, falls);
    this.filter = new RunFilter(
      () => this.drawList(),
      sort,
      () => this.changed(),
    );
    this.table = new RunTable({
      open: (id) => this.choose(id, true),
      ticked: () => this.drawChosen(),
      remove: () => this.actions.remove(this.actions.meant()),
      rename: (id) => this.rename(id),
      undo: () => this.actions.undoLine.undo(),
      sort: (order) => this.sortedBy(order),
      takeOut: (job) => takeOut(job),
    });
    this.table.setOrder(this.filter.order);
    this.status = make("p", { class: "athanor-note", role: "status" });
    this.foot = new RunFoot({
      follow: () => this.follow(),
      freeStates: (rows) => this.actions.removeStates(rows),
      deleteAverages: (size) => this.actions.deleteAverages(size),
      openTrash: () => this.actions.openTrash(),
      say: (text) => this.say(text),
      measured: () => this.drawList(),
    });
    this.curves = new RunCurves();
    const importRecipe = () => this.app.extensionManager.command.execute("Athanor.ImportRecipe"); // import_recipe.js
    const importButton = make("button", { type: "button", onclick: importRecipe }, t("Import recipe…"));
    this.element = make(
      "div",
      { class: "athanor athanor-board" },
      make("div", { class: "athanor-buttons" }, importButton),
      this.filter.element,
      this.status,
      this.table.element,
      this.actions.element, // below: a list that moved at the first tick would bring a button under the pointer
      this.actions.undoLine.element,
      this.foot.element,
      make("div", { class: "athanor-below" }, this.curves.element, this.details.element),
    );
  }

  /** What runs take on the disk, as far as it is known. */
  get disk() {
    return this.foot;
  }

  say(text) {
    this.status.textContent = text;
  }

  /** The tab was opened; the host may say so again. */
  opened() {
    this.unwatchQueue ??= watchQueue((queued) => {
      this.queued = queued;
      this.drawList();
    });
    this.read();
  }

  closed() {
    this.unwatchQueue?.();
    this.unwatchQueue = null;
  }

  /** Take in a broadcast of a run. */
  receive({ kind, run_id: id, ...message }) {
    if (!this.element.isConnected) return;
    if (!this.isOwnChoice && kind !== "ended" && id !== this.chosen) this.choose(id);
    if (["ended", "checkpoint"].includes(kind)) this.foot.isOld = true;
    if (kind === "step") this.showStep(id, message);
    else this.readSoon();
  }

  /** Read the list in half a second, once for all changes until then. */
  readSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), 500);
  }

  async read() {
    try {
      this.rows = await store.list();
      if (this.hasFailed) this.say("");
      this.hasFailed = false;
    } catch (error) {
      this.hasFailed = true;
      this.say(t("The runs cannot be read: {why}", { why: error.message }));
    }
    this.chooseByItself();
    this.drawList();
    this.foot.read(this.rows);
    clearTimeout(this.nextRead);
    const isElsewhere = this.rows.some((row) => row.elsewhere); // which sends no broadcasts to this page
    if (isElsewhere && this.element.isConnected) this.nextRead = setTimeout(() => this.read(), ELSEWHERE);
  }

  /** Runs were deleted, brought back or changed. */
  changed() {
    this.foot.isOld = true;
    return this.read();
  }

  /** Show the run that trains, or any, unless the user has chosen one that is still there. */
  chooseByItself() {
    const isThere = this.chosen && (this.rows.some((row) => row.run_id === this.chosen) || store.run(this.chosen).live);
    if (isThere && this.isOwnChoice) return;
    const next = this.rows.find((row) => row.live) ?? (isThere ? null : this.rows[0]);
    if (next && next.run_id !== this.chosen) this.choose(next.run_id);
    else if (!next && !isThere) this.choose(null);
  }

  /** Show a run in detail. `isOwn`: the user wants to see this one, and no other that starts. */
  choose(id, isOwn = false) {
    this.isOwnChoice = isOwn && !store.run(id).live;
    this.chosen = id;
    this.table.open = this.table.here = id;
    this.details.show(id ? store.run(id) : null);
    this.drawChosen();
    this.table.draw();
  }

  follow() {
    this.isOwnChoice = false;
    this.chooseByItself();
    this.drawList();
  }

  rename(id) {
    this.choose(id, true);
    this.details.rename();
  }

  sortedBy(order) {
    this.filter.keep(order);
    this.drawList();
  }

  /** Put a row that was changed in the place of the old one. */
  replace(row) {
    this.rows = this.rows.map((old) => (old.run_id === row.run_id ? row : old));
    this.drawList();
  }

  /** Show a live run's step in the list, without reading the list again. */
  showStep(id, message) {
    const row = this.rows.find((one) => one.run_id === id);
    const cell = this.table.rows.querySelector(`[data-run="${id}"] .steps`);
    if (row) row.step = message.step;
    if (cell) cell.textContent = t("{step} of {steps}", message);
  }

  drawList() {
    const found = this.rows.filter((row) => matches(row, this.filter.values));
    this.table.keepTicks(found.map((row) => row.run_id)); // nothing that is not seen is acted on
    this.filter.offer(allTags(this.rows));
    const shown = lines(sorted(found, this.table.order, this.disk.runs), this.queued);
    this.table.show(shown, this.disk.runs, this.emptyText());
    this.curves.element.hidden = !this.rows.length;
    this.foot.draw(this.rows, found.length, this.chosen);
    this.drawChosen();
  }

  emptyText() {
    return this.rows.length ? t("No run matches the filter.") : t("No runs yet. Queue a graph with Train LoRA.");
  }

  /** Show the curves of the chosen run and the ticked ones, and what can be done with these. */
  drawChosen() {
    this.actions.draw();
    this.curves.show([...new Set([this.chosen, ...this.table.ticks])].filter(Boolean).map(store.run));
  }
}

let board = null;

/** Add the tab to the host's sidebar. The host may call `render` again for the same element. */
export function register(app, offerFiles) {
  app.extensionManager.registerSidebarTab({
    id: "athanor",
    icon: "pi pi-chart-line",
    title: "Athanor",
    tooltip: t("Athanor: training runs"),
    type: "custom",
    render(element) {
      board ??= new Board(app, offerFiles);
      if (board.element.parentElement !== element) element.replaceChildren(board.element);
      board.opened();
    },
    destroy() {
      board?.closed();
      board?.element.remove();
    },
  });
}
