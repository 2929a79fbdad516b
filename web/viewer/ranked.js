// All pictures of a view as one sheet, in order of a score.

import { make } from "./make.js";
import { bestFirst, number, scoreTitle } from "./scores.js";
import { t } from "./words.js";

/** The sheet; `draw(at)` makes the picture of a place, `isShown(at)` tells whether the user has left it out. */
export function rankedSheet(comparison, view, draw, isShown) {
  const { title, high } = comparison.scores.kind(view.score);
  const places = bestFirst(comparison, view).filter(isShown);
  const words = { count: places.length, title: scoreTitle(title) };
  const figures = places.map((at) =>
    make("figure", {}, draw(at), make("figcaption", { title: comparison.describe(at) }, comparison.describe(at))),
  );
  return make(
    "section",
    { class: "ranked" },
    make(
      "h2",
      {},
      high
        ? t("All {count} pictures by {title}, the highest first", words)
        : t("All {count} pictures by {title}, the lowest first", words),
    ),
    make("div", { class: "figures" }, figures),
  );
}

/** The picture above, below or beside one of such a sheet; undefined at its edge. */
export function neighbourIn(images, image, down, right) {
  const here = images.indexOf(image);
  if (right) return images[here + right];
  const { left, top } = image.getBoundingClientRect();
  const inColumn = images.filter((other) => Math.abs(other.getBoundingClientRect().left - left) < 2);
  const isFurther = (other) => down * (other.getBoundingClientRect().top - top) > 1;
  const further = inColumn.filter(isFurther);
  return down > 0 ? further[0] : further.at(-1);
}

/** The blocks of a view as `drawSheet` takes them; `cell(at)`: what it draws of a place. */
export function sheetBlocks(comparison, view, cell) {
  const { scores } = comparison;
  const noted = (at) => {
    const drawn = cell(at);
    const value = scores.kind(view.score) && scores.value(comparison.cell(at), view.score);
    return drawn && value !== undefined ? { ...drawn, notes: [number(value)] } : drawn;
  };
  if (view.sort === "pictures" && scores.kind(view.score)) {
    const places = bestFirst(comparison, view);
    const across = Math.max(1, Math.ceil(Math.sqrt(places.length * 1.5)));
    const withNames = places.map((at) => [noted(at), comparison.describe(at)]).filter(([drawn]) => drawn);
    const cells = withNames.map(([drawn, name]) => ({ ...drawn, notes: [...(drawn.notes ?? []), name] }));
    const rows = Array.from({ length: Math.ceil(cells.length / across) }, (_, i) => ({
      label: `${i * across + 1}`,
      cells: cells.slice(i * across, (i + 1) * across),
    }));
    return [{ title: scores.kind(view.score).title, columns: Array(Math.min(across, cells.length)).fill(""), rows }];
  }
  return comparison.blocks(view).map(({ title, columns, rows }) => ({
    title,
    columns: columns.map(({ label }) => label),
    rows: rows.map(({ label, places }) => ({ label, cells: places.map(noted) })),
  }));
}
