// The dataset page: pictures with caption, crop and bucket, tags with counts, the doctor's findings.

import { Captions } from "./dataset_captions.js";
import { Findings } from "./dataset_findings.js";
import { filesChanged, loaderOf, uploadFor } from "./dataset_line.js";
import { PictureDetail, summary } from "./dataset_picture.js";
import { Terms } from "./dataset_terms.js";
import { dialogHead, openOver } from "./dialog.js";
import { make, style } from "./dom.js";
import { nodeOf } from "./execution_ids.js";
import { addressOf, get, post } from "./http.js";
import { Pictures } from "./pictures.js";
import { listenToDrops } from "./upload_files.js";
import { t } from "./words.js";

style("./athanor.css");
style("./dataset.css");

const FEW = 500; // the doctor looks by itself at datasets of at most this many pictures
const PAGE = 100; // pictures of the first request
const counted = (count) => (count === 1 ? t("{count} picture", { count }) : t("{count} pictures", { count }));

/** Open the dataset of a run. */
export const openRun = (id) => new DatasetDialog(() => get(`/datasets/${id}`));

/** Open the dataset of a node in the open graph, by its execution id. */
export function openNode(app, id) {
  const read = async () => post("/datasets", { prompt: (await app.graphToPrompt()).output, node: String(id) });
  return new DatasetDialog(read, loaderOf(nodeOf(id)));
}

/**
 * `read()` makes the server read the dataset and resolves to its overview, with the id for further requests.
 * `loader`: the Dataset Loader for which pictures can be uploaded, or null.
 */
class DatasetDialog {
  constructor(read, loader = null) {
    this.read = read;
    this.loader = loader;
    this.overview = null;
    this.buildParts();
    this.buildFilters();
    this.buildDialog();
    openOver(this.dialog);
    this.load();
  }

  buildParts() {
    const say = (text) => this.say(text);
    const changed = (keep) => this.filter(keep);
    const examine = (again) => this.ask(`/findings${again ? "?again=1" : ""}`, (path) => post(path));
    this.captions = new Captions({
      ask: (path, send) => this.ask(path, send),
      say,
      query: () => this.query(0, 1),
      update: (picture) => this.update(picture),
      refresh: () => this.refresh(),
      reload: () => this.load(),
      step: (by) => this.pictures.go(this.pictures.at + by),
      leave: () => this.pictures.element.focus(),
    });
    this.terms = new Terms({ ask: (path) => this.ask(path), changed, say, counted });
    this.findings = new Findings({ examine, changed, say, isOpen: () => this.dialog.isConnected, counted });
    this.detail = new PictureDetail({
      url: (...picture) => this.url(...picture),
      findingsOf: (picture) => this.findings.of(picture),
      close: () => this.enlarge(false),
      captions: this.captions,
    });
    this.pictures = new Pictures({
      readPage: (first, count) => this.readPage(first, count),
      url: (picture) => this.url(picture, 256),
      describe: (picture) => summary(picture, this.overview.buckets.length, this.findings.of(picture)),
      moved: (picture) => this.showPicture(picture),
      entered: () => this.enlarge(true),
    });
  }

  buildFilters() {
    this.text = make("input", {
      type: "search",
      placeholder: t("Name or caption"),
      "aria-label": t("Name or caption"),
      oninput: () => this.filterSoon(),
    });
    this.bucket = make("select", { "aria-label": t("Bucket"), onchange: () => this.filter() });
    // Hidden until something is filtered: it would push the buttons beside it away while the pictures are read.
    const clear = { type: "button", hidden: true, onclick: () => this.clearFilters() };
    this.reset = make("button", clear, t("Clear filters"));
    this.size = make("input", {
      type: "range",
      min: 90,
      max: 320,
      value: 150,
      "aria-label": t("Size of the pictures"),
      oninput: () => this.pictures.set({ side: Number(this.size.value) }),
    });
    this.crop = make("input", {
      type: "checkbox",
      checked: true,
      "aria-label": t("Show the cropped area"),
      onchange: () => this.setCrop(this.crop.checked),
    });
  }

