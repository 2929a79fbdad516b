// What users keep: to the user's disk, back from another computer, renamed, deleted and brought back.

import { chooseFiles, download, make } from "../viewer/make.js";
import { post } from "./http.js";
import { t } from "./words.js";

/** Give an own preset, list or grid to the user as a JSON file. */
export function exportKept(kept) {
  download(new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" }), `${kept.name}.json`);
}

/** Give a preset to the user as a JSON file. */
export function exportPreset({ name, families, purposes, about, settings }) {
  exportKept({ name, families, purposes, about, settings });
}

/**
 * Ask the user for files and keep each on the server, by the route `path`, under a name that is free: `isTaken(name)`.
 * `fields`: what each must have; `none`: what is said of a file that lacks one. `done(kept)` is called for each,
 * `failed(sentence)` for a file that is none.
 */
export function importKept(path, { fields, none, isTaken, done, failed }) {
  chooseFiles({ accept: ".json,application/json", multiple: true }, async (files) => {
    for (const file of files) {
      try {
        const kept = JSON.parse(await file.text());
        if (!kept || fields.some((field) => kept[field] === undefined)) throw new Error(none);
        done(await post(path, { ...kept, name: freeName(kept, file, isTaken), replace: false }));
      } catch (error) {
        const why = error instanceof SyntaxError ? t("it is no JSON") : error.message;
        failed(t("{file}: {why}", { file: file.name, why }));
      }
    }
  });
}

/** The name of what a file holds, or that of the file; with a number where it is taken. */
function freeName(kept, file, isTaken) {
  const first = String(kept.name || file.name.replace(/\.json$/i, ""));
  let name = first;
  for (let number = 2; isTaken(name); number += 1) name = `${first} (${number})`;
  return name;
}

/**
 * Delete what is kept by the route `path`. `deleted(button)` is called with a button that brings it back, and
 * `restored(kept)` when it did; `failed(sentence)` if the server refuses.
 */
export async function deleteKept(path, kept, { deleted, restored, failed }) {
  const act = (work) => work().catch((error) => failed(error.message));
  const bringBack = () => act(async () => restored(await post(path, kept)));
  await act(async () => {
    await post(`${path}/delete`, { name: kept.name });
    deleted(make("button", { type: "button", onclick: bringBack }, t("Undo")));
  });
}
