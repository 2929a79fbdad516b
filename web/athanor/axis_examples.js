// "Examples…" below LoRA Run Axis and XYZ Axis: what can be written, in words; a choice writes it.

import { make } from "./dom.js";
import { setWidget, widgetOf } from "./extend.js";
import { isLinked } from "./links.js";
import { t } from "./words.js";
import { asOneStep } from "./undo_step.js";

const AVERAGES = /\b(?:mean|ema|lerp)\s*\((?:[^()]|\([^()]*\))*\)/gi;

/** What `epochs` of LoRA Run Axis takes, as [text, what it means]. */
const epochs = () => [
  ["last 3", t("the last three")],
  ["5 even", t("five, spread over the training")],
  ["best 3", t("around the best probe")],
  ["best 3 by likeness", t("by the scores of Likeness")],
  ["starred", t("those with a starred picture in a viewer")],
  ["all, SKIP: 1", t("all but epoch 1")],
  ["mean(last 4)", t("average of the last four, costs no training")],
  ["ema(0.1)", t("average in which later epochs count more")],
  ["lerp(4, 8, 0.3)", t("0.7 of epoch 4 and 0.3 of epoch 8")],
];

/** What `values` of XYZ Axis takes, by its type. */
const values = () => ({
  "LoRA strength": [["0.4-1(0.2)", t("from 0.4 to 1 in steps of 0.2")]],
  "LoRA blocks": [
    ["each off", t("one block at a time is off")],
    ["each alone", t("one block at a time is on")],
    ["groups off", t("in, mid, out, text encoder as wholes")],
    ["all\nin 0.5, mid 0\nall but out", t("your own, one per line")],
  ],
  "LoRA steps": [["0-1, 0-0.5, 0.5-1", t("always, in the first half, in the second half")]],
  "LoRA": [
    ["none, my_lora-*", t("the base model, and all files of a name")],
    ["my_lora:0.4-1(0.2)", t("one at several strengths")],
    ["my_lora + other:0.5", t("two at once")],
  ],
  "seed": [["x3", t("three random ones, the same when queued again")]],
  "steps": [["10, 20, 30", t("one by one")]],
  "cfg": [["1-10[4]", t("four, evenly spaced")]],
  "size": [["512x768, 768", t("width and height, or a square")]],
  "sampler + scheduler": [["euler/karras, DPM++ 2M Karras", t("pairs")]],
  "prompt S/R": [["cat, dog, bird", t("searches the first in the prompts")]],
  "prompt": [["a cat\na dog", t("one per line")]],
});

/** The element for a node of that kind; it is filled when it is opened, as the type may have changed. */
export function examplesOf(node) {
  const field = widgetOf(node, "epochs") ? "epochs" : "values";
  const title = t("What can be written, in examples: a choice writes it");
  const fill = () => {
    const type = widgetOf(node, "type")?.value;
    const known = field === "epochs" ? epochs() : (values()[type] ?? []);
    const none = known.length ? [] : [[t("none: the tooltip tells how to write {type}", { type })]];
    const options = [
      make("option", { value: "" }, t("Examples…")),
      ...known.map(([text, meaning]) => make("option", { value: text }, `${text.replaceAll("\n", " | ")}: ${meaning}`)),
      ...none.map((text) => make("option", { value: "", disabled: true }, text)),
    ];
    select.replaceChildren(...options);
  };
  const onchange = () => {
    const text = select.value;
    select.value = "";
    if (!text || isLinked(node, field)) return;
    const before = String(widgetOf(node, field)?.value ?? "");
    asOneStep(() => setWidget(node, field, field === "epochs" ? joined(before, text) : text));
  };
  const onkeydown = (event) => event.stopPropagation(); // a letter chooses here, and is a key of the host elsewhere
  const heard = { onchange, onkeydown, onfocus: fill, onpointerdown: fill };
  const select = make("select", { title, "aria-label": title, ...heard });
  fill();
  return select;
}

/** A filter with an example: an average comes behind what is there, another filter takes the place of the old one. */
export function joined(before, example) {
  const averages = before.match(AVERAGES) ?? [];
  if (!example.match(AVERAGES)) return [example, ...averages].join(", ");
  return averages.includes(example) ? before : [before.trim(), example].filter(Boolean).join(", ");
}
