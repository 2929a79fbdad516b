// Which runs the list shows, in which order and groups. Nothing here touches the page.

import { stateOf } from "./format.js";

/** What the list sorts by: name -> the value of a row; a row without one comes last, whichever way it sorts. */
const VALUES = {
  name: (row) => shownName(row).toLowerCase(),
  state: (row) => stateOf(row).word,
  when: (row) => row.time,
  steps: (row) => row.step,
  model: (row) => row.base_model?.toLowerCase() || null,
  probe: (row) => row.probe,
  disk: (row, disk) => disk[row.run_id]?.bytes,
  rating: (row) => row.rating || null,
};

export const KEYS = Object.keys(VALUES);

/** Which way a list sorts at first: what is newest, largest or best is looked for more often. */
export const fallsFirst = (key) => ["when", "steps", "disk", "rating"].includes(key);

/** The name that a run is shown by: the user's own, or that of its files. */
export const shownName = (row) => row.label || row.title || row.run_id;

/** Rows in order; `disk`: what each run takes, as far as it is known. Equal ones are the newest first. */
export function sorted(rows, { key, falls }, disk = {}) {
  const value = VALUES[key] ?? VALUES.when;
  const keyed = rows.map((row) => [value(row, disk), row.time ?? 0, row]);
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compare = (a, b) => (typeof a === "string" ? collator.compare(a, b) : a - b);
  keyed.sort(([a, timeA], [b, timeB]) => {
    if (a == null || b == null) return (a == null) - (b == null) || timeB - timeA;
    return (falls ? -1 : 1) * compare(a, b) || timeB - timeA;
  });
  return keyed.map((each) => each[2]);
}

const STATES = {
  running: (row) => isRunning(row),
  done: (row) => row.status === "done",
  stopped: (row) => ["stopped", "interrupted"].includes(row.status),
  failed: (row) => !isRunning(row) && ["failed", "killed"].includes(row.status),
};

export const isRunning = (row) => Boolean(row.live || row.elsewhere);

/**
 * Whether a row is shown. `filter`: text (words that must all be found), state ("" for all but archived ones,
 * "archived" or a name of STATES), tag ("" for any), starred.
 */
export function matches(row, { text = "", state = "", tag = "", starred = false }) {
  if (row.archived !== (state === "archived") && !isRunning(row)) return false;
  if (STATES[state] && !STATES[state](row)) return false;
  if (tag && !row.tags.includes(tag)) return false;
  if (starred && !row.starred) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  const { title, label, note, tags, run_id, base_model } = row;
  const searched = [title, label, note, ...tags, run_id, base_model, stateOf(row).word].join("\n").toLowerCase();
  return words.every((word) => searched.includes(word));
}

/**
 * The lines of the list: {group, count} and {row}, or {queued}: what waits first, what runs, then the rest. With a
 * single group its heading is left out. A job that runs and has a run already is shown as that run.
 */
export function lines(rows, queued = []) {
  const running = rows.filter(isRunning);
  const known = new Set(running.map((row) => row.prompt_id));
  const parts = [
    ["queued", queued.filter((each) => !each.running).map((each) => ({ queued: each }))],
    [
      "running",
      [
        ...queued.filter((each) => each.running && !known.has(each.prompt_id)).map((each) => ({ queued: each })),
        ...running.map((row) => ({ row })),
      ],
    ],
    ["finished", rows.filter((row) => !isRunning(row)).map((row) => ({ row }))],
  ].filter(([, found]) => found.length);
  if (parts.length === 1 && parts[0][0] === "finished") return parts[0][1];
  return parts.flatMap(([group, found]) => [{ group, count: found.length }, ...found]);
}

/** All tags of rows, each once, in order of the alphabet. */
export const allTags = (rows) => [...new Set(rows.flatMap((row) => row.tags))].sort((a, b) => a.localeCompare(b));

/** Ids between two of a list, both included, in the list's order. */
export function between(ids, one, other) {
  const [from, to] = [ids.indexOf(one), ids.indexOf(other)].sort((a, b) => a - b);
  return from < 0 ? [other] : ids.slice(from, to + 1);
}

/** A table of differences as text with tabs, for a spreadsheet. `names`: of the runs. */
export function asText(names, rows, show = String) {
  const line = (cells) => cells.map((cell) => String(cell).replace(/[\t\n]/g, " ")).join("\t");
  return [line(["", ...names]), ...rows.map((row) => line([row.name, ...row.values.map(show)]))].join("\n");
}
