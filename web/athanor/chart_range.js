// Which part of the losses the y axis shows, and marks where some lie beyond it.

import { options } from "./chart_options.js";
import { theme } from "./theme.js";

const FEW = 20; // values, of which none can be called an outlier
const RARE = 0.01; // share of steps that may be outliers at each end
const HALF = 0.5; // share of points that are taken for them at most
const FAR = 0.5; // of the range of the others: what is not further beyond them is no outlier

/** The values of the loss axis that are in view, as lists. */
function inView(plot) {
  const [from, to] = plot.series[0].idxs;
  return plot.series.flatMap(({ scale, show }, i) =>
    i && show && scale === "y" ? [plot.data[i].slice(from, to + 1)] : [],
  );
}

/**
 * The lowest and highest of values without outliers: those far beyond the others, at most a share of them at each end.
 * With `log`, distances are those of logarithms.
 */
export function bounds(values, log, share = RARE) {
  const sorted = values.filter((value) => value != null && (value > 0 || !log)).sort((one, other) => one - other);
  const [low, high] = [sorted[0], sorted.at(-1)];
  if (sorted.length < FEW || !share) return [low, high];
  const cut = Math.max(1, Math.floor(sorted.length * share));
  const [bottom, top] = [sorted[cut], sorted.at(-1 - cut)];
  const unit = log ? Math.log : (value) => value;
  const far = FAR * (unit(top) - unit(bottom));
  return [unit(bottom) - unit(low) > far ? bottom : low, unit(high) - unit(top) > far ? top : high];
}

/** The share of points with an outlier in them, where each is the highest or lowest loss of so many steps. */
export const rare = (steps) => Math.min(HALF, 1 - (1 - RARE) ** Math.max(1, steps));

function range(plot, low, thinning) {
  if (low == null || !Number.isFinite(low)) return options.log ? [0.01, 1] : [0, 1];
  const lists = inView(plot).map((values) => bounds(values, options.log, options.clip ? rare(thinning) : 0));
  const known = lists.filter(([bottom]) => bottom != null);
  const bottom = known.length ? Math.min(...known.map(([value]) => value)) : low;
  const top = known.length ? Math.max(...known.map(([, value]) => value)) : low;
  if (options.log) return [Math.max(1e-9, bottom * 0.9), Math.max(1e-8, top * 1.1)];
  const isFlat = top - bottom < 1e-6 * Math.abs(top); // such as 1 and 1.0000000000000002
  const margin = (isFlat ? Math.abs(top) * 0.1 : (top - bottom) * 0.06) || 1;
  return [bottom >= 0 && bottom < 0.4 * top ? 0 : bottom - margin, top + margin];
}

/** The scale of the loss axis, as the options say. `thinning()`: for how many steps a point in view stands. */
export function lossScale(thinning = () => 1) {
  const distr = options.log ? { distr: 3 } : {};
  return { ...distr, range: (plot, low) => range(plot, low, thinning()) };
}

/** Small triangles at the edge where values lie beyond the axis. */
export function drawCut(plot) {
  const { min, max } = plot.scales.y ?? {};
  if (!options.clip || min == null) return;
  const [from] = plot.series[0].idxs;
  const scale = devicePixelRatio || 1;
  const { top, height } = plot.bbox;
  const pen = plot.ctx;
  const edges = [
    [(value) => value > max, top + 1, 5 * scale],
    [(value) => value < min, top + height - 1, -5 * scale],
  ];
  pen.save();
  pen.fillStyle = theme().ink;
  for (const [isBeyond, y, length] of edges) {
    const found = inView(plot).flatMap((values) =>
      values.flatMap((value, i) => (value != null && isBeyond(value) ? [plot.data[0][from + i]] : [])),
    );
    for (const x of new Set(found.map((each) => Math.round(plot.valToPos(each, "x", true) / 3) * 3))) {
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x - Math.abs(length), y + length);
      pen.lineTo(x + Math.abs(length), y + length);
      pen.fill();
    }
  }
  pen.restore();
}
