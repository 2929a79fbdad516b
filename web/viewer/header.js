// The line above the table: title, axes, sliders of the axes that have no place, size, filter, buttons, messages.

import { make } from "./make.js";
import { OFF, SORTS, scoreTitle } from "./scores.js";
import { LARGEST, SHOWN, SMALLEST } from "./view.js";
import { t } from "./words.js";

const hint = () => t("click a picture to enlarge it; ctrl + wheel changes the size; ✕ at a value hides it");

/** What a choice of the code is called. */
const called = (choice) =>
  ({
    "all": t("all"),
    "starred": t("starred"),
    "not rejected": t("not rejected"),
    "as planned": t("as planned"),
    "columns": t("columns"),
    "rows": t("rows"),
    "blocks": t("blocks"),
    "pictures": t("pictures"),
  })[choice];

/** The header of a viewer. Whatever is chosen goes to the viewer's methods. */
export class Header {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = make("header");
  }

  draw() {
    const { viewer } = this;
    const { view } = viewer;
    this.status = make("span", { class: "hint", role: "status" });
    this.size = make("input", {
      type: "range",
      name: "size",
      min: SMALLEST,
      max: LARGEST,
      step: 8,
      value: view.size,
      oninput: (event) => viewer.resize(Number(event.target.value)),
    });
    const focused = this.element.contains(document.activeElement) ? document.activeElement.name : "";
    this.element.replaceChildren(
      make("h1", {}, viewer.data.title),
      make(
        "div",
        { class: "controls" },
        this.chooser("x", "X"),
        this.swap(),
        this.chooser("y", "Y"),
        this.chooser("z", t("blocks")),
        this.sliders(),
        make("label", {}, t("size"), this.size),
        make("button", { name: "fit", title: t("As large as the window"), onclick: () => viewer.fit() }, t("fit")),
        make(
          "label",
          {},
          t("show"),
          make(
            "select",
            { name: "show", onchange: (event) => viewer.filter(event.target.value) },
            SHOWN.map((value) => make("option", { value, selected: view.show === value }, called(value))),
          ),
        ),
        this.scores(),
        this.hidden(),
        this.buttons(),
        this.status,
      ),
    );
    this.say(viewer.message);
    if (focused) this.focus(focused);
  }

  /** Give the focus to what has a name: it is drawn anew when something is chosen, and the keyboard stays there. */
  focus(name) {
    this.element.querySelector(`[name="${name}"]`)?.focus({ preventScroll: true });
  }

  /** What stands under the pictures and what is put in order of it; nothing for a comparison without scores. */
  scores() {
    const { viewer } = this;
    const { comparison, view } = viewer;
    const { kinds } = comparison.scores;
    if (!kinds.length) return "";
    const chooser = (name, label, chosen, options, choose) =>
      make(
        "label",
        {},
        label,
        make(
          "select",
          { name, onchange: (event) => choose(event.target.value) },
          options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)),
        ),
      );
    const names = [...kinds.map(({ name, title }) => [name, scoreTitle(title)]), [OFF, t("off")]];
    const sorts = SORTS.filter((sort) => sort !== "blocks" || view.z !== null).map((sort) => [sort, called(sort)]);
    return [
      chooser("score", t("score"), view.score, names, (value) => viewer.chooseScore(value)),
      view.score !== OFF && chooser("sort", t("sort"), view.sort, sorts, (value) => viewer.sort(value)),
      make(
        "button",
        {
          name: "scores",
          title: t("Which one is best: verdict, means by checkpoint, and the trade-off"),
          onclick: () => viewer.showScores(),
        },
        t("verdict and scores"),
      ),
    ];
  }

  /** The button that brings hidden values back; nothing if there are none. */
  hidden() {
    const { hidden } = this.viewer.view;
    if (!hidden.length) return "";
    const names = hidden.map(([axis, value]) => this.viewer.data.axes[axis].names[value]).join(", ");
    const onclick = () => this.viewer.showHidden();
    return make(
      "button",
      { name: "hidden", title: t("Hidden: {names}", { names }), onclick },
      t("show {count} hidden", { count: hidden.length }),
    );
  }

  buttons() {
    const { viewer } = this;
    const button = (name, title, label, onclick) => make("button", { name, title, onclick }, label);
    return [
      button("duel", t("Choose the better of two pictures without seeing their settings"), t("blind duel"), () =>
        viewer.startDuel(),
      ),
      button("picture", t("This view as one PNG"), t("save picture"), () => viewer.savePicture()),
      button("export", t("Stars, rejects and notes as a JSON file"), t("save marks"), () => viewer.saveMarks()),
      button("import", t("Marks from such a file"), t("load marks"), () => viewer.loadMarks()),
    ];
  }

  /** The button that exchanges columns and rows: eight rows of three fit no window, eight columns do. */
  swap() {
    const title = t("Exchange columns and rows");
    const onclick = () => this.viewer.swap();
    return make("button", { "name": "swap", title, "aria-label": title, onclick }, "⇄");
  }

  /** The list of axes for one place of the table. */
  chooser(place, label) {
    const { viewer } = this;
    const choose = (event) => viewer.place(place, event.target.value === "" ? null : Number(event.target.value));
    const options = viewer.comparison.axes.map((axis) =>
      make("option", { value: axis.index, selected: viewer.view[place] === axis.index }, axis.title),
    );
    return make(
      "label",
      {},
      label,
      make("select", { name: place, onchange: choose }, make("option", { value: "" }, "-"), options),
    );
  }

  /** One slider for each axis that is neither columns nor rows nor blocks. */
  sliders() {
    const { view, comparison } = this.viewer;
    const free = comparison.axes.filter((axis) => ![view.x, view.y, view.z].includes(axis.index));
    return free.map((axis) => {
      const shown = make("output", {}, axis.values[view.at[axis.index]]);
      const slider = make("input", {
        type: "range",
        min: 0,
        max: axis.values.length - 1,
        value: view.at[axis.index],
        "data-axis": axis.index,
        oninput: () => {
          this.viewer.setValue(axis.index, Number(slider.value));
          shown.value = axis.values[slider.value];
        },
      });
      return make("label", { class: "slider" }, axis.title, slider, shown);
    });
  }

  /** Show a message, or the hint when there is none. */
  say(message) {
    this.status.textContent = message || hint();
  }
}
