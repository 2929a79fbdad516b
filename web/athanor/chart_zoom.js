// Which part of the x axis a chart shows, and how pointer, wheel and keys choose it.

import { make } from "./dom.js";

const CLICK = 4; // pixels: a shorter drag is a click
const ZOOM = 0.7; // of the part in view: what a turn of the wheel or a key leaves of it
const STEP = 0.2; // of the part in view: how far an arrow key moves it

/** A part [low, high] of an extent, moved inside of it, of `least` width at least; null: the whole. */
export function inside([low, high], [first, last], least) {
  const width = Math.min(Math.max(high - low, least), last - first);
  if (!(width < (last - first) * 0.999)) return null;
  const start = Math.min(Math.max((low + high - width) / 2, first), last - width);
  return [start, start + width];
}

/** A part that is `factor` as wide, around the place at `fraction` of it. */
export function zoomed([low, high], factor, fraction = 0.5) {
  const place = low + (high - low) * fraction;
  return [place - (place - low) * factor, place + (high - place) * factor];
}

/** A part moved by a share of its width. */
export function moved([low, high], share) {
  const by = (high - low) * share;
  return [low + by, high + by];
}

const zooms = new WeakMap(); // element of a chart -> its Zoom

// Vue nodes hand what the middle button does to the canvas before an element in them hears of it.
for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
  window.addEventListener(kind, (event) => zooms.get(event.target.closest?.(".athanor-chart"))?.middle(event), true);
}

/**
 * Lets a chart be zoomed. `chart`: {element, plot, part: [low, high] in view, view: the same or null, setView}. Neither
 * the canvas below nor the keys of the host take part.
 */
export class Zoom {
  constructor(chart) {
    const { element } = chart;
    this.chart = chart;
    this.drag = null; // {button, isPan, start: share of the width, x: of the page, part, band: shows what is chosen}
    zooms.set(element, this);
    element.tabIndex = 0;
    element.dataset.captureWheel = "true"; // where it has the focus, the host's canvas leaves it the wheel
    element.addEventListener("pointerdown", (event) => this.begin(event));
    element.addEventListener("mousedown", (event) => event.stopPropagation());
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) element.addEventListener(kind, (event) => this.end(event));
    element.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    element.addEventListener("keydown", (event) => this.press(event));
    element.addEventListener("dblclick", (event) => {
      event.stopPropagation();
      chart.setView(null);
    });
  }

  /** Where the pointer is, as a share of the plot's width; the box is as a zoomed canvas shows it. */
  share({ clientX }) {
    const box = this.chart.plot.over.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - box.left) / box.width));
  }

  /** The middle button moves what is in view; where that is the whole, it is left to the host. */
  middle(event) {
    if (this.drag?.button === 1) {
      if (event.type === "pointermove") this.move(event);
      else this.end(event);
    } else if (event.type === "pointerdown" && event.button === 1 && this.chart.view) this.begin(event);
  }

  begin(event) {
    const { chart } = this;
    event.stopPropagation();
    if (!chart.plot?.over.contains(event.target) || event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // which would scroll
    chart.element.focus({ preventScroll: true });
    chart.element.setPointerCapture(event.pointerId);
    const isPan = event.button === 1 || event.shiftKey;
    const { button, clientX: x } = event;
    this.drag = { button, isPan, start: this.share(event), x, part: chart.part, band: null };
  }

  move(event) {
    const { chart, drag } = this;
    if (!drag || !chart.plot) return;
    event.stopPropagation();
    if (drag.isPan) {
      if (chart.view) chart.setView(moved(drag.part, drag.start - this.share(event)));
      return;
    }
    drag.band?.remove();
    if (Math.abs(event.clientX - drag.x) < CLICK) return;
    const [left, right] = this.chosen(event);
    drag.band = make("div", { class: "athanor-band", style: `left:${left * 100}%;width:${(right - left) * 100}%` });
    chart.plot.over.append(drag.band);
  }

  /** Both ends of what is dragged over, as shares of the width. */
  chosen(event) {
    return [this.drag.start, this.share(event)].sort((one, other) => one - other);
  }

  end(event) {
    const { chart, drag } = this;
    if (!drag) return;
    event.stopPropagation();
    drag.band?.remove();
    const isChoice = event.type === "pointerup" && !drag.isPan && Math.abs(event.clientX - drag.x) >= CLICK;
    const [low, high] = drag.part;
    if (isChoice && chart.plot) chart.setView(this.chosen(event).map((share) => low + share * (high - low)));
    this.drag = null;
  }

  /** The wheel zooms a chart that was clicked: elsewhere it scrolls the page, or zooms the canvas. */
  turn(event) {
    const { chart } = this;
    const isMeant = event.ctrlKey || chart.element.contains(document.activeElement);
    if (!chart.plot || !isMeant || !event.deltaY || (event.deltaY > 0 && !chart.view)) return;
    event.preventDefault();
    event.stopPropagation();
    chart.setView(zoomed(chart.part, event.deltaY < 0 ? ZOOM : 1 / ZOOM, this.share(event)));
  }

  press(event) {
    const { chart } = this;
    if (!chart.plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const views = {
      "+": () => zoomed(chart.part, ZOOM),
      "=": () => zoomed(chart.part, ZOOM),
      "-": () => chart.view && zoomed(chart.part, 1 / ZOOM),
      ArrowLeft: () => chart.view && moved(chart.part, -STEP),
      ArrowRight: () => chart.view && moved(chart.part, STEP),
      0: () => null,
    };
    if (!views[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    chart.setView(views[event.key]());
  }
}
