// The fields above the list of runs: what it shows, and by what a narrow one sorts. The page remembers the order.

import { make } from "./dom.js";
import { fallsFirst, KEYS } from "./run_order.js";
import { wordOf } from "./run_table.js";
import { t } from "./words.js";

const KEPT = "athanor.runs.order"; // in the browser's storage

/** The order of the last visit, or the newest first. */
function keptOrder() {
  try {
    const { key, falls } = JSON.parse(localStorage.getItem(KEPT));
    if (KEYS.includes(key)) return { key, falls: falls === true };
  } catch {
    // nothing was kept, or the browser keeps nothing
  }
  return { key: "when", falls: true };
}

/** `changed()`: another filter; `sort(order)`: another order; `read()`: the user wants the list read again. */
export class RunFilter {
  constructor(changed, sort, read) {
    this.order = keptOrder();
    this.tags = "[]";
    const select = (label, options, onchange) =>
      make("select", { "aria-label": label, title: label, onchange }, options);
    const option = (value, word) => make("option", { value }, word);
    this.text = make("input", {
      type: "search",
      placeholder: t("Filter runs"),
      "aria-label": t("Filter runs by name, note, tag, base model or state"),
      oninput: changed,
      onkeydown: (event) => event.stopPropagation(),
    });
    const states = [
      option("", t("All runs")),
      option("running", t("Running")),
      option("done", t("Finished")),
      option("stopped", t("Stopped")),
      option("failed", t("Failed")),
      option("archived", t("Archived")),
    ];
    this.state = select(t("Show runs in this state"), states, changed);
    this.tag = select(t("Show runs with this tag"), [option("", t("All tags"))], changed);
    this.tag.hidden = true;
    this.starred = make(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        "aria-label": t("Only runs with starred files"),
        title: t("Only runs with starred files"),
        onclick: () => {
          const isOn = this.starred.getAttribute("aria-pressed") !== "true";
          this.starred.setAttribute("aria-pressed", String(isOn));
          this.starred.textContent = isOn ? "★" : "☆";
          changed();
        },
      },
      "☆",
    );
    const keys = KEYS.map((key) => option(key, wordOf(key)));
    this.key = select(t("Sort by"), keys, () => sort({ key: this.key.value, falls: fallsFirst(this.key.value) }));
    this.way = make("button", {
      type: "button",
      onclick: () => sort({ key: this.order.key, falls: !this.order.falls }),
    });
    const again = { type: "button", title: t("Read the runs again"), "aria-label": t("Read the runs again") };
    this.element = make(
      "div",
      { class: "athanor-filter" },
      this.text,
      this.state,
      this.tag,
      this.starred,
      make("span", { class: "order" }, this.key, this.way),
      make("button", { ...again, onclick: read }, "⟳"),
    );
    this.keep(this.order);
  }

  get values() {
    return {
      text: this.text.value,
      state: this.state.value,
      tag: this.tag.value,
      starred: this.starred.getAttribute("aria-pressed") === "true",
    };
  }

  /** Show and remember an order. */
  keep(order) {
    this.order = order;
    this.key.value = order.key;
    this.way.textContent = order.falls ? "▾" : "▴";
    const label = order.falls ? t("The largest or newest first") : t("The smallest or oldest first");
    this.way.title = label;
    this.way.setAttribute("aria-label", label);
    try {
      localStorage.setItem(KEPT, JSON.stringify(order));
    } catch {
      // the browser keeps nothing: the next visit begins with the newest first
    }
  }

  /** Offer these tags; the chosen one stays chosen while a run has it. */
  offer(tags) {
    const now = JSON.stringify(tags);
    if (now === this.tags) return;
    this.tags = now;
    const chosen = this.tag.value;
    const options = tags.map((tag) => make("option", { value: tag }, tag));
    this.tag.replaceChildren(make("option", { value: "" }, t("All tags")), ...options);
    this.tag.value = tags.includes(chosen) ? chosen : "";
    this.tag.hidden = !tags.length;
  }
}
