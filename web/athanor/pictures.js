// A list of very many pictures: only the cells that can be seen exist, and their data is read a page at a time.

import { cropFrame } from "./crop_frame.js";
import { make } from "./dom.js";
import { t } from "./words.js";

const PAGE = 100; // pictures of one request
const TEXT_HEIGHT = 58; // pixels below a thumbnail
const GAP = 8; // pixels between cells
const QUIET = 90; // ms without scrolling before pictures are read

/** The scrolling list. Its cursor is the picture that the page shows in detail. */
export class Pictures {
  /**
   * readPage(first, count) resolves to pictures; url(picture) is its thumbnail; describe(picture) returns
   * {caption, line, marks}; moved(picture or null) is called for the one under the cursor, entered() to enlarge it.
   */
  constructor({ readPage, url, describe, moved, entered }) {
    Object.assign(this, { readPage, url, describe, moved, entered });
    this.total = 0;
    this.at = -1; // index of the picture under the cursor
    this.side = 150;
    this.crop = true;
    this.round = 0; // answers to requests of an earlier round are dropped
    this.pages = new Map(); // page number -> pictures
    this.cells = new Map(); // index -> element
    this.inner = make("div", { class: "inner" });
    const attributes = { class: "pictures", tabindex: 0, role: "listbox", "aria-label": t("Pictures") };
    this.element = make("div", attributes, this.inner);
    this.element.addEventListener("scroll", () => this.draw());
    this.element.addEventListener("keydown", (event) => this.keydown(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Show a new list of `total` pictures, of which `first` (the first page) may be known, with the cursor at one. */
  show(total, first, at = 0) {
    this.total = total;
    this.round += 1;
    this.pages.clear();
    this.clear();
    if (first) this.pages.set(0, first);
    this.at = total ? at : -1;
    if (!at) this.element.scrollTop = 0;
    this.draw();
    this.go(this.at);
  }

  /** Show a picture anew, whose caption has changed. */
  update(picture) {
    for (const [number, page] of this.pages) {
      const place = page.findIndex(({ index }) => index === picture.index);
      if (place < 0) continue;
      page[place] = picture;
      const at = number * PAGE + place;
      const cell = this.cells.get(at);
      if (cell) this.fillCell(at, cell);
      if (cell) this.loadThumbnail(at, cell);
      if (at === this.at) this.report();
    }
  }

  /** Change `side` (pixels of a thumbnail) or `crop`. */
  set(change) {
    Object.assign(this, change);
    this.clear();
    this.draw();
    this.reveal();
  }

  clear() {
    for (const cell of this.cells.values()) cell.remove();
    this.cells.clear();
  }

  get columns() {
    return Math.max(1, Math.floor((this.element.clientWidth - GAP) / (this.side + GAP)));
  }

  get rowHeight() {
    return this.side + TEXT_HEIGHT + GAP;
  }

  get visibleRows() {
    return Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight));
  }

  /** The picture at an index; undefined if it has not been read yet. */
  picture(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The picture under the cursor; undefined if there is none. */
  get current() {
    return this.picture(this.at);
  }

  /** Draw in the next frame. */
  draw() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.drawNow();
    });
  }

  /** Create the cells that can be seen, one row more at both ends, and remove the others. */
  drawNow() {
    if (!this.element.clientWidth) return;
    const { columns, rowHeight } = this;
    const { scrollTop, clientHeight } = this.element;
    this.inner.style.height = `${Math.ceil(this.total / columns) * rowHeight + GAP}px`;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - 1) * columns;
    const last = Math.min(this.total, (Math.floor((scrollTop + clientHeight) / rowHeight) + 2) * columns);
    for (const [index, cell] of this.cells) {
      if (index >= first && index < last) continue;
      cell.remove();
      this.cells.delete(index);
    }
    for (let index = first; index < last; index++) {
      const cell = this.cells.get(index) ?? this.addCell(index);
      const left = GAP + (index % columns) * (this.side + GAP);
      const top = GAP + Math.floor(index / columns) * rowHeight;
      cell.style.transform = `translate(${left}px, ${top}px)`;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.readVisible(first, last), QUIET);
  }

  addCell(index) {
    const cell = make("div", {
      class: "cell",
      id: `athanor-picture-${index}`,
      role: "option",
      "aria-posinset": index + 1,
      "aria-setsize": this.total,
      "aria-selected": String(index === this.at),
      style: `width:${this.side}px;height:${this.rowHeight - GAP}px`,
      onclick: () => this.go(index),
      ondblclick: () => this.entered(),
    });
    this.cells.set(index, cell);
    this.inner.append(cell);
    this.fillCell(index, cell);
    return cell;
  }

  fillCell(index, cell) {
    const picture = this.picture(index);
    if (!picture) return;
    const { caption, line, marks } = this.describe(picture);
    cell.setAttribute("aria-label", [picture.name, line, caption, marks?.title].filter(Boolean).join(", "));
    cell.title = picture.name;
    const sign = marks && make("span", { class: "marks", "data-level": marks.level, title: marks.title }, marks.sign);
    cell.replaceChildren(
      make("div", { class: "box", style: `height:${this.side}px` }, cropFrame(picture, this.side, this.crop)),
      make("div", { class: "line" }, make("span", {}, line), sign),
      make("div", { class: "words" }, caption),
    );
    cell.dataset.filled = "";
  }

  /** When scrolling has come to rest: read the pages that are seen, then their thumbnails. */
  async readVisible(first, last) {
    const { round } = this;
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page++) {
      if (this.pages.has(page)) continue;
      try {
        const pictures = await this.readPage(page * PAGE, PAGE);
        if (round !== this.round) return;
        this.pages.set(page, pictures);
      } catch {
        return; // readPage has told the user why
      }
    }
    for (const [index, cell] of this.cells) this.loadThumbnail(index, cell);
    if (this.reported !== this.current) this.report();
  }

  loadThumbnail(index, cell) {
    if (cell.dataset.filled == null) this.fillCell(index, cell);
    const image = cell.querySelector("img");
    const picture = this.picture(index);
    if (!image || image.src || !picture) return;
    const showMissing = () =>
      cell.querySelector(".frame").replaceChildren(make("span", { class: "gone" }, t("missing")));
    image.addEventListener("error", showMissing, { once: true });
    image.src = this.url(picture);
  }

  /** Report the picture under the cursor. */
  report() {
    this.reported = this.current;
    this.moved(this.reported ?? null);
  }

  /** Move the cursor to an index, or to the nearest one there is. */
  go(index) {
    this.cells.get(this.at)?.setAttribute("aria-selected", "false");
    this.at = this.total ? Math.min(Math.max(index, 0), this.total - 1) : -1;
    this.reveal();
    this.cells.get(this.at)?.setAttribute("aria-selected", "true");
    if (this.at < 0) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", `athanor-picture-${this.at}`);
    this.report();
  }

  /** Scroll as far as needed to see the cursor. */
  reveal() {
    if (this.at < 0 || !this.element.clientWidth) return;
    const top = Math.floor(this.at / this.columns) * this.rowHeight;
    const bottom = top + this.rowHeight + GAP;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
    this.drawNow();
  }

  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = this.columns * this.visibleRows;
    const targets = {
      ArrowLeft: this.at - 1,
      ArrowRight: this.at + 1,
      ArrowUp: this.at - this.columns,
      ArrowDown: this.at + this.columns,
      PageUp: this.at - page,
      PageDown: this.at + page,
      Home: 0,
      End: this.total - 1,
    };
    const target = targets[event.key];
    if (event.key === "Enter") this.entered();
    else if (target == null) return;
    else if (target >= 0 || this.at > 0) this.go(target < 0 && event.key === "ArrowUp" ? this.at : target);
    event.preventDefault();
  }
}
