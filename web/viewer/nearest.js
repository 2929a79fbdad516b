// A picture's scores beside it, and the picture beside the training picture that it is nearest to.

import { make } from "./make.js";
import { bar, number, scoreTitle } from "./scores.js";
import { t, told } from "./words.js";

/** What is said of a cell's nearest training picture; "" if it was not scored. */
export function nearness(scores, id) {
  const found = scores.of(id);
  if (!found?.nearest || found.nearest_value == null) return "";
  const { threshold } = scores.data;
  const limit =
    threshold == null
      ? t("too few training pictures to tell a copy")
      : t("a copy from {value} on", { value: number(threshold) });
  const values = { name: found.nearest, value: number(found.nearest_value), limit };
  return t("nearest training picture: {name}, {value} ({limit})", values);
}

/** The small sign of a picture that looks like a copy; "" if it does not. */
export function copyMark(scores, id, onclick) {
  const found = scores.of(id);
  if (!found?.copy) return "";
  const values = { name: found.nearest, value: number(found.nearest_value ?? 0) };
  const title = t("Looks like a copy of {name} ({value})", values);
  return make("button", { "class": "copy", title, "aria-label": title, "tabindex": -1, onclick }, t("copy?"));
}

/** A cell's scores, each with what it cannot see, to be opened; "" if it was not scored. */
export function scoreList(scores, id, isBeside = false) {
  const found = scores.of(id);
  if (!found) return "";
  const shown = scores.kinds.filter(({ name }) => name in found.values);
  const rows = shown.map(({ name, title, blind }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, scoreTitle(title)),
      make("td", {}, number(found.values[name]), bar(scores.part(found.values[name], name))),
      make("td", { class: "blind" }, told(blind)),
    ),
  );
  const short = shown.map(({ name, title }) => `${scoreTitle(title)} ${number(found.values[name])}`).join("  ·  ");
  return make(
    "details",
    { class: found.copy ? "cell-scores is-copy" : "cell-scores" },
    make(
      "summary",
      {},
      `${found.copy ? `${t("looks like a copy")}  ·  ` : ""}${t("scores: {scores}", { scores: short })}`,
    ),
    !isBeside && make("p", {}, nearness(scores, id)),
    make("table", {}, make("tbody", {}, rows)),
    make(
      "p",
      {},
      t("Measured by {title}. {blind} No score decides by itself.", {
        title: told(scores.data.title),
        blind: told(scores.data.blind ?? ""),
      }),
    ),
  );
}

/** A picture and its nearest training picture side by side; a sentence where there is none to show. */
export function besideNearest(scores, id, picture) {
  const source = scores.picture(id);
  const said = nearness(scores, id);
  const name = scores.of(id)?.nearest ?? "";
  const half = (content, text) => make("figure", { class: "half" }, content, make("figcaption", {}, text));
  const other = source
    ? make("img", { src: source, alt: t("training picture {name}", { name }) })
    : make("p", { class: "undrawn" }, said ? t("its small picture is not there") : t("this picture was not scored"));
  return make(
    "div",
    { class: "pair beside" },
    half(picture, t("this picture")),
    half(other, said || t("no training picture")),
  );
}
