// One picture as large as the window, or two on top of each other: zoom, pan, wipe, difference.

import { make } from "./make.js";

const MOST_ZOOM = 16;

/** The area of the enlarged picture. It keeps zoom and wipe position from one picture to the next. */
export class Stage {
  /** `changed()` is called after each zoom or move. */
  constructor(changed) {
    this.changed = changed;
    this.wipe = 0.5; // share of the width that shows the pinned picture
    this.fit();
  }

  /** Zoom out to the whole picture. */
  fit() {
    this.zoomed = null;
  }

  /** How far and where it is zoomed: [scale, x, y] with the move as parts of width and height; null: not at all. */
  get zoomed() {
    return this.scale > 1 ? [this.scale, this.x, this.y] : null;
  }

  set zoomed(zoom) {
    [this.scale, this.x, this.y] = zoom ?? [1, 0, 0];
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
          const box = this.element.getBoundingClientRect();
          this.drag = [event.clientX - this.x * box.width, event.clientY - this.y * box.height];
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
    this.sheet.style.transform = `translate(${this.x * 100}%, ${this.y * 100}%) scale(${this.scale})`;
  }

  /** Zoom by the wheel. The point under the pointer keeps its place. */
  zoom(event) {
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
    this.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, ...at);
  }

  /** Zoom by a factor. The point at these parts of width and height from the middle keeps its place. */
  zoomBy(factor, left = 0, top = 0) {
    const scale = Math.min(MOST_ZOOM, Math.max(1, this.scale * factor));
    const after = (at, point) => point - ((point - at) * scale) / this.scale;
    this.zoomed = scale === 1 ? null : [scale, after(this.x, left), after(this.y, top)];
    this.changed();
  }

  /** Move a zoomed picture, or else the boundary of wipe mode, by these parts of width and height. */
  moveBy(x, y) {
    if (this.scale > 1) this.zoomed = [this.scale, this.x - x, this.y - y];
    else this.setWipe(this.wipe + x);
    this.changed();
  }

  setWipe(share) {
    this.wipe = Math.min(1, Math.max(0, share));
    this.sheet.style.setProperty("--wipe", `${this.wipe * 100}%`);
  }

  /** Pan a zoomed picture while a button is down; in wipe mode the boundary follows the pointer. */
  move(event) {
    if (this.drag && event.buttons && this.scale > 1) {
      const box = this.element.getBoundingClientRect();
      this.x = (event.clientX - this.drag[0]) / box.width;
      this.y = (event.clientY - this.drag[1]) / box.height;
      this.transform();
      this.changed();
    }
    if (this.mode !== "wipe") return;
    const box = this.sheet.getBoundingClientRect();
    this.setWipe((event.clientX - box.left) / box.width);
  }
}
