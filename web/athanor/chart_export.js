// A chart as a picture with title and legend, and its runs as a table.

import { download } from "../viewer/make.js";
import { make } from "./dom.js";
import { addressOf } from "./http.js";
import { dash, theme } from "./theme.js";

const [WIDTH, HEIGHT] = [1200, 640]; // of the drawn chart, in pixels of the page
const [EDGE, LINE] = [16, 24]; // around it; height of a line of text

/** A name without what file systems do not take. */
const fileName = (text) => text.replace(/[\\/:*?"<>|\p{Cc}]+/gu, "_").slice(0, 80) || "chart";

/** The lines of a legend: entries side by side as far as they fit; each {label, stroke, dash, x, row}. */
function placed(pen, lines, width) {
  let [x, row] = [0, 0];
  return lines.map((line) => {
    const length = 44 + pen.measureText(line.label).width + 20;
    if (x && x + length > width) [x, row] = [0, row + 1];
    const entry = { ...line, x, row };
    x += length;
    return entry;
  });
}

/** The chart as a canvas: at a size of its own, with title and legend, on the colour of the panel. */
export async function picture(chart) {
  const scale = devicePixelRatio || 1;
  const { plot } = chart;
  const canvas = make("canvas");
  const pen = canvas.getContext("2d");
  pen.font = "14px system-ui, sans-serif";
  const legend = placed(pen, chart.legendLines(), WIDTH);
  const head = EDGE + LINE * (2 + (legend.at(-1)?.row ?? 0)) + 10;
  canvas.width = (WIDTH + 2 * EDGE) * scale;
  canvas.height = (head + HEIGHT + EDGE) * scale;
  plot.setSize({ width: WIDTH, height: HEIGHT });
  await Promise.resolve(); // uPlot draws when the present work is done
  await Promise.resolve();
  pen.scale(scale, scale);
  const colours = theme();
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(plot.ctx.canvas, EDGE, head, WIDTH, HEIGHT);
  plot.setSize(chart.size());
  pen.fillStyle = colours.ink;
  pen.font = "600 16px system-ui, sans-serif";
  pen.fillText(chart.title(), EDGE, EDGE + 14, WIDTH);
  pen.font = "14px system-ui, sans-serif";
  for (const { label, stroke, pattern, x, row } of legend)
    drawEntry(pen, label, stroke, pattern, EDGE + x, EDGE + LINE * (row + 1.6));
  return canvas;
}

function drawEntry(pen, label, stroke, pattern, x, y) {
  pen.strokeStyle = stroke;
  pen.lineWidth = 2;
  pen.setLineDash(pattern ?? dash(0));
  pen.beginPath();
  pen.moveTo(x, y - 4);
  pen.lineTo(x + 36, y - 4);
  pen.stroke();
  pen.fillText(label, x + 44, y, WIDTH);
}

/** Save the chart as PNG, as it is zoomed. */
export async function savePicture(chart) {
  if (!chart.plot) return;
  const canvas = await picture(chart);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  download(blob, `${fileName(chart.title())}.png`);
}

/** Save all steps of the chart's runs as CSV. */
export function saveTable(chart) {
  const runs = chart.shownRuns();
  if (!runs.length) return;
  const href = addressOf(`/metrics.csv?runs=${runs.map((run) => run.id).join()}`);
  make("a", { href, download: `${fileName(chart.title())}.csv` }).click();
}
