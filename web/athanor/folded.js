// A text on a node that is cut where room is scarce, and a button that opens it.

import { make } from "./dom.js";
import { t } from "./words.js";

/** `inner` shows its first lines, as many as the style sheet says; the button is there only where that is not all. */
export class Folded {
  constructor(inner) {
    this.inner = inner;
    const onclick = () => this.open(!this.isOpen);
    this.button = make("button", { type: "button", class: "athanor-fold", hidden: true, onclick });
    this.element = make("div", { class: "athanor-folded" }, inner, this.button);
    new ResizeObserver(() => this.measure()).observe(inner);
    this.renew();
  }

  get isOpen() {
    return this.element.classList.contains("open");
  }

  /** The text is another one; `label`: what the button says instead of "more". */
  renew(label = t("more")) {
    this.label = label;
    this.open(false);
    this.measure();
  }

  open(on) {
    this.element.classList.toggle("open", on);
    this.button.setAttribute("aria-expanded", String(on));
    this.button.textContent = on ? t("less") : this.label;
  }

  measure() {
    if (!this.isOpen) this.button.hidden = this.inner.scrollHeight <= this.inner.clientHeight + 1;
  }
}
