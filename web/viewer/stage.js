// One picture as large as the window, or two on top of each other: zoom, pan, wipe, difference.

import { make } from "./make.js";

const MOST_ZOOM = 16;

/** The area of the enlarged picture. It keeps zoom and wipe position from one picture to the next. */
export class Stage {
  constructor() {
    this.wipe = 0.5; // share of the width that shows the pinned picture
    this.fit();
  }

  /** Zoom out to the whole picture. */
  fit() {
    this.scale = 1;
    this.x = this.y = 0;
    if (this.sheet) this.transform();
  }

  /**
   * Return the element for `picture` (an image, or a sentence where there is none) and, on top of it, the pinned image
   * or null. `mode`: "plain", "wipe" or "difference".
   */
  draw(picture, pinned, mode) {
    this.mode = mode;
    this.drag = null;
    this.sheet = make("div", { class: pinned && mode === "wipe" ? "sheet wiping" : "sheet" }, picture, pinned);
    this.sheet.style.setProperty("--wipe", `${this.wipe * 100}%`);
    this.transform();
    const drop = () => {
      this.drag = null;
    };
    this.element = make(
      "div",
      {
        class: "stage",
        onwheel: (event) => this.zoom(event),
        onpointerdown: (event) => {
          this.drag = [event.clientX - this.x, event.clientY - this.y];
        },
        onpointerup: drop,
        onpointerleave: drop,
        onpointermove: (event) => this.move(event),
      },
      this.sheet,
    );
    return this.element;
  }

  transform() {
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  /** Zoom by the wheel. The point under the pointer keeps its place. */
  zoom(event) {
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    const before = this.scale;
    this.scale = Math.min(MOST_ZOOM, Math.max(1, before * (event.deltaY < 0 ? 1.2 : 1 / 1.2)));
    if (this.scale === 1) return this.fit();
    this.x = left - ((left - this.x) * this.scale) / before;
    this.y = top - ((top - this.y) * this.scale) / before;
    this.transform();
  }

  /** Pan a zoomed picture while a button is down; in wipe mode the boundary follows the pointer. */
  move(event) {
    if (this.drag && event.buttons && this.scale > 1) {
      this.x = event.clientX - this.drag[0];
      this.y = event.clientY - this.drag[1];
      this.transform();
    }
    if (this.mode !== "wipe") return;
    const box = this.sheet.getBoundingClientRect();
    this.wipe = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    this.sheet.style.setProperty("--wipe", `${this.wipe * 100}%`);
  }
}
