// The sidebar "Athanor": all runs on disk, their curves over each other, and one of them in detail.

import { OverlayChart, LossChart, controls, swatch } from "./chart.js";
import { make, standing, when } from "./dom.js";
import { Details } from "./details.js";
import * as store from "./store.js";
import { t } from "./words.js";

const SHOWN = 100;

class Board {
  constructor(app, offer) {
    this.briefs = [];
    this.chosen = null; // the run in detail
    this.compared = new Set(); // further runs in the chart
    this.most = SHOWN;
    this.search = make("input", {
      type: "search",
      placeholder: t("Filter runs"),
      "aria-label": t("Filter runs by name or state"),
      oninput: () => this.drawList(),
    });
    this.rows = make("ul", { class: "athanor-runs", "aria-label": t("Runs") });
    this.single = new LossChart(220);
    this.overlay = new OverlayChart(220);
    this.what = make(
      "select",
      { "aria-label": t("What is compared"), onchange: () => this.drawChart() },
      make("option", { value: "loss" }, t("mean loss")),
      make("option", { value: "probe" }, t("probe, % of start")),
    );
    this.legend = make("div", { class: "athanor-legend" });
    this.details = new Details(app, offer);
    this.trouble = make("p", { class: "athanor-note", role: "status" });
    this.curves = make(
      "section",
      { class: "athanor-curves", hidden: true },
      this.single.element,
      this.overlay.element,
      this.legend,
      make("div", { class: "athanor-line" }, controls(), this.what),
    );
    this.element = make(
      "div",
      { class: "athanor athanor-board" },
      make(
        "div",
        { class: "athanor-line" },
        this.search,
        make(
          "button",
          { type: "button", "aria-label": t("Read the runs again"), onclick: () => this.read() },
          t("Refresh"),
        ),
      ),
      this.trouble,
      this.rows,
      this.curves,
      this.details.element,
    );
    store.listen((told) => {
      if (!this.element.isConnected) return;
      if (told.kind === "step") this.count(told);
      else this.readSoon();
    });
  }

  readSoon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.read(), 500);
  }

  async read() {
    try {
      this.briefs = await store.list();
      this.trouble.textContent = "";
    } catch (error) {
      this.trouble.textContent = t("The runs cannot be read: {why}", { why: error.message });
    }
    if (!this.chosen && this.briefs.length) this.choose(this.briefs[0].run_id);
    this.drawList();
  }

  /** A live run's step in the list, without reading the list again. */
  count(told) {
    const brief = this.briefs.find((b) => b.run_id === told.run_id),
      cell = this.rows.querySelector(`[data-run="${told.run_id}"] .steps`);
    if (brief) brief.step = told.step;
    if (cell) cell.textContent = t("{step} of {steps}", told);
  }

  choose(id) {
    this.chosen = id;
    this.details.show(store.run(id));
    this.watch();
    this.drawList();
  }

  compare(id, on) {
    if (on) this.compared.add(id);
    else this.compared.delete(id);
    this.watch();
  }

  /** Follow what is drawn, and nothing else. */
  watch() {
    for (const leave of this.leaves ?? []) leave();
    this.leaves = this.drawn().map((run) => run.watch(() => this.drawChart()));
    this.drawChart();
  }

  drawn() {
    return [...new Set([this.chosen, ...this.compared])].filter(Boolean).map(store.run);
  }

  drawChart() {
    const runs = this.drawn(),
      several = runs.length > 1;
    this.single.element.hidden = several;
    this.overlay.element.hidden = !several;
    this.what.hidden = !several;
    if (several) this.overlay.show(runs, this.what.value);
    else this.single.show(runs[0] ?? null);
    const names = runs.map((run) => run.brief?.name ?? run.id),
      twice = (name) => names.filter((n) => n === name).length > 1;
    this.legend.replaceChildren(
      ...(several
        ? runs.map((run, i) =>
            make("span", {}, swatch(i), twice(names[i]) ? `${names[i]} (${run.id.slice(0, 4)})` : names[i]),
          )
        : ["mean loss (faint: each step)", "probe, % of start (right)", "learning rate (its own scale)"]
            .map((words, i) => make("span", {}, swatch(i), t(words)))
            .concat(make("span", {}, t("▲ saved file")))),
    );
  }

  drawList() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.briefs.filter(
      (b) => !wanted || `${b.name} ${standing(b).word} ${b.run_id}`.toLowerCase().includes(wanted),
    );
    const rows = found.slice(0, this.most).map((brief) => {
      const { sign, word, kind } = standing(brief),
        id = brief.run_id;
      return make(
        "li",
        { "data-run": id, class: id === this.chosen ? "chosen" : "" },
        make("input", {
          type: "checkbox",
          checked: this.compared.has(id),
          "aria-label": t("Compare {name}", brief),
          title: t("Draw its curve over the others"),
          onchange: (event) => this.compare(id, event.target.checked),
        }),
        make(
          "button",
          {
            type: "button",
            class: "name",
            "aria-pressed": String(id === this.chosen),
            title: brief.why ? `${brief.name}: ${brief.why}` : brief.name,
            onclick: () => this.choose(id),
          },
          make("span", { class: "title" }, brief.name),
          make("span", { class: "athanor-state", "data-kind": kind }, `${sign} ${word}`),
          make("span", { class: "steps" }, t("{step} of {steps}", brief)),
          make("span", { class: "time" }, when(brief.time)),
          brief.status === "failed" && brief.why ? make("span", { class: "why" }, brief.why) : null,
        ),
      );
    });
    this.curves.hidden = !this.briefs.length;
    if (!rows.length)
      rows.push(
        make(
          "li",
          { class: "athanor-empty" },
          t(this.briefs.length ? "No run fits the filter." : "No runs yet. Queue a graph with Train LoRA."),
        ),
      );
    if (found.length > this.most)
      rows.push(
        make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              onclick: () => {
                this.most += SHOWN;
                this.drawList();
              },
            },
            t("{count} more", { count: found.length - this.most }),
          ),
        ),
      );
    const { activeElement } = document,
      focused = this.rows.contains(activeElement) && [
        activeElement.closest("li")?.dataset.run,
        activeElement.className,
      ];
    this.rows.replaceChildren(...rows);
    if (focused) this.rows.querySelector(`[data-run="${focused[0]}"] ${focused[1] ? "button" : "input"}`)?.focus();
  }
}

let board = null;

/** Add the tab. The host may draw it again for the same element. */
export function register(app, offer) {
  app.extensionManager.registerSidebarTab({
    id: "athanor",
    icon: "pi pi-chart-line",
    title: "Athanor",
    tooltip: t("Athanor: training runs"),
    type: "custom",
    render(element) {
      board ??= new Board(app, offer);
      if (board.element.parentElement !== element) element.replaceChildren(board.element);
      board.read();
    },
    destroy() {
      board?.element.remove();
    },
  });
}
