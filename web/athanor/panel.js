// What the Train LoRA node shows of its run: state, chart, buttons, last samples.

import { controls } from "./chart_controls.js";
import { make, style } from "./dom.js";
import { Folded } from "./folded.js";
import { stateOf } from "./format.js";
import { Hints } from "./hints.js";
import { watchQueue } from "./host_queue.js";
import { LossChart } from "./loss_chart.js";
import * as words from "./panel_state.js";
import { commands } from "./run_buttons.js";
import * as store from "./store.js";
import { t } from "./words.js";

style("./athanor.css");

const SAMPLES = 6; // pictures at most in the strip
const CHART = 110; // pixels of the chart at least
const NARROW = 280; // pixels within its edges

/** The panel of one node. It follows one run at a time. `isOwn(training)`: whether one of the queue is its node's. */
export class Panel {
  constructor(isOwn = () => false) {
    this.run = null;
    this.isOwn = isOwn;
    this.trainings = []; // of the host's queue
    this.notice = ""; // what came of a click
    this.result = ""; // what the node reported at its end
    this.failure = ""; // why the node failed, or was refused
    this.expected = []; // hints on the graph before it runs
    this.chart = new LossChart(CHART);
    this.controls = controls(() => this.chart);
    this.chart.onView = () => this.controls.show();
    this.state = make("b", { class: "athanor-state" });
    this.numbers = make("span");
    this.note = make("div", { class: "athanor-note", role: "status" });
    this.folded = new Folded(this.note);
    this.strip = make("div", { class: "athanor-strip" });
    this.next = make("div", { class: "athanor-note athanor-next", role: "status" });
    this.hints = new Hints();
    this.buttons = commands(
      () => this.run,
      (notice) => this.say(notice),
    );
    this.element = make(
      "div",
      { class: "athanor athanor-panel", "data-capture-wheel": "true" }, // with the focus, it scrolls in Vue nodes
      this.buttons, // above the line, which takes one more where a file is saved: a button stays under the pointer
      make("div", { class: "athanor-line" }, this.state, this.numbers),
      this.folded.element, // what is saved stands high: where a node leaves little room, what is low is cut off
      this.next,
      this.hints.element,
      this.chart.element,
      this.controls,
      this.strip,
    );
    // The canvas below must not take what is meant for the slider.
    for (const kind of ["pointerdown", "mousedown"]) {
      this.controls.addEventListener(kind, (event) => event.stopPropagation());
    }
    // In Vue nodes the style sheet says how high it is at least: more where texts take more lines.
    new ResizeObserver(([{ contentRect }]) => {
      this.element.classList.toggle("narrow", contentRect.width < NARROW);
    }).observe(this.element);
    this.unwatchQueue = watchQueue((trainings) => {
      this.trainings = trainings;
      this.draw();
    });
    this.draw();
  }

  /** Show the run with this id from now on; null: none. */
  follow(id) {
    if (this.run?.id === id) return;
    this.unwatch?.();
    this.run = id ? store.run(id) : null;
    this.notice = this.result = "";
    this.unwatch = this.run?.watch(() => this.draw());
    this.draw();
  }

  /** Show what the node reported at its end. */
  showResult(text) {
    this.result = text;
    this.draw();
  }

  /** Show why the node failed, or was refused; "": it is mended, or runs again. */
  fail(sentence) {
    this.failure = sentence;
    this.draw();
  }

  /** Show hints on the graph as it is now, where no run has its own. */
  expect(hints) {
    this.expected = hints;
    this.draw();
  }

  say(notice) {
    this.notice = notice;
    this.draw();
  }

  /** The node is gone. */
  release() {
    this.unwatch?.();
    this.unwatchQueue();
    this.chart.release();
    this.controls.release();
  }

  /** Draw in the next frame. */
  draw() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { run } = this;
    if (this.wasLive && !run?.live) this.notice = ""; // how it has ended says what has come of a click
    this.wasLive = Boolean(run?.live);
    this.chart.show(run);
    this.hints.show(run, this.expected);
    this.buttons.show();
    this.numbers.title = run?.last ? words.meaning() : "";
    this.element.dataset.run = run?.id ?? "";
    this.element.dataset.points = run?.points.length ?? 0;
    const waiting = this.trainings.filter((training) => !training.running);
    this.next.textContent = words.next(waiting.map(({ name }) => name));
    const own = run?.live ? null : waiting.find((training) => this.isOwn(training));
    if (own) this.drawQueued(own.place);
    else this.drawRun();
    this.drawStrip();
  }

  /** The node waits in the host's queue; `place`: 1 where its job is the next one, behind the one that runs. */
  drawQueued(place) {
    this.state.textContent = `… ${t("queued")}`;
    this.state.title = "";
    this.state.dataset.kind = "queued";
    this.numbers.textContent =
      place === 1 ? t("one job is before it") : t("{count} jobs are before it", { count: place });
    this.showNote(this.notice);
  }

  drawRun() {
    const { run } = this;
    if (!run) {
      this.state.textContent = "";
      const isUnderWay = this.trainings.some((training) => training.running && this.isOwn(training));
      this.numbers.textContent = isUnderWay
        ? t("Started: the nodes before this one run first.")
        : t("Press Run to see the loss here.");
      this.showNote(this.failure);
      return;
    }
    const { sign, word, kind, means } = stateOf(run.standing);
    this.state.textContent = `${sign} ${word}`;
    this.state.title = means ?? "";
    this.state.dataset.kind = kind;
    this.numbers.textContent = words.numbers(run);
    this.showNote(this.failure || words.note(run, this.notice, this.result));
  }

  showNote(text) {
    // A failed run's note and why its node failed are often the same words.
    this.note.classList.toggle("failed", Boolean(text) && text === this.failure);
    if (text === this.shownNote) return;
    this.shownNote = text;
    this.note.textContent = text;
    this.folded.element.hidden = !text;
    this.folded.renew();
  }

  /** The samples that were drawn last, redrawn only when there are new ones. */
  drawStrip() {
    const { run } = this;
    const samples = run?.summary?.samples ?? [];
    const shown = samples.filter((sample) => sample.step === samples.at(-1).step).slice(-SAMPLES);
    const files = shown.map((sample) => sample.file).join();
    if (files === this.stripFiles) return;
    this.stripFiles = files;
    const image = (sample) =>
      make("img", {
        src: run.sample(sample.file),
        alt: t("Sample at step {step}: {prompt}", sample),
        title: t("step {step}: {prompt}", sample),
        loading: "lazy",
      });
    this.strip.replaceChildren(...shown.map(image));
  }
}
