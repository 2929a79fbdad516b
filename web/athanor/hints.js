// What a run was warned of: a compact list, the same while it trains and after.

import { make } from "./dom.js";
import { Folded } from "./folded.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

/** The sentences of a run's events, each once: a session that goes on says most of them again. */
function hintsOf(run) {
  const texts = (run?.events ?? []).filter((event) => event.event === "warned").map((event) => event.text);
  return [...new Set(texts.filter(Boolean))];
}

/** A text of a run without the sentences that its list shows. */
export function withoutHints(text, run) {
  const rest = hintsOf(run).reduce((left, hint) => left.replace(hint, ""), text);
  return rest.replace(/ {2,}/g, " ").trim();
}

/** A hint as it stands on the node itself, whose name would fill the one line that is seen: without that. */
function onNode(text) {
  const [said, name] = [told(text), told("Train LoRA")];
  return said.startsWith(name) ? said.slice(name.length).replace(/^[:：] */, "") : said;
}

/** The list: one line, until it is opened. It is empty, and takes no room, where there is nothing to say. */
export class Hints {
  constructor() {
    this.list = make("ul", { class: "athanor-hints", "aria-label": t("Hints") });
    this.folded = new Folded(this.list);
    this.element = this.folded.element;
    this.element.hidden = true;
    this.shown = "[]";
  }

  /** Show the hints of a run; of none, or one that has ended without any, those that are `expected` of the graph. */
  show(run, expected = []) {
    const own = hintsOf(run);
    const texts = own.length || run?.live ? own : expected;
    const now = JSON.stringify(texts);
    if (now === this.shown) return;
    this.shown = now;
    this.element.hidden = !texts.length;
    this.list.replaceChildren(...texts.map((text) => make("li", {}, make("b", {}, "! "), onNode(text))));
    this.folded.renew(texts.length > 1 ? t("{count} hints", { count: texts.length }) : undefined);
  }
}
