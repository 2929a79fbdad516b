// On an empty canvas: that a recipe can be brought in, and the button for it.

import { app } from "../../../scripts/app.js";
import { make, style } from "./dom.js";
import { t } from "./words.js";

style("./athanor.css");
style("./import.css");

const PANEL = ".graph-canvas-panel"; // where the page leaves the canvas free

export class EmptyHint {
  /** `open()` opens the dialog. */
  constructor(open) {
    const button = make("button", { type: "button", onclick: open }, t("Import recipe…"));
    const text = t("A training recipe of another program? Drop its file or paste its text here.");
    this.element = make("div", { class: "athanor athanor-empty-canvas" }, make("p", {}, text), button);
  }

  /** Show or hide it once what has changed the graph is done. */
  drawSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw());
  }

  draw() {
    const { graph } = app.canvas ?? {};
    const isEmpty = Boolean(graph) && graph === app.rootGraph && !graph.nodes.length;
    if (!isEmpty) return this.element.remove();
    const panel = document.querySelector(PANEL);
    if (panel && this.element.parentElement !== panel) panel.append(this.element);
  }
}
