// The server's sentences in the page's language. They stay English in the log, in files and on the command line.
//
// sentences.json holds them as the code writes them, with {1}, {2}, ... for what is filled in, and their translations.
// It is JSON, as ComfyUI loads every .js file of a pack into every page.

import { app } from "../../../scripts/app.js";

const ADDRESS = new URL("./sentences.json", import.meta.url);
const PARTS = 6; // sentences, and parts of them, that one template may be
const DEEP = 3; // texts in texts
const [LONGEST, LIST] = [4000, 400]; // letters of a line that is looked at, and of a list in it
const SHORT = 12; // letters of a template below which what is filled in is PLAIN, or translated
const PLAIN = /^(?:\S*|[^a-z]*|(?:\d[\d.,]* ?[a-z]{1,3} ?)+)(?<![.:;])$/i; // a number, with units or not, or a word
const STOPS = { ".": "。", ";": "；", ":": "：" };
const LINKS = ["; or", "and", ","]; // of lists
const FULL_WIDTH = /[\u3000-\u303f\uff00-\uffef]$/;
const SPACES = / +(?=[「（，。；：])|(?<=[」），。；：]) +/g; // a full-width sign has its own
const tables = new Map(); // language -> its templates; null while they are read
const known = new Map(); // text -> its translation, of the language `knownOf`
let knownOf = "";

/** The language that is chosen in ComfyUI's settings: "en", "zh", ... */
export const language = () => app.extensionManager?.setting?.get("Comfy.Locale") ?? "en";

/** A template as pieces of plain text, between which something is filled in. */
function compiled(english, translation) {
  const pieces = english.split(/\{\w+\}/);
  const names = [...english.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
  const signs = pieces.map((piece) => piece.toLowerCase());
  return { pieces, signs, names, translation, weight: pieces.join("").length };
}

/** The templates of a language, those that say most first: where two fit alike, the first one counts. */
export function templatesOf(catalogue, name) {
  const rows = Object.entries(catalogue).filter(([, translations]) => translations[name]);
  return rows.map(([english, all]) => compiled(english, all[name])).sort((a, b) => b.weight - a.weight);
}

/**
 * What is filled in where a text has the form of a template; null if it has not. Each piece is looked for behind the
 * one before, so that no text, however it is quoted, takes long.
 */
function filled({ pieces, weight }, text) {
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (pieces.length === 1) return text === first ? [] : null;
  if (text.length < weight || !text.startsWith(first) || !text.endsWith(last)) return null;
  const [values, end] = [[], text.length - last.length];
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return null;
    values.push(text.slice(at, found));
    at = found + piece.length;
  }
  values.push(text.slice(at, end));
  return values;
}

/** Whether what would be filled in makes sense. Short templates would fit names of files as well. */
function isLikely({ weight }, values, inner) {
  return (
    weight >= SHORT || values.every((value, index) => PLAIN.test(value) || (inner[index].weight && !/\. /.test(value)))
  );
}

/** A text that has the form of one template, as {said, weight}; null if there is none. `weight`: letters translated. */
function whole(templates, text, deep) {
  for (const template of templates) {
    const values = filled(template, text);
    if (!values) continue;
    const inner = values.map((value) => (deep ? translated(templates, value, deep - 1) : { said: value, weight: 0 }));
    if (!isLikely(template, values, inner)) continue;
    const said = template.translation.replace(/\{(\w+)\}/g, (_, name) => inner[template.names.indexOf(name)].said);
    return { said, weight: inner.reduce((sum, one) => sum + one.weight, template.weight) };
  }
  return null;
}

/** The same of a text that may begin with a capital letter, or have a stop behind it, where the template has none. */
function part(templates, text, deep) {
  const stop = STOPS[text.at(-1)] ?? "";
  const forms = [
    [text, ""],
    [text[0].toLowerCase() + text.slice(1), ""],
    [stop && text.slice(0, -1), stop],
  ];
  const list = deep ? listed(templates, text, deep) : { weight: 0 };
  for (const [form, behind] of forms) {
    const found = form && whole(templates, form, deep);
    if (found && found.weight > list.weight) return { ...found, said: found.said + behind };
  }
  return list.weight ? list : null;
}

/** A list of texts that is no sentence, if any of them has a translation. */
function listed(templates, text, deep) {
  for (const link of text.length < LIST ? LINKS : []) {
    const texts = text.split(/^\w/.test(link) ? ` ${link} ` : `${link} `);
    const between = texts.length > 1 && whole(templates, link, 0)?.said;
    const all = between ? texts.map((one) => translated(templates, one, deep - 1)) : [];
    const weight = all.reduce((sum, one) => sum + one.weight, 0);
    if (weight) return { said: all.map((one) => one.said).join(between), weight };
  }
  return { said: text, weight: 0 };
}

function joined(texts) {
  return texts.reduce((all, text) => (!all || FULL_WIDTH.test(all) ? all + text : `${all} ${text}`), "");
}

/** A line, which may be several sentences: of all ways to divide it, the one that leaves least in English. */
function translated(templates, text, deep = DEEP) {
  if (!/[a-z]{2}/i.test(text) || text.length > LONGEST) return { said: text, weight: 0 };
  const ends = [...text.matchAll(/[.:;?!)] +(?=\S)/g)].map((found) => found.index + found[0].length);
  const cuts = [0, ...ends, text.length];
  const best = [{ weight: 0, texts: [] }]; // of the first so many parts
  for (let to = 1; to < cuts.length; to += 1) {
    const ways = [];
    for (let from = Math.max(0, to - PARTS); from < to; from += 1) {
      const one = text.slice(cuts[from], cuts[to]).trim();
      const found = one && part(templates, one, deep);
      if (!found && from < to - 1) continue;
      const before = best[from];
      ways.push({ weight: before.weight + (found?.weight ?? 0), texts: [...before.texts, found?.said ?? one] });
    }
    best.push(ways.reduce((most, way) => (way.weight > most.weight ? way : most)));
  }
  const { weight, texts } = best.at(-1);
  return { said: weight ? joined(texts) : text, weight };
}

/** The templates that a line, or a part of it, can have the form of: a few of more than a thousand. */
function near(templates, line) {
  const sought = line.toLowerCase();
  return templates.filter(({ signs }) => signs.every((sign) => sought.includes(sign)));
}

/** A text of the server, translated by these templates; what none fits stays English. */
export function tellBy(templates, text) {
  return text
    .split("\n")
    .map((line) => {
      const { said, weight } = translated(near(templates, line), line);
      return weight ? said.replace(SPACES, "") : line;
    })
    .join("\n");
}

/** Read what a language needs, once. English needs nothing. */
async function load(name) {
  if (tables.has(name) || name === "en") return;
  tables.set(name, null);
  const response = await fetch(ADDRESS);
  tables.set(name, templatesOf(response.ok ? await response.json() : {}, name));
}

/** Return a sentence of the server in the page's language; what has no translation, and a name, stays as it is. */
export function told(text) {
  const name = language();
  const templates = tables.get(name);
  if (templates === undefined) load(name).catch(() => {}); // the language was changed while the page is open
  if (!templates?.length || !text) return text;
  if (knownOf !== name) known.clear();
  knownOf = name;
  if (!known.has(text)) known.set(text, tellBy(templates, text));
  return known.get(text);
}

app.registerExtension({
  name: "Athanor.Sentences",
  async setup() {
    await load(language()).catch(() => {});
  },
});
