// The viewer's texts. A page opened as a file has them in English; ComfyUI's page says them in its own language.

const page = { t: null, told: (sentence) => sentence };

/** Speak as a page does: `t(text, values)` gives a text of the code in its language, `told(sentence)` the server's. */
export function speakAs({ t, told }) {
  Object.assign(page, { t, told });
}

/** Return `text`, which is English, as the page says it, with {name} replaced by `values.name`. */
export function t(text, values = {}) {
  return page.t?.(text, values) ?? text.replace(/\{(\w+)\}/g, (placeholder, name) => values[name] ?? placeholder);
}

/** Return a sentence of the server as the page says it. */
export function told(sentence) {
  return page.told(sentence);
}
