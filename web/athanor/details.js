// One run in detail: verdict, files, samples, loss by noise level, pictures with the highest loss.

import { BandChart, swatch } from "./chart.js";
import { make, standing } from "./dom.js";
import { open as openMatrix } from "./matrix.js";
import { commands } from "./panel.js";
import { t } from "./words.js";

const SIGNS = { good: "✓", note: "!", bad: "✗", unknown: "?" };

export class Details {
  constructor(app) {
    this.app = app;
    this.head = make("div");
    this.buttons = commands(() => this.run, (words) => { this.said.textContent = words; });
    this.said = make("p", { class: "athanor-note", role: "status" });
    this.verdict = make("ul", { class: "athanor-verdict" });
    this.files = make("div");
    this.samples = make("div");
    this.bands = new BandChart();
    this.bandWords = make("div", { class: "athanor-legend" });
    this.pictures = make("div");
    const section = (title, ...inner) => make("details", { open: true }, make("summary", {}, t(title)), ...inner);
    this.element = make("div", { class: "athanor-details", hidden: true }, this.head, this.buttons, this.said,
      section("Verdict", this.verdict), section("Saved files", this.files), section("Samples", this.samples),
      section("Loss by noise level", this.bands.element, this.bandWords), section("Pictures with the highest loss", this.pictures));
  }

  show(run) {
    if (this.run === run) return;
    this.leave?.();
    this.run = run;
    this.told = null;
    this.stamp = "";
    this.element.hidden = false;
    this.leave = run.watch(() => this.changed());
    this.changed();
  }

  /** The look back is asked for again when the run has something new to look at; of steps alone, every ten seconds. */
  changed() {
    const { run } = this, brief = run.brief;
    this.drawHead();
    if (!brief || !this.element.isConnected) return;
    const stamp = `${run.id} ${brief.status} ${brief.live} ${brief.events.length} ${brief.checkpoints.length} ${run.live ? Math.floor(Date.now() / 10_000) : run.last?.step}`;
    if (stamp === this.stamp || this.asking) return;
    this.stamp = stamp;
    this.asking = run.review().then((told) => {
      if (this.run !== run) return;
      this.told = told;
      this.draw();
    }).catch((error) => { this.said.textContent = error.message; }).finally(() => { this.asking = null; if (this.run !== run) this.changed(); });
  }

  drawHead() {
    const { run } = this, brief = run.brief, { sign, word, kind } = standing(brief);
    this.buttons.hidden = !run.live;
    this.buttons.live(run.live);
    this.head.replaceChildren(make("h3", {}, brief?.name ?? run.id), make("p", {}, make("b", { class: "athanor-state", "data-kind": kind }, `${sign} ${word}`),
      brief ? t(" at step {step} of {steps}", { step: Math.max(run.last?.step ?? 0, brief.step), steps: brief.steps }) + (brief.why ? `: ${brief.why}` : "") : ""),
      make("div", { class: "athanor-buttons" },
        make("button", { type: "button", onclick: () => this.openWorkflow() }, t("Open workflow")),
        make("a", { class: "button", href: run.report, target: "_blank", rel: "noopener" }, t("Report")),
        make("button", { type: "button", title: t("Add an axis of this run's files to the graph, for XYZ Compare"), onclick: () => this.addAxis() }, t("Add compare axis"))));
  }

  draw() {
    const { told, run } = this;
    this.verdict.replaceChildren(...told.verdict.map(({ kind, text }) => make("li", { "data-kind": kind }, make("b", {}, SIGNS[kind]), ` ${text}`)));
    this.drawFiles();
    this.drawSamples();
    this.bands.show(told.bands);
    this.bandWords.replaceChildren(...told.bands.bands.filter((b) => b.count).map((b, i) => make("span", {}, swatch(i),
      `${t("timesteps {from} to {to}", b)}${b.first != null && b.last != null ? ` (${(100 * (b.last / b.first - 1)).toFixed(0)} %)` : ""}`)),
      told.bands.bands.length ? make("span", {}, t("1000 is pure noise; in brackets: last third against first")) : "");
    const low = told.pictures;
    this.pictures.replaceChildren(low.length ? make("ul", { class: "athanor-pictures" }, low.map((p) => make("li", { title: p.caption },
      make("img", { src: run.picture(p.picture), alt: p.name, loading: "lazy" }),
      make("span", {}, `${p.relative.toFixed(2)} ×`), make("span", { class: "name" }, p.name)))) : make("p", { class: "athanor-empty" }, t("Not enough steps yet.")),
      low.length ? make("p", { class: "athanor-empty" }, t("Multiples of the mean loss at the same noise level, in the second half of the run. High: a picture unlike the others, or a caption that does not fit.")) : "");
  }

