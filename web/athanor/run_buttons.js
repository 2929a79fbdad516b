// The buttons of a run that trains: stop, save, sample; and what has come of a click.

import { make } from "./dom.js";
import { t } from "./words.js";

/**
 * Let a button be pressed or not. One that refuses can have the focus, and says why: by its title, in a box while it
 * has the focus. `why`: the reason, "" if it can be pressed.
 */
export function allow(button, why, title = "") {
  button.setAttribute("aria-disabled", String(Boolean(why)));
  button.title = why || title;
}

/** Whether a button refuses, as `allow` has set it. */
export const refuses = (button) => button.getAttribute("aria-disabled") === "true";

/** The files that were saved by a button and the steps of samples that a run has by now. */
function made(run) {
  const asked = (run.summary?.checkpoints ?? []).filter((file) => file.kind === "asked").map(({ file }) => file);
  return { files: asked, samples: run.summary?.samples.length ?? 0 };
}

/**
 * What has come of a click since `before` (of `made`): a sentence, or "" as long as nothing has. A run that has ended
 * says by itself what was kept.
 */
function outcome(command, before, run) {
  const now = made(run);
  if (command === "save") {
    const file = now.files.find((one) => !before.files.includes(one));
    return file ? t("Saved {file}", { file }) : "";
  }
  if (command !== "sample" || now.samples <= before.samples) return "";
  const { step } = run.summary.samples.at(-1);
  return t("Samples of step {step} are drawn", { step });
}

/** Why a command cannot be given to a run now; "" if it can. */
function refusal(command, run) {
  if (!run) return t("Nothing trains here yet");
  if (!run.live) return t("This run does not train now");
  if (command === "stop") return "";
  if (command === "sample" && run.summary && !run.summary.can_sample) {
    return t("No Sample Config is connected: connect one to samples, with your prompts");
  }
  return run.last ? "" : t("Only after the first step");
}

const KINDS = () => [
  ["stop", t("Stop and keep"), t("Stop after this step, save the LoRA and run the rest of the graph")],
  ["save", t("Save now"), t("Save the LoRA now and continue training")],
  ["sample", t("Sample now"), t("Draw the sample prompts now and continue training")],
];

const ASKED = () => ({
  stop: t("Stopping after this step…"),
  save: t("Saving after this step…"),
  sample: t("Drawing samples after this step…"),
});

/**
 * Buttons for the run that `current()` returns; `say(text)` gets what came of a click. Their `show()` draws them as the
 * run is now, and says what has come of the last click.
 */
export function commands(current, say) {
  let asked = null; // {command, run, before} of the last click, until it has happened
  const press = async (command) => {
    const run = current();
    const why = refusal(command, run);
    if (why) return say(why);
    try {
      const before = made(run);
      await run.command(command);
      asked = { command, run, before };
      say(ASKED()[command]);
    } catch (error) {
      say(error.message);
    }
  };
  const button = ([command, label, title]) => {
    const names = { "aria-label": label, "data-command": command };
    const onclick = () => press(command);
    return Object.assign(make("button", { type: "button", ...names, onclick }, label), { description: title });
  };
  const buttons = KINDS().map(button);
  const show = () => {
    const run = current();
    for (const one of buttons) allow(one, refusal(one.dataset.command, run), one.description);
    if (asked && asked.run !== run) asked = null;
    if (!asked) return;
    const text = outcome(asked.command, asked.before, run);
    if (!text && run.live) return;
    asked = null;
    say(text);
  };
  show();
  return Object.assign(make("div", { class: "athanor-buttons" }, buttons), { show });
}
