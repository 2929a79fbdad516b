// An upload without its dialog: what the server says of the files, which of them it has already, and sending them.

import { post, sendFile } from "./http.js";
import { t } from "./words.js";
import { checksum } from "./upload_files.js";

const AT_ONCE = 4; // files that are under way
const COMPARED = 50; // files whose checksums are asked for at once
const HOPELESS = 3; // files in a row that the connection failed for: nothing more is sent
const FULL = 507; // status of an answer: the disk is full

const address = (folder, file) => `/upload?${new URLSearchParams({ folder, file })}`;

/**
 * Ask the server what would become of files. Resolves to {folder, pictures, captions, room, entries}, where an entry is
 * {path, file, name, why, there, isCaption}: its name in the folder, or why it is left out; bytes of what is there, or
 * -1. `keep`: paths of files that get another name where one is there.
 */
export async function planUpload(folder, files, keep = []) {
  const sizes = files.map(({ path, file }) => [path, file.size]);
  const told = await post("/upload/plan", { folder, files: sizes, keep });
  const entries = files.map(({ path, file }, index) => {
    const { file: name, why, there, caption } = told.files[index];
    return { path, file, name, why, there, isCaption: caption };
  });
  return { ...told, entries, keep };
}

/** Mark the entries whose content is there already as `same`; `step(done, all)` tells how far this is. */
export async function compareThere(plan, step, signal) {
  const alike = plan.entries.filter(({ name, there, file }) => name && there === file.size);
  for (let done = 0; done < alike.length; done += COMPARED) {
    signal.throwIfAborted();
    step(done, alike.length);
    const some = alike.slice(done, done + COMPARED);
    const { crc32 } = await post("/upload/there", { folder: plan.folder, files: some.map(({ name }) => name) });
    for (const entry of some) entry.same = crc32[entry.name] === (await checksum(entry.file));
  }
}

/** Entries that are to be sent, those that would replace another content only if `replace`. */
export function toSend(plan, replace) {
  return plan.entries.filter(({ name, there, same }) => name && !same && (there < 0 || replace));
}

/**
 * Send entries, a few at a time, small ones (captions) with their pictures. `step({files, bytes, seconds})` tells how
 * far it is. Resolves to {sent, failed: [[path, sentence]], stopped}; `signal` ends it, and what was sent stays.
 */
export async function sendAll(folder, entries, { replace, signal, step }) {
  const waiting = entries[Symbol.iterator]();
  const begun = performance.now();
  const result = { sent: [], failed: [], stopped: false };
  let [bytes, lost] = [0, 0];
  const fail = (entry, error) => {
    const isUnreadable = error.name === "NotReadableError";
    result.failed.push([entry.path, isUnreadable ? unreadable() : error.message]);
    lost = error.status === undefined && !isUnreadable ? lost + 1 : 0;
    if (lost >= HOPELESS || error.status === FULL) result.stopped = true;
  };
  const one = async (entry) => {
    const path = address(folder, entry.name) + (replace ? "&replace=1" : "");
    try {
      await sendFile(path, entry.file, signal);
      result.sent.push(entry);
      lost = 0;
    } catch (error) {
      if (signal.aborted) return;
      fail(entry, error);
    }
    bytes += entry.file.size;
    step({ files: result.sent.length + result.failed.length, bytes, seconds: (performance.now() - begun) / 1000 });
  };
  const worker = async () => {
    for (const entry of waiting) {
      if (signal.aborted || result.stopped) return;
      await one(entry);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return result;
}

const unreadable = () => t("The browser cannot read it: it was changed or moved since it was chosen.");
