// The notes of our templates in the page's language, line by line, as long as they say what they said at first.

import { app } from "../../../scripts/app.js";
import { language } from "./sentences.js";

const KINDS = ["MarkdownNote", "Note"];
const ADDRESS = new URL("./notes.json", import.meta.url); // English line -> its translations by language
let lines = {};

/** A note in a language; null if a line of it is not one of ours, as after a change. */
function translatedNote(text, catalogue, name) {
  const all = text.split("\n").map((line) => (line.trim() ? catalogue[line]?.[name] : line));
  return all.includes(undefined) ? null : all.join("\n");
}

app.registerExtension({
  name: "Athanor.Notes",
  async setup() {
    if (language() === "en") return;
    const response = await fetch(ADDRESS).catch(() => null);
    if (response?.ok) lines = await response.json();
  },
  loadedGraphNode(node) {
    const widget = KINDS.includes(node.type) && node.widgets?.[0];
    const text = widget && translatedNote(String(widget.value), lines, language());
    if (text) widget.value = text;
  },
});
