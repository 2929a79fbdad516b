// Own presets as files: out of the list to the user's disk, and back from another computer.

import { chooseFiles, download } from "../viewer/make.js";
import { post } from "./http.js";
import { t } from "./words.js";

/** Give a preset to the user as a JSON file. */
export function exportPreset({ name, families, purposes, about, settings }) {
  const text = JSON.stringify({ name, families, purposes, about, settings }, null, 2);
  download(new Blob([text], { type: "application/json" }), `${name}.json`);
}

/**
 * Ask the user for files of presets and keep each on the server, under a name that is free: `isTaken(name)`.
 * `done(preset)` is called for each, `failed(sentence)` for a file that is none.
 */
export function importPresets({ isTaken, done, failed }) {
  chooseFiles({ accept: ".json,application/json", multiple: true }, async (files) => {
    for (const file of files) {
      try {
        done(await post("/presets", named(JSON.parse(await file.text()), file, isTaken)));
      } catch (error) {
        const why = error instanceof SyntaxError ? t("it is no JSON") : error.message;
        failed(t("{file}: {why}", { file: file.name, why }));
      }
    }
  });
}

/** What a file holds, with a name that no own preset has: its own one, or the same with a number. */
function named(preset, file, isTaken) {
  const { families = [], purposes = [], about = "", settings } = preset ?? {};
  if (!settings || typeof settings !== "object") throw new Error(t("it is no preset"));
  const first = String(preset.name || file.name.replace(/\.json$/i, ""));
  let name = first;
  for (let number = 2; isTaken(name); number += 1) name = `${first} (${number})`;
  return { name, families, purposes, about, settings };
}
