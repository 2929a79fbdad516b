// What the panel of a node says of its run, as text: what is done now, how far it is, what comes next.

import { duration, number, speed } from "./format.js";
import { withoutHints } from "./hints.js";
import { told } from "./sentences.js";
import { terms } from "./terms.js";
import { t } from "./words.js";

const NAMES = 4; // of runs that wait, at most

/** Parts of the work that are told by the server, in the page's language. */
const PHASES = () => ({
  "checking the settings": t("checking the settings"),
  "starting the processes": t("starting the processes"),
  "encoding captions": t("encoding captions"),
  "encoding pictures": t("encoding pictures"),
  "encoding sample prompts": t("encoding sample prompts"),
  "loading the model": t("loading the model"),
  "adding what is trained": t("adding what is trained"),
  "trying the largest batch": t("trying the largest batch"),
  "compiling the model": t("compiling the model"),
  "measuring the loss before training": t("measuring the loss before training"),
  "making the first step": t("making the first step"),
  "saving and checking the file": t("saving and checking the file"),
});

function inWords(text) {
  const [, index, count] = /^drawing sample (\d+) of (\d+)$/.exec(text) ?? [];
  return index ? t("drawing sample {index} of {count}", { index, count }) : (PHASES()[text] ?? text);
}

/**
 * What a live run does now that is no step, such as "encoding pictures: 12 of 40 · 0:08 left"; "" while it makes steps.
 * A page that has just come knows it from the events of the run.
 */
export function phase(run) {
  if (!run?.live) return "";
  const { message, events } = run;
  if (message?.kind === "encoding" && message.total) {
    const left = message.left ? ` · ${t("{time} left", { time: duration(message.left) })}` : "";
    return `${t("{what}: {done} of {total}", { ...message, what: inWords(message.text) })}${left}`;
  }
  if (message?.kind === "phase") return inWords(message.text);
  if (run.last) return "";
  const last = events.findLast((event) => event.event === "phase");
  return last ? inWords(last.what) : "";
}

/** What the short words among these numbers mean, a line for each. */
export function meaning() {
  const { speed: pace, lr, probe } = terms();
  return [pace, lr, probe].join("\n");
}

/** Step, epoch, speed, time left, memory, learning rate and probe of the last step. */
function progress(run) {
  const { step, epoch, memory, lr, seconds: measured } = run.last;
  const { steps, epochs } = run.summary ?? {};
  const seconds = run.message?.seconds ?? measured;
  const { probes } = run;
  return [
    steps ? t("step {step} of {steps}", { step, steps }) : t("step {step}", { step }),
    epochs ? t("epoch {epoch} of {epochs}", { epoch, epochs }) : t("epoch {epoch}", { epoch }),
    speed(seconds),
    run.live && steps ? t("{time} left", { time: duration(seconds * (steps - step)) }) : "",
    memory ? `${memory.toFixed(1)} GB` : "",
    `lr ${number(lr)}`,
    probes.length > 1 ? t("probe {percent} %", { percent: probes.at(-1)[1].toFixed(1) }) : "",
  ];
}

/** The line behind the state: how far the run is, or what it does before its first step. */
export function numbers(run) {
  const trouble = run.error && !run.live ? run.error : "";
  const parts = run.last ? [...progress(run), phase(run)] : [phase(run), trouble];
  return parts.filter(Boolean).join(" · ");
}

/** The note: what came of a click, or how the run has ended. `result`: what its node has reported. */
export function note(run, notice, result) {
  if (notice) return notice;
  if (run.live) return "";
  const { status, why, kept, target } = run.standing ?? {};
  const file = status === "done" && target ? t("{file} is saved.", { file: target }) : "";
  if (result || file) return [file, told(withoutHints(result, run))].filter(Boolean).join(" ");
  return told((status === "failed" ? why : kept) ?? "");
}

/** What waits in the queue: "next: b_lora, c_lora"; "" where nothing does. */
export function next(names) {
  if (!names.length) return "";
  const shown = names.slice(0, NAMES).map((name) => name || t("(name from another node)"));
  if (names.length > NAMES) shown.push(t("{count} more", { count: names.length - NAMES }));
  return t("next: {names}", { names: shown.join(", ") });
}
