// What the table shows: which axis lies where, the values of the other axes, the size of pictures, the filter.

/** Pixels that a cell of the table has at least, and at most. */
export const SMALLEST = 32;
export const LARGEST = 1024;

/** The view that a comparison opens with: its first three axes as columns, rows and blocks. */
export function firstView({ axes, lengths }) {
  return {
    x: axes[0]?.index ?? null,
    y: axes[1]?.index ?? null,
    z: axes[2]?.index ?? null,
    at: lengths.map(() => 0),
    size: 256,
    show: "all",
  };
}

/** The view with an axis in the place "x", "y" or "z"; if it had another place, that one gets the axis it replaces. */
export function placed(view, place, axis) {
  const result = { ...view };
  for (const other of ["x", "y", "z"]) {
    if (other !== place && axis !== null && view[other] === axis) result[other] = view[place];
  }
  return { ...result, [place]: axis };
}

/** The part of a view that the page's address holds, as text. */
export function toHash({ x, y, z, at, size }) {
  return `#${encodeURIComponent(JSON.stringify({ x, y, z, at, size }))}`;
}

/** The view in an address; an empty object if it has none that fits axes of these lengths. */
export function fromHash(hash, lengths) {
  const isIndex = (value, count) => Number.isInteger(value) && value >= 0 && value < count;
  try {
    const { x, y, z, at, size } = JSON.parse(decodeURIComponent(hash.slice(1)));
    if (![x, y, z].every((axis) => axis === null || isIndex(axis, lengths.length))) return {};
    if (at?.length !== lengths.length || !at.every((value, axis) => isIndex(value, lengths[axis]))) return {};
    return { x, y, z, at, size: clampSize(Number(size) || 256) };
  } catch {
    return {};
  }
}

/** The nearest size in pixels that a cell may have. */
export function clampSize(size) {
  return Math.min(LARGEST, Math.max(SMALLEST, size));
}
