// The chart of the sidebar: the open run's curves, or one curve of each of several runs.

import { swatch } from "./chart.js";
import { controls } from "./chart_options.js";
import { make } from "./dom.js";
import { LossChart } from "./loss_chart.js";
import { OverlayChart } from "./more_charts.js";
import { shownName } from "./run_order.js";
import { terms } from "./terms.js";
import { t } from "./words.js";

const MOST = 8; // curves: more have no colour and dash of their own

export class RunCurves {
  constructor() {
    this.single = new LossChart(220);
    this.overlay = new OverlayChart(220);
    this.quantity = make(
      "select",
      { "aria-label": t("What to compare"), onchange: () => this.draw() },
      make("option", { value: "loss" }, t("mean loss")),
      make("option", { value: "probe" }, t("probe, % of start")),
    );
    this.legend = make("div", { class: "athanor-legend" });
    this.runs = [];
    this.unwatch = [];
    this.element = make(
      "section",
      { class: "athanor-curves", hidden: true },
      this.single.element,
      this.overlay.element,
      this.legend,
      make("div", { class: "athanor-line" }, controls(), this.quantity),
    );
  }

  /** Follow these runs of the store, and no others. */
  show(runs) {
    const shown = runs.slice(0, MOST);
    this.left = runs.length - shown.length;
    const isSame = shown.length === this.runs.length && shown.every((run, i) => run === this.runs[i]);
    if (!isSame) {
      for (const unwatch of this.unwatch) unwatch();
      this.runs = shown;
      this.unwatch = shown.map((run) => run.watch(() => this.draw()));
    }
    this.draw();
  }

  draw() {
    const { runs } = this;
    const several = runs.length > 1;
    this.single.element.hidden = several;
    this.overlay.element.hidden = !several;
    this.quantity.hidden = !several;
    if (several) this.overlay.show(runs, this.quantity.value);
    else this.single.show(runs[0] ?? null);
    const labels = several ? this.runLabels() : this.lineLabels();
    const { loss, probe, lr } = terms();
    const means = several ? [] : [loss, probe, lr];
    const entries = labels.map((label, i) => make("span", { title: means[i] }, swatch(i), label));
    if (!several) entries.push(make("span", {}, t("▲ saved file")));
    if (this.left) entries.push(make("span", {}, t("and {count} more, without curves", { count: this.left })));
    this.legend.replaceChildren(...entries);
  }

  /** Names of runs; runs with the same name also show the first characters of their ids. */
  runLabels() {
    const names = this.runs.map((run) => (run.summary ? shownName(run.summary) : run.id));
    const isUnique = (name) => names.indexOf(name) === names.lastIndexOf(name);
    return names.map((name, i) => (isUnique(name) ? name : `${name} (${this.runs[i].id.slice(0, 4)})`));
  }

  lineLabels() {
    return [t("mean loss (faint: each step)"), t("probe, % of start (right)"), t("learning rate (own scale)")];
  }
}
