// The viewer of comparisons inside the page: a button on XYZ Compare and XYZ Grid Image opens it over everything.

import { app } from "../../../scripts/app.js";
import { mount } from "../viewer/viewer.js";
import { speakAs } from "../viewer/words.js";
import { barOf, inAddress, toAddress } from "./compare_address.js";
import { dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { addButton, extend } from "./extend.js";
import { when } from "./format.js";
import { COMPARING, comparingNode } from "./grid_nodes.js";
import { takeGrid } from "./grids.js";
import { addressOf, get, post } from "./http.js";
import { open as openKeep } from "./keep.js";
import { isLinked } from "./links.js";
import { offerFiles } from "./node.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

const KINDS = ["AthanorXYZCompare", "AthanorXYZGridImage"];
style("./athanor.css");
style("../viewer/viewer.css");
speakAs({ t, told });

const linked = inAddress(); // what the page was opened with, before the host has a look at its address
let shown = null; // the dialog that is open

/**
 * Keyboard events of the whole window while the dialog is open. The host has keys of its own and may take the focus
 * away: what is typed outside the dialog goes to the viewer only.
 */
class WindowKeys {
  constructor(dialog) {
    this.dialog = dialog;
    this.listeners = [];
    const block = (event) => {
      if (!dialog.contains(event.target)) event.stopPropagation();
    };
    this.addEventListener("keydown", block);
    this.addEventListener("keyup", block);
  }

  addEventListener(kind, listener) {
    const heard = (event) => isOver(event, this.dialog) || listener(event);
    this.listeners.push([kind, heard, listener]);
    window.addEventListener(kind, heard, true);
  }

  removeEventListener(kind, listener) {
    for (const [k, heard, own] of this.listeners) {
      if (k === kind && own === listener) window.removeEventListener(kind, heard, true);
    }
  }

  release() {
    for (const [kind, heard] of this.listeners) window.removeEventListener(kind, heard, true);
  }
}

/** Whether an event is of another dialog, which lies over the viewer's; where nothing has the focus, the last one's. */
function isOver(event, dialog) {
  const own = event.target.closest?.("dialog") ?? [...document.querySelectorAll("dialog:modal")].at(-1);
  return Boolean(own && own !== dialog);
}

/** A dialog with the viewer of one comparison and a list of all others. */
class CompareDialog {
  /** `node`: the one that opened it, or null. */
  constructor(node) {
    this.node = node;
    this.name = null; // of the comparison that is shown
    this.unmount = null;
    this.isMarked = false; // marks have changed since the comparison was opened
    this.starred = new Set(); // cells with a star that show a LoRA
    this.saving = Promise.resolve();
    this.build();
    this.keys = new WindowKeys(this.dialog);
    // The host's canvas must not take what is meant for the viewer.
    for (const kind of ["keydown", "keyup", "wheel", "pointerdown", "pointermove", "copy", "paste"]) {
      this.dialog.addEventListener(kind, (event) => event.stopPropagation());
    }
    this.dialog.addEventListener("cancel", (event) => event.preventDefault()); // the viewer has its own use of Esc
    this.dialog.addEventListener("close", () => this.closed());
    openOver(this.dialog);
    this.dialog.focus();
  }

  build() {
    this.place = make("div", { class: "place" });
    this.status = make("span", { role: "status" });
    this.chooser = make("select", { "aria-label": t("Comparison"), onchange: () => this.show(this.chooser.value) });
    this.hint = make("span", { class: "hint", role: "status" });
    const title = t("Prompts, seeds, sampler and axes of this comparison into XYZ Compare of the open graph");
    const attributes = { type: "button", title, disabled: true, onclick: () => this.use() };
    this.useButton = make("button", attributes, t("Use these settings"));
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-compare", "aria-label": t("Comparison"), tabindex: -1 },
      dialogHead(
        [this.chooser, this.useButton, this.status, this.hint],
        () => this.dialog.close(),
        t("Close the viewer"),
      ),
      this.place,
    );
  }

  /** Fill the list, and show the comparison with a name (null: the newest). */
  async load(name) {
    try {
      const all = await get("/compare");
      if (name && !all.some((one) => one.name === name)) all.unshift({ name, title: name });
      const label = ({ title, time, cells }) =>
        time ? `${title}  (${t("{count} pictures", { count: cells })}, ${when(time)})` : title;
      this.chooser.replaceChildren(...all.map((one) => make("option", { value: one.name }, label(one))));
      if (!all.length) {
        this.status.textContent = t("There is no comparison yet: queue a graph with XYZ Compare.");
        return;
      }
      this.chooser.value = name ?? all[0].name;
      if (this.dialog.isConnected) await this.show(this.chooser.value);
    } catch (error) {
      this.status.textContent = t("Comparisons cannot be read: {why}", { why: error.message });
    }
  }

  /** Show a comparison, with the view that the page's address has of it. */
  async show(name) {
    this.leave();
    this.name = name;
    this.chooser.value = name;
    this.useButton.disabled = true;
    if (inAddress()?.name !== name) toAddress({ name, text: "" }, true);
    const path = `/compare/${encodeURIComponent(name)}`;
    try {
      const data = await get(path);
      if (this.name !== name || !this.dialog.isConnected) return; // another one was chosen meanwhile
      this.status.textContent = "";
      this.useButton.disabled = false;
      this.countStars(data);
      this.unmount = mount(this.place, data, (id) => addressOf(`${path}/cells/${id}.png`), {
        save: (cell, mark) => this.save(path, { cell, ...mark }),
        keys: this.keys,
        bar: barOf(name),
        close: () => this.dialog.close(),
        keep: (cell, parts) => this.keep(path, cell, parts),
      });
    } catch (error) {
      if (this.name !== name) return;
      this.place.replaceChildren();
      this.status.textContent = t("The comparison cannot be shown: {why}", { why: error.message });
    }
  }

  /** Put the settings of the comparison into the node that opened it, or another one that compares. */
  async use() {
    const { name } = this;
    const title = this.chooser.selectedOptions[0]?.textContent ?? name;
    try {
      const grid = await get(`/compare/${encodeURIComponent(name)}/grid`);
      if (this.name !== name || !this.dialog.isConnected) return; // another one was chosen meanwhile, or none
      this.dialog.close();
      takeGrid(grid, COMPARING.includes(this.node?.comfyClass) ? this.node : comparingNode(), title);
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  /** What can be done with the stars of a comparison, once it has some. */
  countStars({ marks = {}, parameters = {} }) {
    this.showsLora = (id) => (parameters[id] ?? "").includes("<lora:");
    this.starred = new Set(Object.keys(marks).filter((id) => marks[id].star && this.showsLora(id)));
    this.tellStars();
  }

  tellStars() {
    const text = t(
      "To compare starred epochs alone, write starred into checkpoints of XYZ Compare, or epochs of LoRA Run Axis.",
    );
    this.hint.textContent = this.starred.size ? `★ ${this.starred.size}: ${text}` : "";
  }

  /** Save marks one after the other, so that the last change of a cell is the one that stays. */
  save(path, mark) {
    this.isMarked = true;
    if (mark.star && this.showsLora(mark.cell)) this.starred.add(mark.cell);
    else this.starred.delete(mark.cell);
    this.tellStars();
    this.saving = this.saving.catch(() => {}).then(() => post(`${path}/marks`, mark));
    return this.saving;
  }

  /** Let the user save the LoRAs of a cell as one file. */
  keep(path, cell, parts) {
    const make = `${path}/lora`;
    const tell = (text) => {
      this.status.textContent = text;
    };
    openKeep({ offer: `${make}/${cell}`, make, body: { cell }, parts, made: () => offerFiles(), tell });
  }

  /** Take the viewer away. Changed marks are written into the comparison's stand-alone page. */
  leave() {
    this.unmount?.();
    this.unmount = null;
    if (this.isMarked) {
      const path = `/compare/${encodeURIComponent(this.name)}/portable`;
      this.saving.finally(() => post(path)).catch(() => {});
    }
    this.isMarked = false;
  }

  closed() {
    this.leave();
    this.keys.release();
    if (shown !== this) return;
    shown = null;
    toAddress(null, true);
  }
}

/** Open the viewer with a comparison, or with the newest one if `name` is null; `node`: the one that asked for it. */
export async function open(name, node = null) {
  shown = new CompareDialog(node);
  const { dialog } = shown;
  await shown.load(name);
  return dialog;
}

/** The user went back or forward: show what the address has, or nothing. */
function followAddress() {
  const wanted = inAddress();
  if (!wanted) shown?.dialog.close();
  else if (!shown) open(wanted.name);
  else if (shown.name !== wanted.name) shown.show(wanted.name);
}

/** The name of the comparison that a node drew last, from its field or from the workflow; null if there is none. */
function nameOf(node) {
  const field = node.widgets?.find((widget) => widget.name === "name");
  const typed = isLinked(node, "comparison") ? "" : String(field?.value ?? "").trim();
  return typed || node.properties?.athanor_comparison || null;
}

app.registerExtension({
  name: "Athanor.Compare",
  setup() {
    window.addEventListener("popstate", followAddress);
    if (!linked) return;
    toAddress(linked, false);
    open(linked.name);
  },
  nodeCreated(node) {
    if (!KINDS.includes(node.comfyClass)) return;
    const label = t("Open viewer");
    const tooltip = t("Look at the pictures: wipe, difference, stars, blind duel.");
    addButton(node, label, { label, tooltip, onclick: () => open(nameOf(node), node) });
    extend(node, "onExecuted", (output) => {
      const name = output?.athanor_comparison?.[0];
      if (!name) return;
      node.properties ??= {};
      node.properties.athanor_comparison = name;
    });
  },
});