  drawFiles() {
    const { told, run } = this;
    if (!told.checkpoints.length) { this.files.replaceChildren(make("p", { class: "athanor-empty" }, t(run.live ? "None yet: Save now writes one." : "No files, or they are gone."))); return; }
    this.files.replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ["epoch", "step", "loss", "probe %", "MB", ""].map((h) => make("th", {}, t(h))))),
      make("tbody", {}, told.checkpoints.map((c) => make("tr", { title: c.file },
        make("td", {}, c.epoch), make("td", {}, c.step), make("td", {}, c.loss == null ? "–" : c.loss.toPrecision(4)), make("td", {}, c.probe == null ? "–" : c.probe.toFixed(1)), make("td", {}, (c.bytes / 1e6).toFixed(1)),
        make("td", { class: "actions" },
          make("button", { type: "button", "aria-label": t("Copy the name {file}", c), title: t("Copy the name {file}", c), onclick: () => this.copy(c.file) }, t("Copy")),
          make("button", { type: "button", "aria-label": t("Delete {file}", c), title: t(run.live ? "Stop the run first" : "Delete {file}", c), disabled: run.live, onclick: () => this.discard(c.file) }, t("Delete"))))))));
  }

  drawSamples() {
    const { run } = this, drawn = run.brief?.samples ?? [];
    if (!drawn.length) { this.samples.replaceChildren(make("p", { class: "athanor-empty" }, t("None were drawn; connect a Sample Config."))); return; }
    const last = drawn.filter((s) => s.step === drawn[drawn.length - 1].step);
    this.samples.replaceChildren(make("div", { class: "athanor-strip" }, last.slice(0, 8).map((s) => make("img", { src: run.sample(s.file), alt: t("step {step}: {prompt}", s), title: t("step {step}: {prompt}", s), loading: "lazy" }))),
      make("button", { type: "button", onclick: () => openMatrix(run) }, t("Open sample matrix")));
  }

  say(words) { this.said.textContent = words; }

  async copy(file) {
    try {
      await navigator.clipboard.writeText(file);
      this.say(t("Copied: {file}", { file }));
    } catch { this.say(file); } // without a secure connection there is no clipboard
  }

  async discard(file) {
    const { run } = this;
    const last = run.brief?.checkpoints.find((c) => c.file === file)?.kind === "last";
    if (!confirm(t("Delete {file}? It cannot be brought back.", { file }) + (last ? t(" It is the run's final file: queued again, the run trains its end anew.") : ""))) return;
    try {
      await run.discard(file);
      this.stamp = "";
      this.say(t("Deleted: {file}", { file }));
    } catch (error) { this.say(error.message); }
  }

  async openWorkflow() {
    const { run, app } = this;
    try {
      const { workflow, prompt } = await run.graph();
      if (workflow) await app.loadGraphData(workflow, true, true, t("{name} (run)", { name: run.brief?.name ?? run.id }).replaceAll("/", "_"));
      else if (prompt) await app.loadApiJson(prompt, `${run.brief?.name ?? run.id}`.replaceAll("/", "_"));
      else this.say(t("This run has kept no graph."));
    } catch (error) { this.say(t("The workflow cannot be opened: {why}", { why: error.message })); }
  }

  addAxis() {
    const { app, run } = this, { LiteGraph } = window;
    const node = LiteGraph?.createNode("AthanorLoRARunAxis");
    if (!node) { this.say(t("The node LoRA Run Axis cannot be made.")); return; }
    const [x, y, w, h] = app.canvas.visible_area ?? [0, 0, 800, 600];
    node.pos = [x + w / 2 - 150, y + h / 2 - 100];
    app.canvas.graph.add(node);
    const source = node.widgets?.find((widget) => widget.name === "source");
    if (source) source.value = run.id;
    app.canvas.setDirty(true, true);
    this.say(t("Added LoRA Run Axis with this run; connect it to XYZ Compare."));
  }
}
