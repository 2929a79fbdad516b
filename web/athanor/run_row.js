// One line of the list of runs: a run, a training that waits, or the heading of a group.

import { make } from "./dom.js";
import { briefWhen, formatBytes, number, stateOf, when } from "./format.js";
import { shownName } from "./run_order.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const GROUPS = {
  queued: () => t("Queued"),
  running: () => t("Running"),
  finished: () => t("Ended"),
};
const STARS = 5;

const cell = (kind, ...content) => make("span", { role: "gridcell", class: kind }, ...content);

/** The heading of a group of runs. */
export function headingRow({ group, count }) {
  return make("li", { role: "row", class: "group" }, cell("name", `${GROUPS[group]()} (${count})`));
}

/** A training of the host's queue; `takeOut()` takes its job out. */
export function queuedRow({ name, running, place, prompt_id }, takeOut) {
  const word = running ? t("begins") : t("waits ({place})", { place });
  const label = t("Take {name} out of the queue", { name: name || "Train LoRA" });
  const button = make("button", { type: "button", title: label, "aria-label": label, onclick: takeOut }, "✕");
  return make(
    "li",
    { role: "row", class: "queued", "data-job": prompt_id },
    cell("tick"),
    cell("name", make("span", { class: "title" }, name || t("Train LoRA (its name is computed)"))),
    cell("state", make("span", { class: "athanor-state", "data-kind": "queued" }, `… ${word}`)),
    cell("when", running ? null : button),
  );
}

/** What is said of a run beside its cells, for the pointer and for screen readers. */
function described(row, disk, { word, means }) {
  const { title, label, note, tags, why, trouble, base_model, probe } = row;
  const parts = [
    label ? `${label} (${title})` : title,
    [word, told(why) || means].filter(Boolean).join(": "),
    told(trouble),
    when(row.time),
    base_model && t("base model {name}", { name: base_model }),
    probe != null && t("lowest probe {percent} %", { percent: number(probe) }),
    disk &&
      t("{size} on the disk, of it {states} states", {
        size: formatBytes(disk.bytes),
        states: formatBytes(disk.states),
      }),
    tags.length && t("tags: {tags}", { tags: tags.join(", ") }),
    note,
  ];
  return parts.filter(Boolean).join("\n");
}

/** A run; `disk`: what it takes, if that is known. Whether it is ticked, open or under the cursor is set by `mark`. */
export function runRow(row, disk) {
  const state = stateOf(row);
  const name = shownName(row);
  const wrong = row.trouble || (["failed", "interrupted"].includes(row.status) ? row.why : "");
  const tick = make("input", {
    type: "checkbox",
    tabindex: -1,
    "aria-label": t("Tick {name}", { name }),
    title: t("Add its curve to the chart, and act on all ticked runs (Shift: up to here)"),
  });
  const chips = row.tags.slice(0, 3).map((tag) => make("span", { class: "chip" }, tag));
  return make(
    "li",
    { role: "row", "data-run": row.run_id, id: `athanor-run-${row.run_id}`, title: described(row, disk, state) },
    cell("tick", tick),
    cell(
      "name",
      make(
        "button",
        { type: "button", class: "name", tabindex: -1 },
        make("span", { class: "title" }, name),
        row.starred && make("span", { class: "star", "aria-label": t("has starred files") }, "★"),
        row.rating > 0 && make("span", { class: "rating" }, `${row.rating}/${STARS}`),
        chips,
        wrong && make("span", { class: "why" }, told(wrong)),
      ),
    ),
    cell("state", make("span", { class: "athanor-state", "data-kind": state.kind }, `${state.sign} ${state.word}`)),
    cell("when", briefWhen(row.time)),
    cell("steps", t("{step} of {steps}", row)),
    cell("model", row.base_model.replace(/\.\w+$/, "")),
    cell("probe", row.probe == null ? "" : `${number(row.probe)} %`),
    cell("disk", disk ? formatBytes(disk.bytes) : ""),
  );
}

/** Show on a run's line whether it is ticked, open in detail, and under the cursor of the keys. */
export function mark(element, { ticked, open, here }) {
  element.setAttribute("aria-selected", String(ticked));
  element.classList.toggle("ticked", ticked);
  element.classList.toggle("chosen", open);
  element.classList.toggle("here", here);
  const [tick, button] = element.querySelectorAll("input, button");
  tick.checked = ticked;
  button.setAttribute("aria-pressed", String(open));
}
