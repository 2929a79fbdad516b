// Around the enlarged picture: what it is and the buttons above it, the keys below it, the field of its note.

import { canKeep, keepLora, keepsAny } from "./keep.js";
import { make } from "./make.js";
import { t } from "./words.js";

const keysAndActions = () => [
  [t("arrows"), t("previous or next in X and Y")],
  ["PgUp PgDn", t("previous or next block")],
  [t("space (hold)"), t("base model")],
  [t("wheel or + -"), t("zoom")],
  [t("drag or shift + arrows"), t("move")],
  ["0", t("whole picture")],
  ["p", t("pin this picture")],
  ["w", t("wipe between the pinned picture and this one")],
  ["d", t("difference from the pinned picture")],
  ["t", t("training picture beside it")],
  ["s", t("star")],
  ["x", t("reject")],
  ["n", t("note")],
  ["l", t("save as LoRA")],
  ["Esc", t("back")],
];

/** What a screen shows at a place, and its buttons; marks are the picture's, also while the base model is shown. */
export function bar(screen, at) {
  const { viewer, mode, pin } = screen;
  const { comparison, marks, address } = viewer;
  const id = comparison.cell(screen.at);
  const mark = marks.of(id);
  const place = comparison.describe(at);
  const shownAs = { wipe: t("wipe"), difference: t("difference") }[mode];
  const button = (name, label) =>
    make("button", { name, "aria-pressed": String(Boolean(mark[name])), onclick: () => screen.press(name) }, label);
  const title = t("This picture, with its settings and its graph");
  return make(
    "div",
    { class: "bar" },
    make(
      "p",
      { class: "where" },
      screen.showsBase ? t("base model: {place}", { place }) : place,
      pin &&
        make(
          "em",
          {},
          `  ${t("pinned: {place}", { place: comparison.describe(pin) })}${shownAs ? ` (${shownAs})` : ""}`,
        ),
      make("b", {}, mark.note ? `  ✎ ${mark.note}` : ""),
    ),
    button("star", `${mark.star ? "★" : "☆"} ${t("star")}`),
    button("reject", `✕ ${t("reject")}`),
    button("note", `✎ ${t("note")}`),
    comparison.scores.of(id)?.nearest &&
      make(
        "button",
        { "name": "beside", "aria-pressed": String(screen.beside), "onclick": () => screen.toggleBeside() },
        t("training picture"),
      ),
    canKeep(viewer, id) && keepButton(screen),
    comparison.error(id) === undefined &&
      make("a", { class: "button", href: address(id), download: `${id}.png`, title }, t("save picture")),
    make("button", { name: "back", onclick: () => viewer.close() }, t("back")),
  );
}

function keepButton({ viewer, at }) {
  const title = t("One LoRA file of what this picture was drawn with (l)");
  return make("button", { name: "keep", title, onclick: () => keepLora(viewer, at) }, t("save this LoRA"));
}

/** What the keys do that are of use here; in front of them, what could not be saved. */
export function keys(viewer) {
  const isOfUse = { l: keepsAny(viewer), t: viewer.comparison.scores.kinds.length > 0 };
  const ofUse = keysAndActions().filter(([key]) => isOfUse[key] ?? true);
  return make(
    "p",
    { class: "keys" },
    viewer.isUnsaved && make("b", {}, `${viewer.message}   `),
    ofUse.flatMap(([key, action]) => [make("kbd", {}, key), ` ${action}   `]),
  );
}

/** A field for the note of the picture. */
export function noteField(screen) {
  const { viewer } = screen;
  const id = viewer.comparison.cell(screen.at);
  const done = (save) => {
    screen.editsNote = false;
    if (save) viewer.mark(id, { note: field.value.trim() });
    screen.draw();
    viewer.popup.focus();
  };
  const field = make("input", {
    class: "note",
    maxlength: 2000,
    placeholder: t("Note: Enter saves it, Esc cancels"),
    "aria-label": t("Note"),
    value: viewer.marks.of(id).note ?? "",
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done(true);
      else if (event.key === "Escape") {
        event.preventDefault();
        done(false);
      }
    },
  });
  return field;
}
