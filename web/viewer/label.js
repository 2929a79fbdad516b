// Names of axes and values in the table's heads.

import { make } from "./make.js";
import { t } from "./words.js";

/** Pictures that others were made from, small, by their addresses; "" if there are none. */
export const madeFrom = (addresses) =>
  addresses.length
    ? make(
        "span",
        { class: "from", title: t("made from this") },
        addresses.map((src) => make("img", { src, alt: t("control picture") })),
      )
    : "";

/**
 * A name that may be long: broken between its words and after _ . / \ - before it is broken in one of them, cut after a
 * few lines, and whole as its title. `sign` says which way the values of an axis go.
 */
export function label(text, sign = "") {
  const parts = text.split(/(?<=[_./\\-])(?=\w)/);
  const pieces = parts.flatMap((part, i) => (i ? [make("wbr"), part] : [part]));
  return make(
    "span",
    { class: "label", title: text },
    pieces,
    sign && make("span", { "aria-hidden": true }, ` ${sign}`),
  );
}
