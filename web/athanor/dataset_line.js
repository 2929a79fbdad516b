// Below the field `folder` of a Dataset Loader: choose or upload a folder, what it holds, and some of its pictures.

import { app } from "../../../scripts/app.js";
import { make, style } from "./dom.js";
import { addBox, extend, placeBelow, setWidget, widgetOf } from "./extend.js";
import { chooseFolder, heldText } from "./folder_chooser.js";
import { addressOf, get } from "./http.js";
import { isLinked, sourcesOf } from "./links.js";
import { fitContent } from "./node_height.js";
import { told } from "./sentences.js";
import { openUpload } from "./upload.js";
import { droppedFiles, hasFiles } from "./upload_files.js";
import { showBriefly } from "./toast.js";
import { pictures } from "./upload_parts.js";
import { t } from "./words.js";

style("./athanor.css");
style("./upload.css");

const KIND = "AthanorDatasetLoader";
const NAME = "athanor_folder"; // of the widget
const HEIGHT = 112; // pixels of it
const MARGIN = 4; // pixels around it
const PAUSE = 400; // ms after a change before the server is asked
const FILES = "athanor-files"; // the event of filesChanged()
const lines = new Map(); // node -> its line

const widgetValue = (node, name) => widgetOf(node, name)?.value;
const folderOf = (node) => String(widgetValue(node, "folder") ?? "").trim();

/** Pictures or captions were written by this page: what nodes say of their folders may be older. */
export function filesChanged() {
  document.dispatchEvent(new Event(FILES));
}

/** Call `changed` after this page has written pictures or captions. */
export function onFilesChange(changed) {
  document.addEventListener(FILES, changed);
}

