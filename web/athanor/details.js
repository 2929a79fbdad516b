// One run in detail: state, buttons, verdict, files, samples, loss by noise level, pictures with the highest loss.

import { swatch } from "./chart.js";
import { openRun as openDataset } from "./dataset.js";
import { make } from "./dom.js";
import { openExport } from "./export_dialog.js";
import { Files } from "./files.js";
import { stateOf } from "./format.js";
import { addAxis, openWorkflow } from "./graph.js";
import { open as openKeep } from "./keep.js";
import { open as openMatrix } from "./matrix.js";
import { BandChart } from "./more_charts.js";
import { open as openPublish } from "./publish.js";
import { commands } from "./run_buttons.js";
import { Marks } from "./run_marks.js";
import { shownName } from "./run_order.js";
import { RunScores } from "./run_scores.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const SIGNS = { good: "✓", note: "!", bad: "✗", unknown: "?" };
const REVIEW_INTERVAL = 10_000; // ms: while a run trains, its review is read again this often
const SAMPLES = 8;

const section = (title, ...content) => make("details", { open: true }, make("summary", {}, title), ...content);
const empty = (text) => make("p", { class: "athanor-empty" }, text);

/**
 * The lower part of the sidebar. `offerFiles()` makes the host's nodes list new LoRA files; `list`: changed(row) after
 * labels were saved, tags() of all runs, remove(id), edited() while the user types.
 */
export class Details {
  constructor(app, offerFiles, list) {
    this.app = app;
    this.list = list;
    this.header = make("div");
    this.status = make("p", { class: "athanor-note", role: "status" });
    const say = (text) => this.say(text);
    this.buttons = commands(() => this.run, say);
    this.marks = new Marks({
      say,
      changed: (row) => list.changed(row),
      tags: () => list.tags(),
      edited: () => list.edited(),
    });
    this.files = new Files({
      say,
      offerFiles,
      addAxis: (files) => this.addAxis(files),
      publish: (file) => openPublish(this.run, file),
      average: () => this.average(offerFiles),
      changed: () => {
        this.stamp = "";
      },
    });
    this.verdict = make("ul", { class: "athanor-verdict" });
    this.scores = new RunScores();
    this.samples = make("div");
    this.bands = new BandChart();
    this.bandLegend = make("div", { class: "athanor-legend" });
    this.pictures = make("div");
    this.element = make(
      "div",
      { class: "athanor-details", hidden: true },
      this.header,
      this.buttons,
      this.status,
      this.marks.element,
      section(t("Verdict"), this.verdict),
      this.scores.element,
      section(t("Saved files"), this.files.element),
      section(t("Samples"), this.samples),
      section(t("Loss by noise level"), this.bands.element, this.bandLegend),
      section(t("Pictures with the highest loss"), this.pictures),
    );
  }

  /** Show a run from now on; null: none. */
  show(run) {
    if (this.run === run) return;
    this.unwatch?.();
    this.unwatch = null;
    this.run = run;
    this.element.hidden = !run;
    if (!run) return;
    this.review = null;
    this.stamp = "";
    this.unwatch = run.watch(() => this.changed());
    this.changed();
  }

  say(text) {
    this.status.textContent = text;
  }

  /** Let the user type another name for the run. */
  rename() {
    this.marks.rename();
  }

  /** What a review depends on, as text; of a run's steps only every REVIEW_INTERVAL. */
  currentStamp() {
    const { run } = this;
    const { status, live, events, checkpoints } = run.summary;
    const steps = run.live ? Math.floor(Date.now() / REVIEW_INTERVAL) : run.last?.step;
    return `${run.id} ${status} ${live} ${events.length} ${checkpoints.length} ${steps}`;
  }

  /** Draw the header, and read the review again if there is something new to see. */
  async changed() {
    const { run } = this;
    if (!run) return;
    this.drawHeader();
    if (!run.summary || !this.element.isConnected || this.isReading) return;
    const stamp = this.currentStamp();
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.isReading = true;
    try {
      const review = await run.review();
      if (this.run === run) this.draw(review);
    } catch (error) {
      this.say(error.message);
    }
    this.isReading = false;
    // Another run was chosen meanwhile, or this one has ended.
    if (this.run !== run || this.currentStamp() !== this.stamp) this.changed();
  }

  drawHeader() {
    const { run } = this;
    const { summary } = run;
    const { sign, word, kind, means } = stateOf(summary);
    this.buttons.hidden = !run.live;
    this.buttons.show();
    let progress = "";
    if (summary) {
      const step = Math.max(run.last?.step ?? 0, summary.step);
      progress = t(" at step {step} of {steps}", { step, steps: summary.steps });
      if (["failed", "done"].includes(summary.status) && summary.why) progress += `: ${told(summary.why)}`;
      else if (summary.kept) progress = `. ${summary.kept}`;
    }
    this.marks.show(run);
    this.header.replaceChildren(
      make(
        "h3",
        {},
        summary ? shownName(summary) : run.id,
        summary?.label ? make("small", {}, ` ${summary.title}`) : null,
      ),
      make(
        "p",
        {},
        make("b", { class: "athanor-state", "data-kind": kind, title: means }, `${sign} ${word}`),
        progress,
      ),
      make("div", { class: "athanor-buttons" }, this.headerButtons()),
    );
  }

