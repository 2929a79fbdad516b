// What the Train LoRA node shows of its run: state, chart, buttons, last samples.

import { controls } from "./chart_options.js";
import { make, style } from "./dom.js";
import { duration, number, speed, stateOf } from "./format.js";
import { Hints, withoutHints } from "./hints.js";
import { LossChart } from "./loss_chart.js";
import * as store from "./store.js";
import { t } from "./words.js";

style("./athanor.css");

const SAMPLES = 6; // pictures at most in the strip

/**
 * Buttons for the run that `current()` returns; `say` gets what came of a click.
 * `enable(live, steps)`: it is live, which is enough to stop it, and has made steps.
 */
export function commands(current, say) {
  const button = (command, label, title) => {
    const onclick = async () => {
      try {
        await current().command(command);
        say(t("{command}: requested", { command: label }));
      } catch (error) {
        say(error.message);
      }
    };
    const names = { title, "aria-label": label, "data-command": command };
    return make("button", { type: "button", ...names, disabled: true, onclick }, label);
  };
  const buttons = [
    button("stop", t("Stop and keep"), t("Stop after this step, save the LoRA and run the rest of the graph")),
    button("save", t("Save now"), t("Save the LoRA now and continue training")),
    button("sample", t("Sample now"), t("Draw the sample prompts now and continue training; needs a Sample Config")),
  ];
  const enable = (live, steps) => {
    for (const one of buttons) one.disabled = !(one.dataset.command === "stop" ? live : live && steps);
  };
  return Object.assign(make("div", { class: "athanor-buttons" }, buttons), { enable });
}

/** The panel of one node. It follows one run at a time. */
export class Panel {
  constructor() {
    this.run = null;
    this.notice = ""; // what came of a click
    this.result = ""; // what the node reported at its end
    this.failure = ""; // why the node failed, or was refused
    this.chart = new LossChart(130);
    this.controls = controls();
    this.state = make("b", { class: "athanor-state" });
    this.numbers = make("span");
    this.note = make("div", { class: "athanor-note", role: "status" });
    this.strip = make("div", { class: "athanor-strip" });
    this.hints = new Hints();
    this.buttons = commands(
      () => this.run,
      (notice) => this.say(notice),
    );
    this.element = make(
      "div",
      { class: "athanor athanor-panel" },
      make("div", { class: "athanor-line" }, this.state, this.numbers),
      this.hints.element,
      this.chart.element,
      this.controls,
      this.strip,
      this.note,
      this.buttons,
    );
    // The canvas below must not take what is meant for the slider.
    for (const kind of ["pointerdown", "mousedown"]) {
      this.controls.addEventListener(kind, (event) => event.stopPropagation());
    }
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

  say(notice) {
    this.notice = notice;
    this.draw();
  }

  /** The node is gone. */
  release() {
    this.unwatch?.();
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
    this.chart.show(run);
    this.hints.show(run);
    this.buttons.enable(Boolean(run?.live), Boolean(run?.last));
    this.element.dataset.run = run?.id ?? "";
    this.element.dataset.points = run?.points.length ?? 0;
    if (!run) {
      this.state.textContent = "";
      this.numbers.textContent = t("Queue the graph to see the loss here.");
      this.strip.replaceChildren();
      this.stripFiles = "";
      this.showNote(this.failure);
      return;
    }
    const { sign, word, kind, means } = stateOf(run.summary);
    this.state.textContent = `${sign} ${word}`;
    this.state.title = means ?? "";
    this.state.dataset.kind = kind;
    if (this.lastKind === "live" && kind !== "live") this.notice = ""; // what was requested has happened
    this.lastKind = kind;
    this.numbers.textContent = (run.last ? this.progress() : this.preparation()).filter(Boolean).join(" · ");
    this.showNote(this.noteText());
    this.drawStrip();
  }

  /** Step, epoch, speed, time left, memory, learning rate and probe of the last step. */
  progress() {
    const { run } = this;
    const { step, epoch, memory, lr, seconds: measured } = run.last;
    const steps = run.summary?.steps;
    const seconds = run.message?.seconds ?? measured;
    const { probes } = run;
    return [
      steps ? t("step {step} of {steps}", { step, steps }) : t("step {step}", { step }),
      t("epoch {epoch}", { epoch }),
      speed(seconds),
      run.live && steps ? t("{time} left", { time: duration(seconds * (steps - step)) }) : "",
      memory ? `${memory.toFixed(1)} GB` : "",
      `lr ${number(lr)}`,
      probes.length > 1 ? t("probe {percent} %", { percent: probes.at(-1)[1].toFixed(1) }) : "",
    ];
  }

  /** What the run does before its first step, or why it cannot be read. */
  preparation() {
    const { run } = this;
    return [run.message?.text ?? "", run.error && !run.live ? run.error : ""];
  }

  showNote(text) {
    this.note.textContent = text;
    this.note.classList.toggle("failed", Boolean(this.failure) && text === this.failure);
  }

  noteText() {
    const { run } = this;
    if (this.failure) return this.failure;
    if (this.notice) return this.notice;
    if (!run.live && this.result) return withoutHints(this.result, run);
    return run.summary?.status === "failed" ? (run.summary.why ?? "") : "";
  }

  /** The samples that were drawn last, redrawn only when there are new ones. */
  drawStrip() {
    const { run } = this;
    const samples = run.summary?.samples ?? [];
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
