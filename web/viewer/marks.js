// Stars, rejects and notes of cells.

/**
 * Marks by cell id, each {star, reject, note} with only what is set. They start with those that came with the
 * comparison. Changes go to `save(id, mark)` or, in a page without a server (save is null), into the browser's storage.
 */
export class Marks {
  constructor(data, save) {
    this.key = `athanor-viewer:${data.name}`;
    this.save = save;
    this.all = { ...data.marks };
    if (!save) Object.assign(this.all, this.stored());
  }

  /** Marks that this browser keeps; none if its storage is closed or damaged. */
  stored() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? {};
    } catch {
      return {};
    }
  }

  /** The mark of a cell; an empty object if it has none. */
  of(id) {
    return this.all[id] ?? {};
  }

  /** Whether a cell is shown under a filter: "all", "starred" or "not rejected". */
  passes(id, filter) {
    const mark = this.of(id);
    return filter === "all" || (filter === "starred" ? Boolean(mark.star) : !mark.reject);
  }

  /** Change a cell's mark. Returns a promise that fails if the server did not store it. */
  async set(id, change) {
    const mark = { ...this.of(id), ...change };
    for (const name of Object.keys(mark)) if (!mark[name]) delete mark[name];
    this.all[id] = mark; // an empty mark stays: it takes back one that came with the comparison
    if (this.save) return this.save(id, mark);
    try {
      localStorage.setItem(this.key, JSON.stringify(this.all));
    } catch {
      // With full or closed storage the marks last until the page is closed.
    }
  }

  /** All marks with their cells' settings, as the text of a JSON file. */
  toJson(data) {
    const marked = Object.entries(this.all).filter(([, mark]) => Object.keys(mark).length);
    const cells = Object.fromEntries(marked.map(([id, mark]) => [id, { ...mark, parameters: data.parameters?.[id] }]));
    return JSON.stringify({ comparison: data.name, marks: cells }, null, 1);
  }
}

/** The marks in the text of such a file, as [id, mark] of cells that are in `sizes`. Throws if it is no such file. */
export function fromJson(text, sizes) {
  const entries = Object.entries(JSON.parse(text).marks).filter(([id]) => id in sizes);
  return entries.map(([id, { star, reject, note }]) => [
    id,
    { star: star === true, reject: reject === true, note: typeof note === "string" ? note : "" },
  ]);
}
