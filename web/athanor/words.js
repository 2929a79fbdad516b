// The page's own words in ComfyUI's language. English text is the key; a language or a text without a translation stays English.

import { app } from "../../../scripts/app.js";
import { TABLE as zh } from "./words_zh.js";
import { TABLE as taiwan } from "./words_zh_tw.js";

const TABLES = { zh, "zh-TW": taiwan };

/** `text` in the page's language, with {name} replaced by `values.name`. For use when something is drawn: earlier the language is not known. */
export function t(text, values = {}) {
  const found = TABLES[app.extensionManager?.setting?.get("Comfy.Locale")]?.[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
