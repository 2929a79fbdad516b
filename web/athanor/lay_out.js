// Where nodes lie: groups in rows, in each of them columns of nodes, so that the whole is as large as it can be.

const GAP = 18; // pixels between nodes, and between groups
const TITLE = 30; // above a node
const HEAD = 40; // of a group
const PAD = 10; // between a group's border and its nodes
const WIDE = 1200; // pixels at least of the first row: what is seen first leaves nothing empty

/** The places of a group's nodes from its upper left, and its size. `columns`: lists of {id, width, height, room}. */
function measured({ title, columns }) {
  const places = [];
  let left = PAD;
  let low = 0;
  for (const column of columns) {
    let top = HEAD;
    for (const { id, height, room = 0 } of column) {
      places.push([id, left, top + TITLE]);
      top += TITLE + height + room + GAP;
    }
    low = Math.max(low, top - GAP + PAD);
    left += Math.max(...column.map(({ width }) => width)) + GAP;
  }
  return { title, places, size: [left - GAP + PAD, low] };
}

const widthOf = (row) => row.reduce((sum, { size }) => sum + size[0] + GAP, -GAP);
const heightOf = (row) => Math.max(...row.map(({ size }) => size[1]));

/** Every way to break a list into rows. */
function* breaks(groups) {
  for (let mask = 0; mask < 2 ** (groups.length - 1); mask += 1) {
    const rows = [[]];
    for (const [i, group] of groups.entries()) {
      if (i && (mask >> (i - 1)) & 1) rows.push([]);
      rows.at(-1).push(group);
    }
    yield rows;
  }
}

/** How large the rows can be drawn on a screen. */
function zoomOf(rows, [width, height]) {
  const high = rows.reduce((sum, row) => sum + heightOf(row) + GAP, -GAP);
  return Math.min(width / Math.max(...rows.map(widthOf)), height / high);
}

/**
 * Lay groups out in their order. `groups`: [{title, columns: [[{id, width, height, room}]]}], sizes in pixels without
 * titles, `room` left free below a node; `screen`: [width, height] that they shall fill. Returns
 * {places: Map of id -> [x, y], groups: [{title, pos, size}]}.
 */
export function layOut(groups, screen) {
  const all = [...breaks(groups.map(measured))];
  const filled = all.filter((rows) => widthOf(rows[0]) >= Math.min(WIDE, widthOf(rows.flat())));
  const rows = filled.reduce((best, other) => (zoomOf(other, screen) > zoomOf(best, screen) ? other : best));
  const places = new Map();
  const boxes = [];
  let top = 0;
  for (const row of rows) {
    let left = 0;
    const high = heightOf(row);
    for (const group of row) {
      for (const [id, x, y] of group.places) places.set(id, [left + x, top + y]);
      boxes.push({ title: group.title, pos: [left, top], size: [group.size[0], high] });
      left += group.size[0] + GAP;
    }
    top += high + GAP;
  }
  return { places, groups: boxes };
}
