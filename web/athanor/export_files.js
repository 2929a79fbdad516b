// The files of an export: how each is shown, copied and downloaded.

import { make } from "./dom.js";
import { t } from "./words.js";

const KINDS = { html: "text/html", json: "application/json", jpg: "image/jpeg", png: "image/png" };

const kindOf = ({ name }) => KINDS[name.split(".").at(-1)] ?? "text/plain";
const isPage = (file) => kindOf(file) === "text/html";

/** A file, {name, text} or {name, base64}, as a Blob. */
export function fileBlob(file) {
  const data = file.base64 ? Uint8Array.from(atob(file.base64), (sign) => sign.charCodeAt(0)) : file.text;
  return new Blob([data], { type: kindOf(file) });
}

/** The element that shows a file: a picture, a description as it will look, or a text. */
export function fileView(file) {
  if (file.base64) return make("img", { src: `data:${kindOf(file)};base64,${file.base64}`, alt: file.name });
  // A frame without scripts, and with nothing of this page.
  if (isPage(file)) return make("iframe", { sandbox: "", srcdoc: paged(file.text), title: t("The description") });
  return make("pre", { tabindex: 0 }, file.text);
}

const LOOKS = "body { font: 14px/1.5 system-ui, sans-serif; margin: 12px 16px; background: #fff; color: #222; }";
const paged = (text) => `<style>${LOOKS}</style>${text}`;

/** Copy a file's text; a description with its headings and lists, as editors take them. Throws without a clipboard. */
export async function copyFile(file) {
  if (!isPage(file)) return navigator.clipboard.writeText(file.text);
  const plain = new DOMParser().parseFromString(file.text, "text/html").body.textContent.trim();
  const as = (text, type) => new Blob([text], { type });
  const item = { "text/html": as(file.text, "text/html"), "text/plain": as(plain, "text/plain") };
  return navigator.clipboard.write([new ClipboardItem(item)]);
}
