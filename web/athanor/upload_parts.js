// Parts of the upload's dialog.

import { make } from "./dom.js";
import { t } from "./words.js";

/** How many pictures and captions entries of a plan are. */
export function counted(entries) {
  const captions = entries.filter(({ isCaption }) => isCaption).length;
  return pictures(entries.length - captions, captions);
}

/** Numbers of pictures and captions in words. */
export function pictures(count, captions) {
  const first = count === 1 ? t("1 picture") : t("{count} pictures", { count });
  return `${first}, ${captions === 1 ? t("1 caption") : t("{count} captions", { count: captions })}`;
}

/** A list of sentences; a long one can be scrolled by keys, too. */
export const list = (rows) =>
  make("ul", { tabindex: rows.length > 6 ? 0 : null }, ...rows.map((row) => make("li", {}, row)));

/** What is done with files whose names are there with another content. */
export class ThereChoice {
  constructor(changed) {
    this.legend = make("legend", {});
    const ways = {
      skip: t("leave those that are there"),
      replace: t("replace them"),
      keep: t("keep both (as name-2)"),
    };
    this.fields = Object.entries(ways).map(([value, text]) => {
      const attributes = { type: "radio", name: "athanor-there", value, checked: value === "skip", onchange: changed };
      return make("label", {}, make("input", attributes), text);
    });
    this.element = make("fieldset", { class: "there", hidden: true }, this.legend, ...this.fields);
  }

  get value() {
    return this.element.querySelector("input:checked").value;
  }

  /** Show the question about `count` files; it stays once something else than the default was chosen. */
  show(count) {
    this.element.hidden = !count && this.value === "skip";
    if (count === 1) this.legend.textContent = t("1 file is there with other content:");
    else if (count) this.legend.textContent = t("{count} files are there with other content:", { count });
  }

  reset() {
    this.element.querySelector("input").checked = true;
  }

  disable(on) {
    this.element.disabled = on;
  }
}
