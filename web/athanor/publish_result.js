// What was published: where it lies, its files to download, and the description to copy.

import { make } from "./dom.js";
import { formatBytes } from "./format.js";
import { addressOf } from "./http.js";
import { t } from "./words.js";

export class PublishedView {
  /** `written`: the server's answer {name, folder, files, readme}; `say(text)` shows what came of a click. */
  constructor(written, say) {
    this.written = written;
    this.say = say;
    const { files, folder } = written;
    this.element = make(
      "section",
      { class: "written", tabindex: -1, "aria-label": t("Published") },
      make("h3", {}, t("Published")),
      make("p", {}, t("Written to {folder}", { folder })),
      make("ul", { class: "files" }, files.map(fileItem)),
      make(
        "div",
        { class: "athanor-buttons" },
        make("button", { type: "button", onclick: () => this.copy() }, t("Copy the description")),
      ),
      make("pre", { class: "readme", tabindex: 0 }, written.readme),
    );
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.written.readme);
      this.say(t("Copied: {file}", { file: "README.md" }));
    } catch {
      const selection = getSelection(); // without a secure connection there is no clipboard
      selection.selectAllChildren(this.element.querySelector(".readme"));
      this.say(t("The description is selected: copy it with the keyboard."));
    }
  }
}

function fileItem({ filename, address, bytes }) {
  const link = make("a", { href: addressOf(address.replace("/athanor", "")), download: filename }, filename);
  return make("li", {}, link, make("span", { class: "size" }, formatBytes(bytes)));
}
