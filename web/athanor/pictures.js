// A list of very many pictures: only the cells that can be seen exist, and their data comes a page at a time.

import { make } from "./dom.js";
import { t } from "./words.js";

const PAGE = 100,
  BELOW = 58,
  GAP = 8,
  QUIET = 90; // pictures of one request; room for words below a thumbnail; ms without scrolling

/** The picture in a box, with what its bucket cuts off darkened. `url` may come later. */
export function framed(picture, side, crop = true) {
  const [width, height] = picture.size,
    scale = Math.min(side / width, side / height);
  const frame = make(
    "div",
    { class: "frame", style: `width:${Math.max(1, width * scale)}px;height:${Math.max(1, height * scale)}px` },
    make("img", { alt: "", draggable: "false" }),
  );
  const place = picture.places[0];
  if (crop && place) {
    const [w, h] = place.resized,
      [left, top] = place.crop,
      [bw, bh] = place.bucket,
      part = (value, of) => `${(100 * value) / of}%`;
    frame.append(
      make("div", {
        class: "crop",
        style: `left:${part(left, w)};top:${part(top, h)};width:${part(bw, w)};height:${part(bh, h)}`,
      }),
    );
  }
  return frame;
}

export class Pictures {
  /** `page(first, count)` reads pictures, `url(picture)` is where one is; `moved` and `entered` hear of the one under the cursor. */
  constructor({ page, url, describe, moved, entered }) {
    Object.assign(this, { page, url, describe, moved, entered, total: 0, at: -1, side: 150, crop: true });
    this.pages = new Map();
    this.cells = new Map(); // index -> element
    this.inner = make("div", { class: "inner" });
    this.element = make(
      "div",
      { class: "pictures", tabindex: 0, role: "listbox", "aria-label": t("Pictures") },
      this.inner,
    );
    this.element.addEventListener("scroll", () => this.draw());
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Begin anew with `total` pictures; the first page may be at hand. */
  show(total, first) {
    this.total = total;
    this.round = (this.round ?? 0) + 1; // answers of before do not count
    this.pages.clear();
    this.clear();
    if (first) this.pages.set(0, first);
    this.at = total ? 0 : -1;
    this.element.scrollTop = 0;
    this.draw();
    this.go(this.at);
  }

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
  get row() {
    return this.side + BELOW + GAP;
  }
  get visibleRows() {
    return Math.max(1, Math.floor(this.element.clientHeight / this.row));
  }
  picture(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.fill();
    });
  }

  fill() {
    if (!this.element.clientWidth) return;
    const { columns, row } = this,
      top = this.element.scrollTop;
    this.inner.style.height = `${Math.ceil(this.total / columns) * row + GAP}px`;
    const first = Math.max(0, Math.floor(top / row) - 1) * columns;
    const last = Math.min(this.total, (Math.floor((top + this.element.clientHeight) / row) + 2) * columns);
    for (const [index, cell] of this.cells)
      if (index < first || index >= last) {
        cell.remove();
        this.cells.delete(index);
      }
    for (let index = first; index < last; index++) {
      const cell = this.cells.get(index) ?? this.cell(index);
      cell.style.transform = `translate(${GAP + (index % columns) * (this.side + GAP)}px, ${GAP + Math.floor(index / columns) * row}px)`;
    }
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.settle(first, last), QUIET);
  }

  cell(index) {
    const cell = make("div", {
      class: "cell",
      id: `athanor-picture-${index}`,
      role: "option",
      "aria-posinset": index + 1,
      "aria-setsize": this.total,
      "aria-selected": String(index === this.at),
      style: `width:${this.side}px;height:${this.row - GAP}px`,
      onclick: () => this.go(index),
      ondblclick: () => this.entered(),
    });
    this.cells.set(index, cell);
    this.inner.append(cell);
    this.paint(index, cell);
    return cell;
  }

  paint(index, cell) {
    const picture = this.picture(index);
    if (!picture) return;
    const { words, line, marks } = this.describe(picture);
    cell.setAttribute("aria-label", [picture.name, line, words, marks?.title].filter(Boolean).join(", "));
    cell.title = picture.name;
    cell.replaceChildren(
      make("div", { class: "box", style: `height:${this.side}px` }, framed(picture, this.side, this.crop)),
      make(
        "div",
        { class: "line" },
        make("span", {}, line),
        marks ? make("span", { class: "marks", "data-level": marks.level, title: marks.title }, marks.sign) : null,
      ),
      make("div", { class: "words" }, words),
    );
    cell.dataset.filled = "";
  }

  /** When scrolling has come to rest: read the pages that are seen, then their pictures. */
  async settle(first, last) {
    const { round } = this;
    for (let number = Math.floor(first / PAGE); number <= Math.floor((last - 1) / PAGE) && last > first; number++) {
      if (this.pages.has(number)) continue;
      try {
        const found = await this.page(number * PAGE, PAGE);
        if (round !== this.round) return;
        this.pages.set(number, found);
      } catch {
        return;
      } // whoever reads pages says why
    }
    for (const [index, cell] of this.cells) {
      if (cell.dataset.filled == null) this.paint(index, cell);
      const image = cell.querySelector("img"),
        picture = this.picture(index);
      if (!image || image.src || !picture) continue;
      image.addEventListener(
        "error",
        () => {
          cell.querySelector(".frame").replaceChildren(make("span", { class: "gone" }, t("gone")));
        },
        { once: true },
      );
      image.src = this.url(picture);
    }
    if (this.told !== this.picture(this.at)) this.tell();
  }

  tell() {
    this.told = this.picture(this.at);
    this.moved(this.told ?? null);
  }

  go(index) {
    this.cells.get(this.at)?.setAttribute("aria-selected", "false");
    this.at = this.total ? Math.min(Math.max(index, 0), this.total - 1) : -1;
    this.reveal();
    this.cells.get(this.at)?.setAttribute("aria-selected", "true");
    if (this.at < 0) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", `athanor-picture-${this.at}`);
    this.tell();
  }

  /** Scroll so far that the cursor is seen. */
  reveal() {
    if (this.at < 0 || !this.element.clientWidth) return;
    const top = Math.floor(this.at / this.columns) * this.row,
      { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.row + GAP > scrollTop + clientHeight)
      this.element.scrollTop = top + this.row + GAP - clientHeight;
    this.fill();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = this.columns * this.visibleRows;
    const to = {
      ArrowLeft: this.at - 1,
      ArrowRight: this.at + 1,
      ArrowUp: this.at - this.columns,
      ArrowDown: this.at + this.columns,
      PageUp: this.at - page,
      PageDown: this.at + page,
      Home: 0,
      End: this.total - 1,
    }[event.key];
    if (event.key === "Enter") this.entered();
    else if (to == null) return;
    else if (to >= 0 || this.at > 0) this.go(to < 0 && event.key === "ArrowUp" ? this.at : to);
    event.preventDefault();
  }
}
