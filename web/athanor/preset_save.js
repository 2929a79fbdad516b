// The form that saves what the nodes hold now as a preset of the user's own.

import { make } from "./dom.js";
import { post } from "./http.js";
import { t } from "./words.js";

export class SaveForm {
  /**
   * `values`: what the nodes hold, group -> field -> value. `titles`: group -> title of its node. `families`,
   * `purposes`: what can be chosen, as [value, label]; `family`: what is chosen first. `taken(name)`: whether there is
   * such a preset. `saved(preset)` is called with what the server has kept, `cancelled()` without it.
   */
  constructor({ values, titles, families, purposes, family, taken, saved, cancelled }) {
    this.values = values;
    this.taken = taken;
    this.saved = saved;
    this.replace = false;
    this.name = make("input", { type: "text", required: true, maxlength: 80, oninput: () => this.renamed() });
    this.about = make("textarea", { rows: 3, maxlength: 2000 });
    this.family = select([["", t("all models")], ...families], family);
    this.purpose = select(purposes, "any");
    this.boxes = Object.keys(values).map((group) => make("input", { type: "checkbox", value: group, checked: true }));
    this.status = make("p", { class: "where", role: "status" });
    this.button = make("button", { type: "submit", class: "write" }, t("Save"));
    const nodes = this.boxes.map((box) => make("label", {}, box, titles[box.value]));
    this.element = make(
      "form",
      { class: "save", "aria-label": t("Save as preset") },
      make("h3", {}, t("Save as preset")),
      field(t("Name"), this.name),
      field(t("For"), this.family),
      field(t("Purpose"), this.purpose),
      field(t("Note"), this.about),
      make("fieldset", {}, make("legend", {}, t("Settings of these nodes")), nodes),
      this.status,
      make(
        "div",
        { class: "athanor-buttons" },
        this.button,
        make("button", { type: "button", onclick: cancelled }, t("Cancel")),
      ),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  renamed() {
    this.replace = false;
    this.button.textContent = t("Save");
    this.say("");
  }

  say(text) {
    this.status.textContent = text;
    this.status.dataset.kind = text ? "bad" : "";
  }

  /** Ask before another preset is replaced: the next click does it. */
  askToReplace(text) {
    this.replace = true;
    this.button.textContent = t("Replace");
    this.say(text);
  }

  async save() {
    const name = this.name.value.trim();
    if (!this.replace && this.taken(name)) {
      return this.askToReplace(t("There is a preset of this name: replace it, or choose another name."));
    }
    const groups = this.boxes.filter((box) => box.checked).map((box) => box.value);
    const body = {
      name,
      families: this.family.value ? [this.family.value] : [],
      purposes: [this.purpose.value],
      about: this.about.value,
      settings: Object.fromEntries(groups.map((group) => [group, this.values[group]])),
      replace: this.replace,
    };
    this.button.disabled = true;
    try {
      this.saved(await post("/presets", body));
    } catch (error) {
      if (error.status === 409) this.askToReplace(error.message);
      else this.say(error.message);
    } finally {
      this.button.disabled = false;
    }
  }
}

function field(label, input) {
  return make("label", { class: "field" }, make("span", {}, label), input);
}

/** A list of [value, label] to choose from. */
export function select(options, chosen, more = {}) {
  return make(
    "select",
    more,
    options.map(([value, label]) => make("option", { value, selected: value === chosen }, label)),
  );
}