  buildDialog() {
    this.title = make("h2", {}, t("Dataset"));
    this.status = make("p", { class: "where", role: "status" }, t("Reading the pictures…"));
    const upload = { type: "button", onclick: () => this.upload() };
    const side = { class: "side", "aria-label": t("Tags and findings") };
    const keys = t(
      "arrows, Page, Home, End: move · Enter: enlarge · F2: caption · Esc: back · click a tag: with, without, any",
    );
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-dataset", "aria-label": t("Dataset") },
      dialogHead(
        [this.title, this.status, this.loader && make("button", upload, t("Upload pictures"))],
        () => this.dialog.close(),
        t("Close the dataset"),
      ),
      make(
        "div",
        { class: "tools" },
        this.text,
        this.bucket,
        this.findings.filter,
        this.reset,
        this.findings.button,
        this.captions.bulk.button,
        make("label", {}, t("size"), this.size),
        make("label", {}, this.crop, t("crop")),
      ),
      this.captions.bulk.panel,
      make(
        "div",
        { class: "main" },
        make("aside", side, this.findings.list, this.terms.elements),
        this.pictures.element,
        this.detail.element,
        this.detail.stage,
      ),
      make("p", { class: "keys" }, keys),
    );
    this.dialog.addEventListener("keydown", (event) => this.keydown(event));
    this.dialog.addEventListener("close", filesChanged); // captions may be written now that were not
    if (this.loader) listenToDrops(this.dialog, (files) => this.upload(files));
    this.dialog.addEventListener("cancel", (event) => {
      if (!this.detail.isLarge) return;
      event.preventDefault();
      this.enlarge(false);
    });
  }

  upload(files = null) {
    uploadFor(this.loader, files, () => this.load());
  }

  say(text) {
    this.status.textContent = text;
  }

  async load() {
    try {
      this.overview = await this.read();
    } catch (error) {
      this.say(error.message);
      return;
    }
    const { buckets, findings, pictures, warnings } = this.overview;
    this.title.textContent = t("Dataset {title}", this.overview);
    this.dialog.setAttribute("aria-label", this.title.textContent);
    const sizes = buckets.map(([width, height, count]) => [`${width}x${height}`, count]);
    const options = sizes.map(([value, count]) => make("option", { value }, `${value} (${count})`));
    const chosen = this.bucket.value; // stays so when the dataset is read anew
    this.bucket.replaceChildren(make("option", { value: "" }, t("all buckets")), ...options);
    if (sizes.some(([value]) => value === chosen)) this.bucket.value = chosen;
    this.bucket.hidden = !buckets.length;
    this.captions.open(this.overview);
    this.findings.canChange = this.captions.canEdit;
    this.findings.show(findings, warnings);
    this.terms.read();
    await this.filter(true);
    const { activeElement } = document; // a field in which the user types keeps the cursor
    const isField = activeElement.matches("input, textarea, select") || this.captions.isIn(activeElement);
    if (!isField) this.pictures.element.focus();
    if (!findings && pictures <= FEW) this.findings.look();
  }

  /** Send a request about this dataset. A server that has forgotten the dataset is made to read it again. */
  async ask(path, send = get) {
    try {
      return await send(`/datasets/${this.overview.id}${path}`);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.overview = await this.read();
      return send(`/datasets/${this.overview.id}${path}`);
    }
  }

  /** The address of a picture's thumbnail; with a number that of one of its control pictures. */
  url(picture, side, control = null) {
    const which = control === null ? "" : `&control=${control}`;
    return addressOf(`/datasets/${this.overview.id}/thumbnails/${picture.index}?side=${side}${which}`);
  }

  /** All filters as a query for pictures. */
  query(first, count) {
    const query = new URLSearchParams({ first, count });
    for (const [term, filter] of this.terms.filters) query.append(filter, term);
    for (const [name, field] of this.fields()) if (field.value.trim()) query.set(name, field.value.trim());
    return query;
  }

  fields() {
    return Object.entries({ text: this.text, bucket: this.bucket, finding: this.findings.filter });
  }

  async readPage(first, count) {
    try {
      return (await this.ask(`/pictures?${this.query(first, count)}`)).pictures;
    } catch (error) {
      this.say(error.message);
      throw error;
    }
  }

  filterSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.filter(), 200);
  }

  /** Read and show the pictures that match the filters; `keep`: with the cursor on the same one, if it is there. */
  async filter(keep = false) {
    this.captions.bulk.forget();
    const query = this.query(0, PAGE);
    this.latestQuery = query;
    try {
      const { total, pictures } = await this.ask(`/pictures?${query}`);
      if (query !== this.latestQuery || !this.dialog.isConnected) return; // filters have changed meanwhile
      this.reset.hidden = query.size <= 2; // nothing but first and count
      this.say(this.countText(total));
      const at = keep ? pictures.findIndex(({ index }) => index === this.pictures.current?.index) : 0;
      this.pictures.show(total, pictures, Math.max(at, 0));
    } catch (error) {
      this.say(error.message);
    }
  }

  /** Show the lists anew after captions were changed. */
  refresh() {
    this.findings.outdate();
    return Promise.all([this.terms.read(), this.filter(true)]);
  }

  update(picture) {
    this.findings.outdate();
    this.pictures.update(picture);
    this.terms.read();
  }

  countText(total) {
    const { pictures: all, seen } = this.overview; // seen: pictures of one epoch, repeats counted
    if (total !== all) return t("{count} of {all}", { count: total, all: counted(all) });
    return counted(total) + (seen === all ? "" : t(", {count} per epoch with repeats", { count: seen }));
  }

  clearFilters() {
    for (const [, field] of this.fields()) field.value = "";
    this.terms.clear();
    this.filter();
    this.pictures.element.focus();
  }

  setCrop(crop) {
    this.detail.crop = crop;
    this.pictures.set({ crop });
    this.showPicture(this.pictures.current);
  }

  showPicture(picture) {
    const isEmpty = this.overview && !this.pictures.total;
    this.detail.show(picture, isEmpty ? t("No picture matches the filters.") : "");
  }

  enlarge(on) {
    this.detail.enlarge((on && this.pictures.current) || null);
    this.pictures.element.focus();
  }

  keydown(event) {
    event.stopPropagation(); // the host has keys of its own
    if (event.key === "F2" && this.captions.canEdit) this.captions.field.focus();
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (this.detail.isLarge) this.enlarge(false);
    else this.dialog.close();
  }
}
