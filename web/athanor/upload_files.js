// Files that a user chooses or drops, with the folders that they came in.

const MOST = 20_001; // one more than the server takes: it says so

/** Files of a file input as [{path, file}]; the path begins with the folder that was chosen. */
export function chosenFiles(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Whether something that is dragged over the page has files. */
export const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/**
 * Resolve to what was dropped as [{path, file}], with all that is in dropped folders. Call it in the event itself: the
 * browser forgets what was dropped once that has ended.
 */
export async function droppedFiles(event) {
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) await collect(entry, "", found);
  return found;
}

async function collect(entry, folder, found) {
  if (!entry || found.length >= MOST) return;
  const path = folder + entry.name;
  if (entry instanceof File) {
    found.push({ path, file: entry });
  } else if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ path, file });
  } else {
    const reader = entry.createReader();
    const next = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    // It gives at most a hundred at a time.
    for (let inside = await next(); inside.length; inside = await next()) {
      for (const each of inside) await collect(each, `${path}/`, found);
    }
  }
}

/** Whether a number in front of a folder's name is one of repeats: the server takes no larger ones; a year is none. */
const isRepeats = (number) => number > 0 && number <= 10_000 && !(number >= 1900 && number < 2100);

/**
 * The name of a dataset that files stand for, and their paths below it: one folder that holds all of them is the
 * dataset itself; kohya's "10_sks cat" is kept as its sub-folder. The name is "" where nothing tells.
 */
export function asDataset(files) {
  const first = new Set(files.map(({ path }) => path.split("/")[0]));
  const [root] = first;
  if (first.size !== 1 || !files.every(({ path }) => path.includes("/"))) return { name: "", files };
  const [, number, repeated] = root.match(/^(\d+)_(.*)$/) ?? [];
  if (isRepeats(Number(number))) return { name: repeated.trim(), files };
  const below = files.map(({ path, file }) => ({ path: path.slice(root.length + 1), file }));
  return { name: root, files: below };
}

const TABLE = new Uint32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The CRC-32 of a file in eight digits. (The browser's own digests are missing on pages without https.) */
export async function checksum(file) {
  let value = 0xffffffff;
  for (let at = 0; at < file.size; at += 1 << 22) {
    const bytes = new Uint8Array(await file.slice(at, at + (1 << 22)).arrayBuffer());
    for (const byte of bytes) value = (value >>> 8) ^ TABLE[(value ^ byte) & 255];
  }
  return ((value ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** Call `take` with files that are dropped on an element, which the host would open as a workflow. */
export function listenToDrops(element, take) {
  for (const kind of ["dragover", "drop"]) {
    element.addEventListener(kind, (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      if (kind === "drop") take(droppedFiles(event));
    });
  }
}
