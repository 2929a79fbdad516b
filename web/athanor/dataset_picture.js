// One picture of a dataset in detail, beside the list, and enlarged over it.

import { cropFrame } from "./crop_frame.js";
import { SIGNS } from "./dataset_findings.js";
import { controlStrip, pairMark, pairView } from "./dataset_pairs.js";
import { make } from "./dom.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const SIDE = 300;
const SIDE_OF_PAIR = 200; // with the control pictures it takes as much of the column as a picture alone
const SIDE_OF_CONTROL = 92; // three in a row
const SMALL = 256; // sides of thumbnails that the server makes
const LARGE = 1280;
const QUIET = 200; // ms on a picture before it is read in the large size

/** How a picture is scaled and cropped for one of its buckets. */
function placeText({ bucket, resized, crop }, width) {
  const area = resized[0] * resized[1];
  const lost = Math.round((100 * (area - bucket[0] * bucket[1])) / area);
  const scaled = t("bucket {bucket}: scaled to {resized} ({percent} %), ", {
    bucket: bucket.join("x"),
    resized: resized.join("x"),
    percent: ((100 * resized[0]) / width).toFixed(0),
  });
  if (!lost) return scaled + t("nothing cropped");
  return scaled + t("{lost} % cropped, starting at {crop}", { lost, crop: crop.join(", ") });
}

/** What the list shows of a picture; `hasBuckets`: it was sorted into them. */
export function summary(picture, hasBuckets, findings) {
  const [place, ...more] = picture.places;
  let line = hasBuckets ? t("no bucket") : picture.size.join("x");
  if (place) line = place.bucket.join("x") + (more.length ? ` +${more.length}` : "");
  if (picture.repeats !== 1) line += ` · ${picture.repeats}×`;
  if (picture.is_reg) line += t(" · reg");
  line += pairMark(picture);
  const level = findings[0]?.level;
  const title = findings.map((finding) => finding.kind).join(", ");
  const marks = level ? { sign: `${SIGNS[level]} ${findings.length}`, level, title } : null;
  const trained = picture.only_first_line ? picture.caption.trim().split(/\r\n|\r|\n/, 1)[0] : picture.caption;
  return { caption: trained || t("(no caption)"), line, marks };
}

/**
 * `url(picture, side, control)` is a thumbnail of it, or of one of its control pictures by number;
 * `findingsOf(picture)` its findings, `close()` leaves the enlarged picture;
 * `captions`: the field that edits a caption, where one can be.
 */
export class PictureDetail {
  constructor({ url, findingsOf, close, captions }) {
    Object.assign(this, { url, findingsOf, captions });
    this.crop = true; // darken what is cropped
    this.above = make("div");
    this.below = make("div");
    const { field } = captions; // it stays in its place when another picture is shown, and keeps the cursor
    this.element = make("aside", { class: "one", "aria-label": t("Picture") }, this.above, field.element, this.below);
    this.stage = make("div", { class: "stage", hidden: true, onclick: close });
  }

  /** Show a picture; null: show `text` in its place. */
  show(picture, text) {
    const { canEdit, field } = this.captions;
    field.element.hidden = !picture || !canEdit;
    if (canEdit) field.show(picture);
    if (!picture) {
      this.above.replaceChildren(make("p", { class: "athanor-empty" }, text));
      this.below.replaceChildren();
      return;
    }
    const [width, height] = picture.size;
    const side = picture.controls.length ? SIDE_OF_PAIR : SIDE;
    const facts = [`${width}x${height} · ${t("{count}× per epoch", { count: picture.repeats })}`];
    if (picture.is_reg) facts.push(t(" · regularization"));
    if (picture.masked) facts.push(t(" · masked"));
    const findings = this.findingsOf(picture).map(({ level, kind, text: sentence }) =>
      make("li", { "data-level": level }, make("b", {}, `${SIGNS[level]} ${told(kind)}: `), told(sentence)),
    );
    this.above.replaceChildren(
      make("div", { class: "box", style: `height:${side}px` }, this.preview(picture, side)),
      controlStrip(picture, this.url, SIDE_OF_CONTROL),
      make("h3", {}, picture.name),
      make("p", {}, facts.join("")),
      ...picture.places.map((place) => make("p", {}, placeText(place, width))),
      canEdit ? "" : make("p", { class: "caption" }, picture.caption || t("(no caption)")),
    );
    this.below.replaceChildren(
      picture.only_first_line ? make("p", {}, t("Only the first line is trained: enable_wildcard is off.")) : "",
      findings.length ? make("ul", { class: "findings" }, findings) : "",
    );
    if (!this.stage.hidden) this.enlarge(picture);
  }

  /** The small thumbnail at once, the large one when the cursor rests. */
  preview(picture, side) {
    const frame = cropFrame(picture, side, this.crop);
    const image = frame.querySelector("img");
    image.src = this.url(picture, SMALL);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      image.src = this.url(picture, LARGE);
    }, QUIET);
    return frame;
  }

  get isLarge() {
    return !this.stage.hidden;
  }

  /** Show a picture as large as the dialog allows; null: hide it. */
  enlarge(picture) {
    this.stage.hidden = !picture;
    if (!picture) return;
    const { clientWidth, clientHeight } = this.stage;
    const view = pairView(picture, this.url, clientWidth - 20, clientHeight - 50, (wide, high) => {
      const [width, height] = picture.size;
      const frame = cropFrame(picture, Math.max(width, height) * Math.min(wide / width, high / height), this.crop);
      const image = frame.querySelector("img");
      image.src = this.url(picture, LARGE);
      image.alt = picture.caption;
      return frame;
    });
    this.stage.replaceChildren(view, make("p", {}, `${picture.name}: ${picture.caption || t("(no caption)")}`));
  }
}
