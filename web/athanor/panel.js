// What the Train LoRA node shows of its run: numbers, chart, last samples, buttons.

import { LossChart, controls } from "./chart.js";
import { duration, make, number, speed, standing, style } from "./dom.js";
import * as store from "./store.js";
import { t } from "./words.js";

style("./athanor.css");

export const BUTTONS = [
  ["stop", "Stop and keep", "Stop after this step, save the LoRA, and let the rest of the graph go on"],
  ["save", "Save now", "Save the LoRA as it is now, and go on"],
  ["sample", "Sample now", "Draw the sample prompts now, and go on; needs a Sample Config"],
];

/** The buttons of a live run. */
export function commands(current, say) {
  const buttons = BUTTONS.map(([command, label, title]) =>
    make(
      "button",
      {
        type: "button",
        title: t(title),
        "aria-label": t(label),
        disabled: true,
        "data-command": command,
        onclick: async () => {
          try {
            await current().ask(command);
            say(t("{command}: asked", { command: t(label) }));
          } catch (error) {
            say(error.message);
          }
        },
      },
      t(label),
    ),
  );
  const element = make("div", { class: "athanor-buttons" }, buttons);
  return Object.assign(element, {
    live(on) {
      for (const button of buttons) button.disabled = !on;
    },
  });
}

export class Panel {
  constructor() {
    this.run = null;
    this.chart = new LossChart(130);
    this.controls = controls();
    this.state = make("b", { class: "athanor-state" });
    this.numbers = make("span");
    this.note = make("div", { class: "athanor-note", role: "status" });
    this.strip = make("div", { class: "athanor-strip" });
    this.buttons = commands(
      () => this.run,
      (words) => this.say(words),
    );
    this.element = make(
      "div",
      { class: "athanor athanor-panel" },
      make("div", { class: "athanor-line" }, this.state, this.numbers),
      this.chart.element,
      this.controls,
      this.strip,
      this.note,
      this.buttons,
    );
    // The canvas below must not take what is meant for the slider.
    for (const kind of ["pointerdown", "mousedown"])
      this.controls.addEventListener(kind, (event) => event.stopPropagation());
    this.draw();
  }

  follow(id) {
    if (this.run?.id === id) return;
    this.leave?.();
    this.run = id ? store.run(id) : null;
    this.said = this.summary = "";
    this.leave = this.run?.watch(() => this.draw());
    this.draw();
  }

  /** What the node said at its end. */
  tell(words) {
    this.summary = words;
    this.draw();
  }

  say(words) {
    this.said = words;
    this.draw();
  }

  forget() {
    this.leave?.();
    this.chart.forget();
    this.controls.forget();
  }

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.fill();
    });
  }

  fill() {
    const { run } = this,
      last = run?.last,
      heard = run?.heard,
      brief = run?.brief;
    this.chart.show(run);
    this.buttons.live(Boolean(run?.live && last));
    this.element.dataset.run = run?.id ?? "";
    this.element.dataset.points = run?.points.length ?? 0;
    if (!run) {
      this.state.textContent = "";
      this.numbers.textContent = t("Queue the graph: the loss will be drawn here.");
      this.strip.replaceChildren();
      this.note.textContent = "";
      return;
    }
    const { sign, word, kind } = standing(brief);
    this.state.textContent = `${sign} ${word}`;
    this.state.dataset.kind = kind;
    if (this.was === "live" && kind !== "live") this.said = ""; // what was asked for has happened
    this.was = kind;
    const steps = brief?.steps,
      seconds = heard?.seconds ?? last?.seconds,
      probe = run.probes[run.probes.length - 1];
    const told = last
      ? [
          steps ? t("step {step} of {steps}", { step: last.step, steps }) : t("step {step}", { step: last.step }),
          t("epoch {epoch}", { epoch: last.epoch }),
          speed(seconds),
          run.live && steps ? t("{time} left", { time: duration(seconds * (steps - last.step)) }) : "",
          last.memory ? `${last.memory.toFixed(1)} GB` : "",
          `lr ${number(last.lr)}`,
          run.probes.length > 1 ? t("probe {percent} %", { percent: probe[1].toFixed(1) }) : "",
        ]
      : [heard?.text ?? "", run.trouble && !run.live ? run.trouble : ""];
    this.numbers.textContent = told.filter(Boolean).join(" · ");
    this.note.textContent =
      this.said ||
      (run.live ? "" : this.summary) ||
      (brief?.status === "failed" ? brief.why : "") ||
      (heard?.kind === "warning" ? heard.text : "");
    const drawn = brief?.samples ?? [],
      newest = drawn[drawn.length - 1];
    const shown = newest ? drawn.filter((s) => s.step === newest.step).slice(-6) : [];
    if (shown.map((s) => s.file).join() !== this.drawn) {
      this.drawn = shown.map((s) => s.file).join();
      this.strip.replaceChildren(
        ...shown.map((s) =>
          make("img", {
            src: run.sample(s.file),
            alt: t("Sample at step {step}: {prompt}", s),
            title: t("step {step}: {prompt}", s),
            loading: "lazy",
          }),
        ),
      );
    }
  }
}
