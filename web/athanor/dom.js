// Elements and style sheets.

import { make } from "../viewer/make.js";

export { make };

/** Load a style sheet beside this module, once. */
export function style(path) {
  const href = new URL(path, import.meta.url).href;
  const isLoaded = [...document.styleSheets].some((sheet) => sheet.href === href);
  if (isLoaded || document.querySelector(`link[href="${href}"]`)) return;
  document.head.append(make("link", { rel: "stylesheet", href }));
}
