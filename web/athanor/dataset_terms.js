// The tags (or words) of a dataset with their counts. Clicks show pictures with one, then without it, then all.

import { make } from "./dom.js";
import { t } from "./words.js";

const MOST = 300; // terms that are listed at a time

/** `ask(path)` reads from the dataset, `changed()` is called after a click, `say(text)` shows an error. */
export class Terms {
  constructor({ ask, changed, say, counted }) {
    Object.assign(this, { ask, changed, say, counted });
    this.filters = new Map(); // term -> "tag" (with it) or "without"
    this.kind = "tags"; // or "words"
    this.all = null; // how many there are
    this.total = 0; // of those with the text that is searched for
    this.terms = []; // [term, count]
    this.asked = 0; // number of the newest request
    this.title = make("h3");
    this.list = make("ul", { class: "terms" });
    this.search = make("input", { type: "search", oninput: () => this.readSoon() });
    this.setLabels();
    this.known = make("datalist", { id: "athanor-known-tags" }); // what fields for tags offer
    this.elements = [this.title, this.search, this.list, this.known];
  }

  setLabels() {
    const isTags = this.kind === "tags";
    this.title.textContent = (isTags ? t("Tags") : t("Words")) + (this.all == null ? "" : ` (${this.all})`);
    this.search.placeholder = isTags ? t("Find a tag") : t("Find a word");
    this.search.setAttribute("aria-label", this.search.placeholder);
  }

  clear() {
    this.filters.clear();
    this.draw();
  }

  readSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), 200);
  }

  /** Show the dataset's terms as its captions are now. */
  async read() {
    this.asked += 1;
    const { asked } = this;
    try {
      const query = new URLSearchParams({ text: this.search.value, count: MOST });
      const answer = await this.ask(`/terms?${query}`);
      if (asked !== this.asked) return; // an answer to what was typed before
      Object.assign(this, answer);
      this.setLabels();
      this.draw();
    } catch (error) {
      this.say(error.message);
    }
  }

  draw() {
    const { terms, total } = this;
    const listed = new Set(terms.map(([term]) => term));
    const unlisted = [...this.filters.keys()].filter((term) => !listed.has(term)).map((term) => [term, null]);
    const { activeElement } = document;
    const focused = this.list.contains(activeElement) ? activeElement.dataset.term : null;
    const rows = [...unlisted, ...terms].map(([term, count]) => make("li", {}, this.button(term, count)));
    const note = (text) => make("li", { class: "athanor-empty" }, text);
    if (total > terms.length) rows.push(note(t("{count} more: type to search", { count: total - terms.length })));
    if (!total) rows.push(note(this.search.value ? t("No matches.") : t("No captions.")));
    this.list.replaceChildren(...rows);
    this.known.replaceChildren(...terms.map(([value]) => make("option", { value })));
    if (focused != null) [...this.list.querySelectorAll("button")].find((b) => b.dataset.term === focused)?.focus();
  }

  button(term, count) {
    const filter = this.filters.get(term);
    const states = { tag: [t("with"), "+"], without: [t("without"), "−"] };
    const [state, sign] = states[filter] ?? [t("any"), ""];
    const label = [term, count == null ? "" : this.counted(count), t("filter: {state}", { state })];
    return make(
      "button",
      {
        type: "button",
        "data-term": term,
        "data-filter": filter ?? "",
        "aria-pressed": String(Boolean(filter)),
        "aria-label": label.filter(Boolean).join(", "),
        onclick: () => this.toggle(term),
      },
      make("b", {}, sign),
      make("span", { class: "term" }, term),
      make("span", { class: "count" }, count ?? ""),
    );
  }

  /** Go on from any to with, to without, to any. */
  toggle(term) {
    const filter = this.filters.get(term);
    if (!filter) this.filters.set(term, "tag");
    else if (filter === "tag") this.filters.set(term, "without");
    else this.filters.delete(term);
    this.draw();
    this.changed();
  }
}
