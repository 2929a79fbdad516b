// Likeness against prompt following as a drawing: a point for each checkpoint, joined in their order, with error bars.

import { make } from "./make.js";
import { number, scoreTitle } from "./scores.js";
import { t, told } from "./words.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [50, 14, 22, 36]; // pixels around the points
const ROOM = 0.08; // of the range of values, at each of its ends
// The name of SVG's elements: no address that is fetched, of which a page that is opened as a file has none.
const SVG = ["http:", "", "www.w3.org", "2000", "svg"].join("/");
const HEAP = 2.5; // times the range of the joined points, from where on another one is left at the edge
const FEW = 14; // points that all have their names beside them

/** An element of a drawing. */
function shape(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Three to six round numbers between two values. */
export function ticks(low, high) {
  const rough = (high - low) / 4;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * ten).find((each) => each >= rough * 0.7);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

/** The lowest and the highest of some means with their errors. */
const reach = (values) => [
  Math.min(...values.map(({ mean, error }) => mean - (error ?? 0))),
  Math.max(...values.map(({ mean, error }) => mean + (error ?? 0))),
];

/**
 * What an axis shows, with some room: all points, unless one that is joined with none, such as the base model, lies so
 * far off that those that are joined would lie on a heap.
 */
function extent(points, read) {
  const joined = points.filter(({ group }) => group).map(read);
  const isOwn = joined.length > 2; // and of the others the means alone, whose noise is another one
  const counted = (point) => (isOwn && !point.group ? { mean: read(point).mean, error: 0 } : read(point));
  const all = reach(points.map(counted));
  const own = isOwn ? reach(joined) : all;
  const isHeap = own[1] - own[0] > 1e-9 && all[1] - all[0] > HEAP * (own[1] - own[0]);
  const [low, high] = isHeap ? own : all;
  const room = high - low > 1e-9 ? (high - low) * (isHeap ? 2 * ROOM : ROOM) : 0.01;
  return [low - room, high + room];
}

/** "↙": where a point lies that is outside of the ranges; "" for one within. */
function arrow({ x, y }, ranges) {
  const side = ({ mean }, [low, high]) => (mean < low ? 0 : mean > high ? 2 : 1);
  return ["↙←↖", "↓ ↑", "↘→↗"][side(x, ranges.x)][side(y, ranges.y)].trim();
}

/** What is known of a point as one line. */
function inOneLine({ label, x, y, copies, best }, titles) {
  const one = (title, { mean, error, n }) =>
    `${title} ${number(mean)}${error === null ? "" : ` ± ${number(error)}`} (${n})`;
  const parts = [`${label}: ${one(titles.y, y)}`, one(titles.x, x)];
  if (copies) parts.push(t("{count} copies", { count: copies }));
  if (best) parts.push(t("no other is better in both"));
  return parts.join(", ");
}

const isNoisy = ({ x, y }) => x.error !== null || y.error !== null;

/**
 * Return the drawing with what its signs mean.
 *
 * @param {object} data {x, y, note, points: [{label, group, x, y, copies, best}]};
 *   x and y of a point: {mean, error, n}
 * @param {number} width in pixels
 */
export function tradeOff(data, width) {
  const height = Math.round(Math.max(200, Math.min(420, width * 0.62)));
  const ranges = { x: extent(data.points, ({ x }) => x), y: extent(data.points, ({ y }) => y) };
  const part = (value, [low, high]) => (Math.min(high, Math.max(low, value)) - low) / (high - low);
  const atX = (value) => LEFT + (width - LEFT - RIGHT) * part(value, ranges.x);
  const atY = (value) => height - BOTTOM - (height - TOP - BOTTOM) * part(value, ranges.y);
  const titles = { x: scoreTitle(data.x), y: scoreTitle(data.y) };
  const name = t("{y} against {x}, {count} checkpoints", { ...titles, count: data.points.length });
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": name });
  svg.append(...axes(width, height, ranges, titles, { atX, atY }), ...lines(data.points, { atX, atY }));
  const all = data.points.length <= FEW;
  // Boxes that no name lies on: points, and names that are there already.
  const placed = data.points.map(({ x, y }) => ({ left: atX(x.mean) - 6, wide: 12, y: atY(y.mean) + 4 }));
  for (const [index, point] of data.points.entries()) {
    const isEnd = index === 0 || index === data.points.length - 1;
    const far = arrow(point, ranges);
    svg.append(dot({ ...point, far }, inOneLine(point, titles), { atX, atY }));
    const label = far ? `${point.label} ${far}` : point.label;
    if (all || point.best || isEnd || far)
      svg.append(...named({ label }, { x: atX(point.x.mean), y: atY(point.y.mean) }, width, placed));
  }
  const signs = [
    data.points.some(({ best }) => best) && t("ring: no other is better in both, copies and the base model left out"),
    data.points.some(({ copies }) => copies) && t("square: pictures that look like copies"),
    data.points.some((point) => arrow(point, ranges)) && t("arrow: farther off"),
    data.points.some(isNoisy) && t("bars: standard error of the differences"),
  ];
  return make(
    "figure",
    { class: "athanor-trade-off" },
    svg,
    make(
      "figcaption",
      {},
      [`${signs.filter(Boolean).join("; ")}.`, told(data.note)].filter((text) => text.length > 1).join(" "),
    ),
  );
}

function axes(width, height, { x, y }, titles, { atX, atY }) {
  const bottom = height - BOTTOM;
  return [
    ...ticks(...y).flatMap((value) => [
      shape("path", { class: "grid", d: `M${LEFT} ${atY(value)}H${width - RIGHT}` }),
      shape("text", { x: LEFT - 6, y: atY(value) + 4, "text-anchor": "end" }, shortest(value)),
    ]),
    ...ticks(...x).flatMap((value) => [
      shape("path", { class: "grid", d: `M${atX(value)} ${TOP}V${bottom}` }),
      shape("text", { x: atX(value), y: bottom + 15, "text-anchor": "middle" }, shortest(value)),
    ]),
    shape("text", { class: "title", x: width - RIGHT, y: height - 6, "text-anchor": "end" }, `${titles.x} →`),
    shape("text", { class: "title", x: LEFT, y: TOP - 8 }, `↑ ${titles.y}`),
  ];
}

const shortest = (value) => String(Math.round(value * 1e4) / 1e4);

/** The line through the points of each group. */
function lines(points, { atX, atY }) {
  const groups = [...new Set(points.map(({ group }) => group))].filter(Boolean);
  return groups.map((group) => {
    const own = points.filter((point) => point.group === group);
    return shape("path", { class: "line", d: `M${own.map(({ x, y }) => `${atX(x.mean)} ${atY(y.mean)}`).join("L")}` });
  });
}

/** A point with its error bars: a disc, a square if pictures of it look like copies; a ring if it is among the best. */
function dot(point, text, { atX, atY }) {
  const { x, y, copies, best, far } = point;
  const [left, top] = [atX(x.mean), atY(y.mean)];
  const kind = ["point", copies && "copies", far && "far"].filter(Boolean).join(" ");
  const group = shape("g", { class: kind, role: "img", "aria-label": text, tabindex: 0 });
  if (x.error && !far)
    group.append(shape("path", { class: "error", d: `M${atX(x.mean - x.error)} ${top}H${atX(x.mean + x.error)}` }));
  if (y.error && !far)
    group.append(shape("path", { class: "error", d: `M${left} ${atY(y.mean - y.error)}V${atY(y.mean + y.error)}` }));
  if (best) group.append(shape("circle", { class: "ring", cx: left, cy: top, r: 8 }));
  if (copies) group.append(shape("rect", { x: left - 4.5, y: top - 4.5, width: 9, height: 9 }));
  else group.append(shape("circle", { cx: left, cy: top, r: 4 }));
  group.append(shape("title", {}, text));
  return group;
}

/** A point's name beside it, where there is room; nothing if there is none. */
function named({ label }, { x, y }, width, placed) {
  const wide = label.length * 6.4;
  const right = { x: x + 11, y: y - 6, anchor: "start", left: x + 11 };
  const left = { x: x - 11, y: y - 6, anchor: "end", left: x - 11 - wide };
  const below = { x: x + 11, y: y + 16, anchor: "start", left: x + 11 };
  const under = { x: x - 11, y: y + 16, anchor: "end", left: x - 11 - wide };
  const isFree = (place) =>
    place.left > LEFT - 4 &&
    place.left + wide < width &&
    placed.every(
      (other) =>
        Math.abs(other.y - place.y) > 9 || other.left > place.left + wide || other.left + other.wide < place.left,
    );
  const found = [right, left, below, under].find(isFree);
  if (!found) return [];
  placed.push({ ...found, wide });
  return [shape("text", { class: "name", x: found.x, y: found.y, "text-anchor": found.anchor }, label)];
}
