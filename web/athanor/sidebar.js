// The sidebar "Athanor": all runs on disk, their curves in one chart, and one of them in detail.

import { swatch } from "./chart.js";
import { controls } from "./chart_options.js";
import { Details } from "./details.js";
import { make } from "./dom.js";
import { stateOf, when } from "./format.js";
import { LossChart } from "./loss_chart.js";
import { OverlayChart } from "./more_charts.js";
import * as store from "./store.js";
import { t } from "./words.js";

const PAGE = 100; // runs that the list shows at first, and that are added by "more"

class Board {
  constructor(app, offerFiles) {
    this.summaries = [];
    this.chosen = null; // id of the run in detail
    this.compared = new Set(); // ids of further runs in the chart
    this.shown = PAGE;
    this.details = new Details(app, offerFiles);
    this.build();
    store.listen((message) => {
      if (!this.element.isConnected) return;
      if (message.kind === "step") this.showStep(message);
      else this.readSoon();
    });
  }

  build() {
    this.search = make("input", {
      type: "search",
      placeholder: t("Filter runs"),
      "aria-label": t("Filter runs by name or state"),
      oninput: () => this.drawList(),
    });
    const refresh = { type: "button", "aria-label": t("Read the runs again"), onclick: () => this.read() };
    this.rows = make("ul", { class: "athanor-runs", "aria-label": t("Runs") });
    this.single = new LossChart(220);
    this.overlay = new OverlayChart(220);
    this.quantity = make(
      "select",
      { "aria-label": t("What to compare"), onchange: () => this.drawChart() },
      make("option", { value: "loss" }, t("mean loss")),
      make("option", { value: "probe" }, t("probe, % of start")),
    );
    this.legend = make("div", { class: "athanor-legend" });
    this.status = make("p", { class: "athanor-note", role: "status" });
    this.curves = make(
      "section",
      { class: "athanor-curves", hidden: true },
      this.single.element,
      this.overlay.element,
      this.legend,
      make("div", { class: "athanor-line" }, controls(), this.quantity),
    );
    this.element = make(
      "div",
      { class: "athanor athanor-board" },
      make("div", { class: "athanor-line" }, this.search, make("button", refresh, t("Refresh"))),
      this.status,
      this.rows,
      this.curves,
      this.details.element,
    );
  }

  /** Read the list in half a second, once for all changes until then. */
  readSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), 500);
  }

  async read() {
    try {
      this.summaries = await store.list();
      this.status.textContent = "";
    } catch (error) {
      this.status.textContent = t("The runs cannot be read: {why}", { why: error.message });
    }
    if (!this.chosen && this.summaries.length) this.choose(this.summaries[0].run_id);
    this.drawList();
  }

  /** Show a live run's step in the list, without reading the list again. */
  showStep(message) {
    const summary = this.summaries.find((one) => one.run_id === message.run_id);
    const cell = this.rows.querySelector(`[data-run="${message.run_id}"] .steps`);
    if (summary) summary.step = message.step;
    if (cell) cell.textContent = t("{step} of {steps}", message);
  }

  /** Show a run in detail. */
  choose(id) {
    this.chosen = id;
    this.details.show(store.run(id));
    this.watch();
    this.drawList();
  }

  /** Add a run to the chart, or take it away. */
  compare(id, on) {
    if (on) this.compared.add(id);
    else this.compared.delete(id);
    this.watch();
  }

  /** Follow the runs in the chart, and no others. */
  watch() {
    for (const unwatch of this.unwatch ?? []) unwatch();
    this.unwatch = this.chartRuns().map((run) => run.watch(() => this.drawChart()));
    this.drawChart();
  }

  chartRuns() {
    return [...new Set([this.chosen, ...this.compared])].filter(Boolean).map(store.run);
  }

  drawChart() {
    const runs = this.chartRuns();
    const several = runs.length > 1;
    this.single.element.hidden = several;
    this.overlay.element.hidden = !several;
    this.quantity.hidden = !several;
    if (several) this.overlay.show(runs, this.quantity.value);
    else this.single.show(runs[0] ?? null);
    const labels = several ? this.runLabels(runs) : this.lineLabels();
    const entries = labels.map((label, i) => make("span", {}, swatch(i), label));
    if (!several) entries.push(make("span", {}, t("▲ saved file")));
    this.legend.replaceChildren(...entries);
  }

  /** Names of runs; runs with the same name also show the first characters of their ids. */
  runLabels(runs) {
    const names = runs.map((run) => run.summary?.title ?? run.id);
    const isUnique = (name) => names.indexOf(name) === names.lastIndexOf(name);
    return names.map((name, i) => (isUnique(name) ? name : `${name} (${runs[i].id.slice(0, 4)})`));
  }

  lineLabels() {
    return [t("mean loss (faint: each step)"), t("probe, % of start (right)"), t("learning rate (own scale)")];
  }

  drawList() {
    const text = this.search.value.trim().toLowerCase();
    const searched = (summary) => `${summary.title} ${stateOf(summary).word} ${summary.run_id}`.toLowerCase();
    const matches = this.summaries.filter((summary) => !text || searched(summary).includes(text));
    const rows = matches.slice(0, this.shown).map((summary) => this.listRow(summary));
    if (!rows.length) {
      const empty = this.summaries.length
        ? t("No run matches the filter.")
        : t("No runs yet. Queue a graph with Train LoRA.");
      rows.push(make("li", { class: "athanor-empty" }, empty));
    }
    if (matches.length > this.shown) rows.push(this.moreRow(matches.length - this.shown));
    this.curves.hidden = !this.summaries.length;
    const focused = this.focusedControl();
    this.rows.replaceChildren(...rows);
    if (focused) this.rows.querySelector(focused)?.focus();
  }

  listRow(summary) {
    const { sign, word, kind, means } = stateOf(summary);
    const { run_id: id, title: name, why } = summary;
    const checkbox = make("input", {
      type: "checkbox",
      checked: this.compared.has(id),
      "aria-label": t("Compare {name}", { name }),
      title: t("Add its curve to the chart"),
      onchange: (event) => this.compare(id, event.target.checked),
    });
    const button = make(
      "button",
      {
        type: "button",
        class: "name",
        "aria-pressed": String(id === this.chosen),
        title: [name, why || means].filter(Boolean).join(": "),
        onclick: () => this.choose(id),
      },
      make("span", { class: "title" }, name),
      make("span", { class: "athanor-state", "data-kind": kind }, `${sign} ${word}`),
      make("span", { class: "steps" }, t("{step} of {steps}", summary)),
      make("span", { class: "time" }, when(summary.time)),
      summary.status === "failed" && why ? make("span", { class: "why" }, why) : null,
      summary.trouble ? make("span", { class: "why", title: summary.trouble }, summary.trouble) : null,
    );
    return make("li", { "data-run": id, class: id === this.chosen ? "chosen" : "" }, checkbox, button);
  }

  moreRow(count) {
    const onclick = () => {
      this.shown += PAGE;
      this.drawList();
    };
    return make("li", {}, make("button", { type: "button", onclick }, t("{count} more", { count })));
  }

  /** A selector for the control of the list that has the focus, which is lost when the list is drawn again. */
  focusedControl() {
    const { activeElement } = document;
    if (!this.rows.contains(activeElement)) return null;
    const id = activeElement.closest("li")?.dataset.run;
    return `[data-run="${id}"] ${activeElement.className ? "button" : "input"}`;
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
      board.read();
    },
    destroy() {
      board?.element.remove();
    },
  });
}
