// The page's own texts in ComfyUI's language.

import { language } from "./sentences.js";
import { TABLE as zh } from "./words_zh.js";
import { TABLE as taiwan } from "./words_zh_tw.js";

const TABLES = { zh, "zh-TW": taiwan };

/**
 * Return `text`, which is English, in the page's language, with {name} replaced by `values.name`. A language or a text
 * without a translation stays English. Call it when something is drawn: earlier the page's language is not known.
 * `python dev.py texts` finds texts in the code, so the first value must hold them as plain strings.
 */
export function t(text, values = {}) {
  const translated = TABLES[language()]?.[text] ?? text;
  return translated.replace(/\{(\w+)\}/g, (placeholder, name) => values[name] ?? placeholder);
}
