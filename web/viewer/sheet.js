// The table of a viewer as one picture, drawn from the single pictures.

import { make } from "./make.js";
import { t } from "./words.js";

const PAPER = "#1c1c20";
const INK = "#e8e8ec";
const MUTED = "#a0a0aa";
const STAR = "#f0d060";
const GAP = 6;
const LONGEST = 16384; // pixels of a side that browsers' canvases can hold
const MOST = 120e6; // pixels of a whole canvas

/** Split text into lines that fit a width in pixels; a word that is too long is cut. */
function wrap(pen, text, width) {
  const result = [];
  let line = "";
  for (const part of String(text).split(/(?<=[\s_\-./])/)) {
    if (line && pen.measureText(line + part).width > width) {
      result.push(line);
      line = "";
    }
    line += part;
    while (pen.measureText(line).width > width && line.length > 1) {
      let fits = line.length - 1;
      while (fits > 1 && pen.measureText(line.slice(0, fits)).width > width) fits -= 1;
      result.push(line.slice(0, fits));
      line = line.slice(fits);
    }
  }
  return [...result, line.trimEnd()].filter((one, _, all) => one || all.length === 1);
}

/** The image at an address once it has loaded; null if it cannot be loaded. */
function load(source) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = source;
  });
}

/** Widths of the row labels and of the whole sheet, for cells of a width. */
function sheetWidths(blocks, cell) {
  const labels = Math.min(240, Math.max(80, cell));
  const columns = Math.max(1, ...blocks.map((block) => block.columns.length));
  return { labels, sheet: labels + columns * (cell + GAP) + 3 * GAP };
}

/** The largest width of a cell, at most `size`, with which a canvas can hold the sheet. */
function fittingCell(blocks, size) {
  const rows = blocks.reduce((sum, block) => sum + block.rows.length, 0);
  const isTooLarge = (cell) => {
    const [width, height] = [sheetWidths(blocks, cell).sheet, rows * (cell + GAP)];
    return Math.max(width, height) > LONGEST * 0.9 || width * height > MOST;
  };
  let cell = size;
  while (cell > 32 && isTooLarge(cell)) cell = Math.floor(cell * 0.9);
  return cell;
}

/** A canvas that is filled from the top to the bottom. */
class Sheet {
  constructor(blocks, size) {
    this.cell = fittingCell(blocks, size);
    this.fontSize = Math.min(18, Math.max(11, Math.round(this.cell / 14)));
    this.line = this.fontSize + 5;
    this.widths = sheetWidths(blocks, this.cell);
    this.y = GAP; // where the next part begins
    this.canvas = make("canvas");
    this.pen = this.canvas.getContext("2d");
    this.setFont();
  }

  setFont() {
    this.pen.font = `${this.fontSize}px system-ui, sans-serif`;
    this.pen.textBaseline = "top";
  }

  /** Lines of a heading that may take the whole width. */
  heading(text) {
    return wrap(this.pen, text, this.widths.sheet - 4 * GAP);
  }

  headHeight(block) {
    return Math.max(1, ...block.columns.map((label) => wrap(this.pen, label, this.cell).length)) * this.line + GAP;
  }

  cellHeight(cell) {
    return cell ? Math.round((this.cell * cell.height) / cell.width) : 0;
  }

  /** The lines below a picture: its notes, in its width. */
  noteLines(cell) {
    return (cell?.notes ?? []).flatMap((note) => wrap(this.pen, note, this.cell));
  }

  rowHeight(row) {
    const height = (cell) => this.cellHeight(cell) + this.noteLines(cell).length * this.line;
    return Math.max(24, ...row.cells.map(height)) + GAP;
  }

  blockHeight(block) {
    const title = block.title ? this.heading(block.title).length * this.line + 2 * GAP : 0;
    return title + this.headHeight(block) + block.rows.reduce((sum, row) => sum + this.rowHeight(row), 0);
  }

  /** Give the canvas its size. That resets its pen. */
  open(title, blocks) {
    const inner = blocks.reduce((sum, block) => sum + this.blockHeight(block), 0);
    const height = this.heading(title).length * this.line + 3 * GAP + inner;
    this.canvas.width = this.widths.sheet;
    this.canvas.height = Math.min(LONGEST, height);
    this.pen.fillStyle = PAPER;
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.setFont();
  }

  write(lines, x, y, align = "left", colour = INK) {
    this.pen.fillStyle = colour;
    this.pen.textAlign = align;
    lines.forEach((line, index) => {
      this.pen.fillText(line, x, y + index * this.line);
    });
  }

  drawTitle(title) {
    const lines = this.heading(title);
    this.write(lines, 2 * GAP, this.y);
    this.y += lines.length * this.line + GAP;
  }

  /** The left edge of a column. */
  left(column) {
    return this.widths.labels + GAP + column * (this.cell + GAP);
  }

  async drawBlock(block) {
    if (block.title) {
      const lines = this.heading(block.title);
      this.write(lines, 2 * GAP, this.y + GAP);
      this.y += lines.length * this.line + 2 * GAP;
    }
    block.columns.forEach((label, column) => {
      this.write(wrap(this.pen, label, this.cell), this.left(column) + this.cell / 2, this.y, "center");
    });
    this.y += this.headHeight(block);
    for (const row of block.rows) {
      this.write(wrap(this.pen, row.label, this.widths.labels - 2 * GAP), this.widths.labels - GAP, this.y, "right");
      for (const [column, cell] of row.cells.entries()) if (cell) await this.drawCell(cell, this.left(column));
      this.y += this.rowHeight(row);
    }
  }

  async drawCell(cell, left) {
    const height = this.cellHeight(cell);
    const image = await load(cell.source);
    if (image) this.pen.drawImage(image, left, this.y, this.cell, height);
    else this.write([t("not drawn")], left + GAP, this.y + GAP, "left", MUTED);
    this.write(this.noteLines(cell), left + this.cell / 2, this.y + height + 2, "center", MUTED);
    if (!cell.star) return;
    this.pen.strokeStyle = STAR;
    this.pen.lineWidth = 2;
    this.pen.strokeRect(left + 1, this.y + 1, this.cell - 2, height - 2);
  }

  /** The canvas as a PNG. Throws a SecurityError in a page opened as a file, where a browser reads no pictures. */
  toBlob() {
    return new Promise((resolve, reject) => {
      const done = (blob) => (blob ? resolve(blob) : reject(new Error(t("the picture is too large"))));
      this.canvas.toBlob(done, "image/png");
    });
  }
}

/**
 * Draw a table under a title and return a PNG (Blob).
 *
 * @param {string} title
 * @param {object[]} blocks [{title, columns: [label], rows: [{label, cells: [cell]}]}]; a cell: null or
 *   {source, width, height, star, notes: [text below it]}
 * @param {number} size pixels of a cell's width, less if the sheet would be too large for a canvas
 */
export async function drawSheet(title, blocks, size) {
  const sheet = new Sheet(blocks, size);
  sheet.open(title, blocks);
  sheet.drawTitle(title);
  for (const block of blocks) await sheet.drawBlock(block);
  return sheet.toBlob();
}
