// Where a viewer keeps its view: behind the # of the page's address, with steps for the buttons Back and Forward.

/** The part of the address behind #. A viewer needs `read()`, `write(text, isStep)` and `listen(moved)`. */
export const hashOfPage = {
  /** The text that the address holds now. */
  read: () => location.hash.slice(1),
  /** Keep a text; `isStep`: Back returns to the one before. */
  write(text, isStep) {
    const address = text ? `#${text}` : location.href.split("#")[0];
    history[isStep ? "pushState" : "replaceState"](history.state, "", address);
  },
  /** Call `moved` when the user has gone back or forward; returns a function that ends that. */
  listen(moved) {
    window.addEventListener("popstate", moved);
    return () => window.removeEventListener("popstate", moved);
  },
};

const CALM = 300; // ms without a change before the address is rewritten: browsers allow about 100 changes in 30 s

/** Writes a viewer's view into its address: steps at once, and what changes all the time when it has come to rest. */
export class AddressBar {
  /** `bar`: as `hashOfPage`, or null for none. `text()`: the view as text. */
  constructor(bar, text) {
    this.bar = bar;
    this.text = text;
    this.written = bar?.read() ?? "";
    this.timer = null;
  }

  /** The view has changed; `isStep`: the user may want to go back to what was before. */
  changed(isStep = false) {
    if (!this.bar) return;
    clearTimeout(this.timer);
    if (isStep) this.write(true);
    else this.timer = setTimeout(() => this.write(false), CALM);
  }

  write(isStep) {
    const text = this.text();
    if (text === this.written) return;
    this.bar.write(text, isStep);
    this.written = text;
  }

  /** The view is now that of the address. */
  moved() {
    clearTimeout(this.timer);
    this.written = this.bar.read();
    return this.written;
  }

  close() {
    clearTimeout(this.timer);
  }
}
