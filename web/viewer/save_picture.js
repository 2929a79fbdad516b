// The table of a viewer as one PNG that the user gets.

import { chooseFiles, download } from "./make.js";
import { sheetBlocks } from "./ranked.js";
import { drawSheet } from "./sheet.js";
import { t } from "./words.js";

/** Save the table as one PNG. A page that was opened as a file must be given the pictures by the user first. */
export async function savePicture(viewer) {
  viewer.say(t("drawing the picture ..."));
  try {
    await save(viewer, viewer.address);
  } catch (error) {
    if (error.name !== "SecurityError") return viewer.say(t("no picture: {why}", { why: error.message }));
    viewer.say(t("choose the folder 'cells' beside this page"));
    chooseFiles({ webkitdirectory: true }, (files) => {
      const byName = new Map(files.map((file) => [file.name, file]));
      return saveFiles(viewer, byName);
    });
  }
}

/** The same with the pictures as files, by their names. */
async function saveFiles(viewer, byName) {
  const addresses = new Map(); // a picture may stand at several places
  const addressOf = (id) => {
    const file = byName.get(`${id}.png`);
    if (file && !addresses.has(id)) addresses.set(id, URL.createObjectURL(file));
    return addresses.get(id) ?? "";
  };
  try {
    await save(viewer, addressOf);
  } catch (error) {
    viewer.say(t("no picture: {why}", { why: error.message }));
  } finally {
    for (const address of addresses.values()) URL.revokeObjectURL(address);
  }
}

async function save(viewer, address) {
  const { comparison, data, marks, view } = viewer;
  const cell = (at) => {
    const id = comparison.cell(at);
    if (!marks.passes(id, view.show)) return null;
    const [width, height] = comparison.size(id);
    const source = comparison.error(id) === undefined ? address(id) : "";
    return { source, width, height, star: marks.of(id).star };
  };
  download(await drawSheet(data.title, sheetBlocks(comparison, view, cell), view.size), `${data.name}.png`);
  viewer.say("");
}
