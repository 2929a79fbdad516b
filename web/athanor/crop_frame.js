// A picture with the part darkened that its bucket crops away.

import { make } from "./dom.js";

/**
 * Return an element for a picture that fits into a square of `side` pixels. The caller sets the address of its <img>.
 * `crop`: darken what is cropped, by the first of the picture's places.
 */
export function cropFrame(picture, side, crop = true) {
  const [width, height] = picture.size;
  const scale = Math.min(side / width, side / height);
  const size = `width:${Math.max(1, width * scale)}px;height:${Math.max(1, height * scale)}px`;
  const image = make("img", { alt: "", draggable: "false" });
  const place = picture.places[0];
  return make("div", { class: "frame", style: size }, image, crop && place && cropBox(place));
}

/** The box that is kept of a picture, in percent of its scaled size. */
function cropBox({ resized: [width, height], crop: [left, top], bucket }) {
  const percent = (value, of) => `${(100 * value) / of}%`;
  const style = [
    `left:${percent(left, width)}`,
    `top:${percent(top, height)}`,
    `width:${percent(bucket[0], width)}`,
    `height:${percent(bucket[1], height)}`,
  ];
  return make("div", { class: "crop", style: style.join(";") });
}