/** Set a text of a node; who listens to what is typed hears of it. */
function type(node, name, value) {
  setWidget(node, name, value);
  lines.get(node)?.element.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Where pictures for a node go: its folder, "pets/cats"; of a place outside of ComfyUI's input its name alone. */
const uploadFolder = (folder) => {
  const parts = folder.split(/[/\\]/);
  const isOutside = !parts[0] || parts[0].endsWith(":") || parts.includes("..");
  return isOutside ? parts.pop() : parts.join("/");
};

/** Upload pictures for a Dataset Loader, whose folder is set to what came; then call `done`. */
export function uploadFor(node, files = null, done = () => {}) {
  openUpload({
    folder: uploadFolder(folderOf(node)),
    files,
    done: ({ folder, entries, one }) => {
      type(node, "folder", folder);
      const held = one ?? { pictures: entries.length, captions: 0 };
      const detail = [t("{what} in input/{folder}", { what: pictures(held.pictures, held.captions), folder })];
      const inside = (pattern) => entries.map(({ name }) => name.match(pattern)?.[1]).find(Boolean);
      const masks = inside(/^(masks?)\//i);
      if (masks && !widgetValue(node, "mask_folder")) {
        type(node, "mask_folder", masks);
        detail.push(t("mask_folder is set to {masks}.", { masks }));
      }
      const controls = inside(/^(controls?)\//i);
      if (controls && !widgetValue(node, "control_folder")) {
        type(node, "control_folder", controls);
        detail.push(t("control_folder is set to {controls}.", { controls }));
      }
      // The node says it, too.
      showBriefly(detail.join(". "), { severity: "success", summary: t("Uploaded"), seconds: 3 });
      filesChanged();
      done();
    },
  });
}

/** The only Dataset Loader among a node and those above it; null if there are none or several. */
export function loaderOf(node) {
  const seen = new Set(node ? [node] : []);
  for (const one of seen) for (const source of sourcesOf(one)) seen.add(source); // a set grows while it is walked
  const found = [...seen].filter((one) => one.comfyClass === KIND);
  return found.length === 1 ? found[0] : null;
}

class FolderLine {
  constructor(node) {
    this.node = node;
    this.asked = 0;
    const choose = make("button", { type: "button", onclick: () => this.choose() }, t("Choose folder"));
    const upload = make("button", { type: "button", onclick: () => uploadFor(node) }, t("Upload pictures"));
    this.line = make("p", { class: "line", role: "status" });
    this.strip = make("div", { class: "strip" });
    this.element = make(
      "div",
      { class: "athanor athanor-folder" },
      make("div", { class: "buttons" }, choose, upload),
      this.line,
      this.strip,
    );
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      this.element.addEventListener(kind, (event) => this.dragged(event));
    }
  }

  dragged(event) {
    if (!hasFiles(event)) return;
    event.preventDefault(); // of a drop: the host opens a picture as a workflow otherwise
    this.element.classList.toggle("over", event.type === "dragover" || event.type === "dragenter");
    if (event.type !== "drop") return;
    event.stopPropagation();
    uploadFor(this.node, droppedFiles(event));
  }

  choose() {
    chooseFolder({
      value: folderOf(this.node),
      extension: widgetValue(this.node, "caption_extension") || ".txt",
      chosen: (folder) => type(this.node, "folder", folder),
      upload: () => uploadFor(this.node),
    });
  }

  /** Ask the server soon what the folder holds. */
  soon(pause = PAUSE) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), pause);
  }

  async update() {
    this.asked += 1;
    const asked = this.asked;
    const folder = folderOf(this.node);
    if (isLinked(this.node, "folder")) return this.show(t("The folder comes from another node."));
    if (!folder) return this.show("");
    const query = new URLSearchParams({
      folder,
      caption_extension: widgetValue(this.node, "caption_extension") || ".txt",
      control_folder: isLinked(this.node, "control_folder") ? "" : (widgetValue(this.node, "control_folder") ?? ""),
    });
    try {
      const held = await get(`/folders/one?${query}`);
      if (asked !== this.asked) return;
      if (held.why) this.showMissing(held);
      else this.show(heldText(this.asRead(held)), "", held);
    } catch (error) {
      if (asked === this.asked) this.show(error.message, "bad");
    }
  }

  /** With nested_folders on, pictures of all sub-folders count. */
  asRead(held) {
    if (!widgetValue(this.node, "nested_folders") || !held.below) return held;
    return { ...held, pictures: held.pictures + held.below, captions: held.captions + held.captions_below, below: 0 };
  }

  show(text, kind = "", { folder, shown = [] } = {}) {
    this.line.replaceChildren(text);
    this.line.title = text;
    this.line.dataset.kind = kind;
    const url = (file) => addressOf(`/folders/thumbnail?${new URLSearchParams({ folder, file })}`);
    const images = shown.map((file) => make("img", { src: url(file), alt: file, title: file, loading: "lazy" }));
    this.strip.classList.toggle("bare", !images.length);
    this.strip.replaceChildren(...(images.length ? images : [make("span", {}, t("Drop pictures or a folder here"))]));
  }

  showMissing({ why, nearest }) {
    this.show(nearest.length ? t("Did you mean") : t("There is no such folder."), "bad");
    this.line.title = told(why);
    const take = (folder) => type(this.node, "folder", folder);
    this.line.append(
      ...nearest.map((folder) => make("button", { type: "button", onclick: () => take(folder) }, folder)),
    );
  }
}

/** Add the line to a Dataset Loader; what is dropped on the node is uploaded. */
function addLine(node) {
  const line = new FolderLine(node);
  lines.set(node, line);
  const widget = addBox(node, NAME, "ATHANOR_FOLDER", line.element, { margin: MARGIN });
  // A height of its own: what has none is stretched over the room that a node has left.
  widget.computeLayoutSize = undefined;
  widget.computeSize = (width) => [width, HEIGHT];
  placeBelow(node, widget, "folder");
  for (const name of ["folder", "nested_folders", "caption_extension", "control_folder"]) {
    const source = node.widgets.find((one) => one.name === name);
    if (source) extend(source, "callback", () => line.soon());
  }
  node.onDragOver = (event) => hasFiles(event);
  node.onDragDrop = (event) => {
    if (!hasFiles(event)) return false;
    uploadFor(node, droppedFiles(event));
    return true;
  };
  extend(node, "onConnectionsChange", () => line.soon());
  extend(node, "onRemoved", () => lines.delete(node));
  line.soon(0); // the host sets the widgets' values after this
}

app.registerExtension({
  name: "Athanor.Folder",
  setup() {
    const ask = () => {
      for (const line of lines.values()) line.soon();
    };
    window.addEventListener("focus", ask); // files may have come or gone in another window
    onFilesChange(ask);
  },
  nodeCreated(node) {
    if (node.comfyClass === KIND) addLine(node);
  },
  loadedGraphNode(node) {
    if (!lines.has(node)) return;
    lines.get(node).soon(0);
    fitContent(node);
  },
});
