// Edit pairs on the dataset page: what a picture is made from, beside it.

import { make } from "./dom.js";
import { t } from "./words.js";

const ARROW = 44; // pixels between the control pictures and their picture in the enlarged view

/** The mark of a picture in the list: nothing, or how many control pictures it has. */
export function pairMark({ controls }) {
  if (!controls.length) return "";
  return controls.length === 1 ? t(" · pair") : t(" · {count} controls", { count: controls.length });
}

/** One control picture, which fits into `width` x `height` pixels; the caller sets its address. */
function controlFrame({ name, size: [wide, high] }, width, height) {
  const scale = Math.min(width / wide, height / high);
  const style = `width:${Math.max(1, wide * scale)}px;height:${Math.max(1, high * scale)}px`;
  const image = make("img", { alt: t("Control picture {name}", { name }), draggable: "false" });
  return make("div", { class: "frame", style, title: `${name} · ${wide}x${high}` }, image);
}

/** The control pictures of a picture for the column beside the list, each `fit` pixels wide, with names; or "". */
export function controlStrip(picture, url, fit) {
  const { controls } = picture;
  if (!controls.length) return "";
  const shown = controls.map((control, number) => {
    const frame = controlFrame(control, fit, fit);
    frame.firstChild.src = url(picture, 256, number);
    const words = `${control.name} · ${control.size.join("x")}`;
    return make("figure", { style: `width:${fit}px` }, frame, make("figcaption", {}, words));
  });
  const title = controls.length === 1 ? t("Made from its control picture") : t("Made from its control pictures");
  return make("div", { class: "controls" }, make("p", {}, title), make("div", { class: "row" }, shown));
}

/**
 * The enlarged view of a picture with its control pictures on its left.
 * `frameOf(width, height)` makes the picture's own element, which fits into that many pixels.
 */
export function pairView(picture, url, width, height, frameOf) {
  const { controls } = picture;
  if (!controls.length) return frameOf(width, height);
  const left = controls.length === 1 ? (width - ARROW) / 2 : (width - ARROW) / 3; // several are stacked
  const high = height / controls.length - 6;
  const frames = controls.map((control, number) => {
    const frame = controlFrame(control, left, controls.length === 1 ? height : high);
    frame.firstChild.src = url(picture, 1280, number);
    return frame;
  });
  const arrow = make("span", { class: "arrow", "aria-hidden": "true", style: `width:${ARROW}px` }, "→");
  const own = frameOf(width - ARROW - left, height);
  return make("div", { class: "pair" }, make("div", { class: "from" }, frames), arrow, own);
}
