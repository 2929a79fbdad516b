// A view of the comparison as one picture: blocks of a table with names, drawn from the single pictures.

const PAPER = "#1c1c20",
  INK = "#e8e8ec",
  MUTED = "#a0a0aa",
  GAP = 6,
  SIDE = 16384,
  MOST = 120e6;

/** Words in lines that fit a width; a long word is cut where it must be. */
function lines(pen, words, width) {
  const result = [];
  let line = "";
  for (const part of String(words).split(/(?<=[\s_\-./])/)) {
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
  return [...result, line.trimEnd()].filter((one, i, all) => one || all.length === 1);
}

function load(source) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = source;
  });
}

/** A PNG (Blob) of blocks [{title, columns, rows: [{name, cells: [{source, width, height, star} or null]}]}] under a title. */
export async function sheet(title, blocks, size) {
  const most = blocks.reduce((n, block) => Math.max(n, block.columns.length), 1),
    tall = blocks.reduce((n, block) => n + block.rows.length, 0);
  let cell = size;
  const side = () => Math.min(240, Math.max(80, cell));
  const height = (row) =>
    Math.max(24, ...row.cells.map((one) => (one ? Math.round((cell * one.height) / one.width) : 0))) + GAP;
  const area = () => [side() + most * (cell + GAP) + 3 * GAP, tall * (cell + GAP)];
  while (cell > 32 && (Math.max(...area()) > SIDE * 0.9 || area()[0] * area()[1] > MOST)) cell = Math.floor(cell * 0.9);
  const canvas = document.createElement("canvas"),
    pen = canvas.getContext("2d");
  const font = `${Math.min(18, Math.max(11, Math.round(cell / 14)))}px system-ui, sans-serif`,
    line = parseInt(font) + 5;
  const width = side() + most * (cell + GAP) + 3 * GAP;
  pen.font = font;
  const heads = blocks.map(
    (block) => Math.max(1, ...block.columns.map((name) => lines(pen, name, cell).length)) * line + GAP,
  );
  const top = lines(pen, title, width - 4 * GAP);
  canvas.width = width;
  canvas.height = Math.min(
    SIDE,
    top.length * line +
      3 * GAP +
      blocks.reduce(
        (sum, block, i) =>
          sum +
          (block.title ? lines(pen, block.title, width - 4 * GAP).length * line + 2 * GAP : 0) +
          heads[i] +
          block.rows.reduce((n, row) => n + height(row), 0),
        0,
      ),
  );
  pen.fillStyle = PAPER;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.font = font;
  pen.textBaseline = "top";
  const write = (words, x, y, align, colour) => {
    pen.fillStyle = colour;
    pen.textAlign = align;
    words.forEach((one, i) => pen.fillText(one, x, y + i * line));
  };
  let y = GAP;
  write(top, 2 * GAP, y, "left", INK);
  y += top.length * line + GAP;
  for (const [i, block] of blocks.entries()) {
    if (block.title) {
      const words = lines(pen, block.title, width - 4 * GAP);
      write(words, 2 * GAP, y + GAP, "left", INK);
      y += words.length * line + 2 * GAP;
    }
    block.columns.forEach((name, x) =>
      write(lines(pen, name, cell), side() + GAP + x * (cell + GAP) + cell / 2, y, "center", INK),
    );
    y += heads[i];
    for (const row of block.rows) {
      write(lines(pen, row.name, side() - 2 * GAP), side() - GAP, y, "right", INK);
      for (const [x, one] of row.cells.entries()) {
        const left = side() + GAP + x * (cell + GAP),
          image = one && (await load(one.source));
        const h = one ? Math.round((cell * one.height) / one.width) : 0;
        if (image) pen.drawImage(image, left, y, cell, h);
        else if (one) write(["not drawn"], left + GAP, y + GAP, "left", MUTED);
        if (one?.star) {
          pen.strokeStyle = "#f0d060";
          pen.lineWidth = 2;
          pen.strokeRect(left + 1, y + 1, cell - 2, h - 2);
        }
      }
      y += height(row);
    }
  }
  // Of a page that was opened as a file this throws: the browser does not let it read pictures.
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large"))), "image/png"),
  );
}
