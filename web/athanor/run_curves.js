// The chart of the sidebar: the open run's curves, or one curve of each of several runs.

import { swatch } from "./chart.js";
import { controls } from "./chart_controls.js";
import { make } from "./dom.js";
import { LossChart } from "./loss_chart.js";
import { differently, OverlayChart, quantities } from "./more_charts.js";
import { shownName } from "./run_order.js";
import { terms } from "./terms.js";
import { t } from "./words.js";

const MOST = 8; // curves: more have no colour and dash of their own

export class RunCurves {
  constructor() {
    this.runs = [];
    this.single = new LossChart(220);
    this.overlay = new OverlayChart(220);
    this.quantity = make(
      "select",
      { "aria-label": t("What to compare"), onchange: () => this.draw() },
      ...quantities().map(([value, text]) => make("option", { value }, text)),
    );
    this.controls = controls(() => this.chart);
    for (const chart of [this.single, this.overlay]) chart.onView = () => this.controls.show();
    this.legend = make("div", { class: "athanor-legend" });
    this.unwatch = [];
    this.element = make(
      "section",
      { class: "athanor-curves", hidden: true },
      this.single.element,
      this.overlay.element,
      this.legend,
      make("div", { class: "athanor-line" }, this.controls, this.quantity),
    );
  }

  /** The chart in sight. */
  get chart() {
    return this.runs.length > 1 ? this.overlay : this.single;
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
    const labels = several ? this.runLabels() : this.lineLabels();
    if (several) this.overlay.show(runs, this.quantity.value, labels);
    else this.single.show(runs[0] ?? null);
    this.controls.show();
    this.drawLegend(labels);
  }

  /** Names of the lines, each a button that shows or hides its line; made anew only if one has changed. */
  drawLegend(labels) {
    const { runs, chart } = this;
    const keys = runs.length > 1 ? runs.map((run) => run.id) : ["mean", "probe", "lr"];
    const hidden = keys.map((key) => chart.hidden.has(key));
    const warning = runs.length > 1 ? differently(runs, this.quantity.value) : "";
    const now = JSON.stringify([labels, keys, hidden, this.left, warning]);
    if (now === this.legendNow) return;
    this.legendNow = now;
    const { loss, probe, lr } = terms();
    const means = runs.length > 1 ? [] : [loss, probe, lr];
    const focused = [...this.legend.children].indexOf(document.activeElement);
    const toggle = (key) => {
      chart.toggle(key);
      this.draw();
    };
    const entries = labels.map((label, i) => {
      const title = [means[i], t("Click: show or hide")].filter(Boolean).join("\n");
      const attributes = { type: "button", title, "aria-pressed": String(!hidden[i]), onclick: () => toggle(keys[i]) };
      return make("button", attributes, swatch(i), label);
    });
    if (runs.length < 2) entries.push(make("span", {}, t("▲ saved file")));
    if (this.left) entries.push(make("span", {}, t("and {count} more, without curves", { count: this.left })));
    if (warning) entries.push(make("span", {}, warning));
    this.legend.replaceChildren(...entries);
    this.legend.children[focused]?.focus();
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
