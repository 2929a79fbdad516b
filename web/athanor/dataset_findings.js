// What the Dataset Doctor finds: a list, a filter by finding, and the button that lets it look.

import { make } from "./dom.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

/** A sign for each level of a finding. */
export const SIGNS = { error: "✗", warning: "!", hint: "·" };
const POLL = 500; // ms between two questions how far the doctor is

function levelName(level) {
  return { error: t("error"), warning: t("warning"), hint: t("hint") }[level] ?? level;
}

/**
 * `examine(again)` starts the doctor or asks how far it is: {done, total}, {findings} or {error}. `changed()` is called
 * when
 * other pictures are to be shown, `say(text)` shows an error, `isOpen()` tells whether the page still is.
 */
export class Findings {
  constructor({ examine, changed, say, isOpen, counted }) {
    Object.assign(this, { examine, changed, say, isOpen, counted });
    this.canChange = false; // captions can be edited here, so that looking again may find something else
    this.all = null; // [{level, kind, text, pictures}] once the doctor has looked
    this.button = make(
      "button",
      {
        type: "button",
        title: t("Let the Dataset Doctor look for duplicates, blurred pictures and bad captions"),
        onclick: () => this.look(),
      },
      t("Look for problems"),
    );
    this.filter = make("select", { "aria-label": t("Finding"), onchange: () => this.changed() });
    this.list = make("ul", { class: "findings" });
  }

  /** The findings that a picture has. */
  of(picture) {
    return picture.findings.map((index) => this.all?.[index]).filter(Boolean);
  }

  /** Let the doctor look, and show how far it is. */
  async look() {
    this.button.disabled = true;
    try {
      let answer = await this.examine(Boolean(this.all));
      while (!answer.findings && !answer.error && this.isOpen()) {
        this.button.textContent = t("Checking: {done} of {total}", answer);
        await new Promise((resolve) => setTimeout(resolve, POLL));
        answer = await this.examine();
      }
      if (!this.isOpen()) return;
      if (answer.error) throw new Error(told(answer.error));
      this.show(answer.findings, []);
      await this.changed(true); // pictures now tell their findings
    } catch (error) {
      this.say(error.message);
    }
    this.button.disabled = false;
    this.button.textContent = this.all ? t("Look again") : t("Look for problems");
  }

  /** Show findings; null: the doctor has not looked yet, and only the `warnings` of loading are shown. */
  show(findings, warnings) {
    this.all = findings;
    this.button.hidden = Boolean(findings) && !this.canChange;
    this.button.textContent = findings ? t("Look again") : t("Look for problems");
    this.filter.hidden = !findings?.some((finding) => finding.pictures);
    const options = (findings ?? []).map(
      ({ level, kind, pictures }, value) =>
        pictures && make("option", { value }, `${levelName(level)}: ${told(kind)} (${pictures})`),
    );
    this.filter.replaceChildren(make("option", { value: "" }, t("all findings")), ...options.filter(Boolean));
    const loading = warnings.map((text) => ({ level: "warning", text, pictures: 0 }));
    const rows = (findings ?? loading).map((finding, index) => this.row(finding, index));
    if (findings && !rows.length) rows.push(make("li", {}, t("✓ No problems found.")));
    this.list.replaceChildren(...rows);
  }

  /** Captions were changed: what was found stands there until the doctor looks again, and is said to be older. */
  outdate() {
    if (!this.all || this.list.querySelector(".older")) return;
    this.list.prepend(make("li", { class: "older" }, t("Captions have changed since: look again.")));
  }

  row({ level, kind, text, pictures }, index) {
    const onclick = () => {
      this.filter.value = String(index);
      this.changed();
    };
    const label = () => t("Show {pictures}: {kind}", { pictures: this.counted(pictures), kind: told(kind) });
    const button =
      pictures > 0 &&
      make("button", { type: "button", "aria-label": label(), onclick }, t("Show {count}", { count: pictures }));
    const sign = make("b", {}, `${SIGNS[level]} ${levelName(level)}: `);
    return make("li", { "data-level": level }, sign, told(text), button);
  }
}
