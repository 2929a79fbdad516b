// The list of what files would tell: by file, and by kind (paths, prompts, tags ...).

import { make } from "./dom.js";
import { t } from "./words.js";

const FEW = 8; // entries of a kind that are shown at once

/** What the server's kinds are called. */
const kindWords = () => ({
  paths: t("Paths"),
  notes: t("Notes"),
  graph: t("Graph"),
  prompts: t("Prompts"),
  captions: t("Captions and their tags"),
  folders: t("Folders"),
  models: t("Model names"),
  dates: t("Dates"),
  author: t("Title, author and what else was written for others"),
  picture: t("Written in the picture"),
});

export class DisclosureList {
  constructor() {
    this.element = make("div", { class: "tells" });
    this.toggled = new Map(); // what the user has opened or closed: file and kind -> whether it is open
  }

  /** Show rows [{file, kind, text}]. */
  show(rows) {
    const files = [...new Set(rows.map(({ file }) => file))];
    const parts = files.map((file) =>
      this.fileElement(
        file,
        rows.filter((row) => row.file === file),
      ),
    );
    const nothing = make("p", { class: "athanor-empty" }, t("Nothing but the numbers of the LoRA."));
    this.element.replaceChildren(...(parts.length ? parts : [nothing]));
  }

  fileElement(file, rows) {
    const kinds = [...new Set(rows.map(({ kind }) => kind))];
    const groups = kinds.map((kind) =>
      this.group(
        file,
        kind,
        rows.filter((row) => row.kind === kind),
      ),
    );
    return make("div", { class: "file" }, make("h4", {}, file), groups);
  }

  group(file, kind, rows) {
    const key = `${file}\n${kind}`;
    const isOpen = this.toggled.get(key) ?? rows.length <= FEW;
    const count = rows.length > 1 ? ` (${rows.length})` : "";
    const items = rows.map(({ text }) => make("li", {}, text));
    const group = make(
      "details",
      { open: isOpen },
      make("summary", {}, (kindWords()[kind] ?? kind) + count),
      make("ul", {}, items),
    );
    group.addEventListener("toggle", () => {
      if (group.isConnected && group.open !== isOpen) this.toggled.set(key, group.open);
    });
    return group;
  }
}