  headerButtons() {
    const { run } = this;
    const { summary } = run;
    const canResume = summary && !run.live && !summary.elsewhere && summary.status !== "done";
    const button = (label, title, onclick) => make("button", { type: "button", title, onclick }, label);
    const starred = () => this.review?.checkpoints.filter((file) => file.starred);
    return [
      button(t("Open workflow"), null, () => this.openWorkflow()),
      canResume &&
        button(t("Resume"), t("Open its workflow and queue it: training continues from the last saved state"), () =>
          this.resume(),
        ),
      button(t("Dataset"), t("Pictures, captions, crops and tags of this run"), () => openDataset(run.id)),
      make("a", { class: "button", href: run.report, target: "_blank", rel: "noopener" }, t("Report")),
      button(
        t("Add compare axis"),
        t("Add an axis with this run's files (only starred ones, if any) to the graph, for XYZ Compare"),
        () => this.addAxis(starred()),
      ),
      summary?.checkpoints.length > 0 &&
        button(
          t("Publish"),
          t("Write a copy to share: you choose what it tells, and see that first; with pictures and a description"),
          () => openPublish(run),
        ),
      summary &&
        button(
          t("Export…"),
          t("Its settings as an sd-scripts command, job.json, JSON for the API, a table or a Civitai description"),
          () => openExport(shownName(summary), { run: run.id }),
        ),
      summary &&
        !run.live &&
        button(t("Delete run"), t("Move the run to the trash; it can be brought back"), () => this.list.remove(run.id)),
    ];
  }

  draw(review) {
    this.review = review;
    const trouble = review.trouble.map((text) => ({ kind: "bad", text }));
    const verdict = [...trouble, ...review.verdict].map(({ kind, text }) =>
      make("li", { "data-kind": kind }, make("b", {}, SIGNS[kind]), ` ${told(text)}`),
    );
    this.verdict.replaceChildren(...verdict);
    this.files.show(this.run, review.checkpoints);
    this.scores.show(this.run, review.scores);
    this.drawSamples();
    this.drawBands(review.bands);
    this.drawPictures(review.pictures);
  }

  drawSamples() {
    const { run } = this;
    const samples = run.summary?.samples ?? [];
    if (!samples.length) {
      this.samples.replaceChildren(empty(t("No samples; connect a Sample Config to draw some.")));
      return;
    }
    const last = samples.filter((sample) => sample.step === samples.at(-1).step).slice(0, SAMPLES);
    const images = last.map((sample) => {
      const text = t("step {step}: {prompt}", sample);
      return make("img", { src: run.sample(sample.file), alt: text, title: text, loading: "lazy" });
    });
    this.samples.replaceChildren(
      make("div", { class: "athanor-strip" }, images),
      make("button", { type: "button", onclick: () => openMatrix(run) }, t("Open sample matrix")),
    );
  }

  drawBands(bands) {
    this.bands.show(bands);
    const change = ({ first, last }) => (first && last != null ? ` (${(100 * (last / first - 1)).toFixed(0)} %)` : "");
    const entries = bands.bands
      .filter((band) => band.count)
      .map((band, i) => make("span", {}, swatch(i), t("timesteps {from} to {to}", band) + change(band)));
    if (entries.length) {
      const text = t("1000 is pure noise; in brackets: change from the first to the last third of the run");
      entries.push(make("span", {}, text));
    }
    this.bandLegend.replaceChildren(...entries);
  }

  drawPictures(pictures) {
    if (!pictures.length) {
      this.pictures.replaceChildren(empty(t("Not enough steps yet.")));
      return;
    }
    const items = pictures.map((picture) =>
      make(
        "li",
        { title: picture.caption },
        make("img", { src: this.run.picture(picture.picture), alt: picture.name, loading: "lazy" }),
        make("span", {}, `${picture.relative.toFixed(2)} ×`),
        make("span", { class: "name" }, picture.name),
      ),
    );
    const text =
      t("Loss divided by the mean loss at the same noise level, in the second half of the run.") +
      t(" High: the picture is unlike the others, or its caption does not match.");
    this.pictures.replaceChildren(make("ul", { class: "athanor-pictures" }, items), empty(text));
  }

  /** Open the run's workflow. Returns whether it could be opened. */
  async openWorkflow() {
    try {
      await openWorkflow(this.app, this.run);
      return true;
    } catch (error) {
      this.say(error.message);
      return false;
    }
  }

  /** Queue the graph of an unfinished run: it continues from its last saved state. */
  async resume() {
    if (await this.openWorkflow()) await this.app.queuePrompt(0);
  }

  /** Let the user save an average of the run's files. */
  average(offerFiles) {
    const path = `${this.run.path}/average`;
    openKeep({ offer: path, make: path, body: { which: "mean(last 4)" }, made: offerFiles });
  }

  addAxis(files) {
    const isAdded = addAxis(this.app, this.run, files);
    this.say(
      isAdded
        ? t("Added LoRA Run Axis with this run; connect it to XYZ Compare.")
        : t("The node LoRA Run Axis could not be created."),
    );
  }
}
