// Saving what a picture was drawn with as one LoRA file: where that can be, and asking for it.

import { t } from "./words.js";

/** Whether the LoRAs of a cell can be saved: they are no file as they are, and there is a server that makes one. */
export const canKeep = (viewer, id) => Boolean(viewer.keep && viewer.data.virtual?.[id]);

/** Whether those of any cell can. */
export const keepsAny = ({ keep, data }) => Boolean(keep && Object.keys(data.virtual ?? {}).length);

/** Save the LoRAs of the cell at a place, or say why not; without a server, nothing. */
export function keepLora(viewer, at) {
  const id = viewer.comparison.cell(at);
  if (canKeep(viewer, id)) viewer.keep(id, viewer.data.virtual[id]);
  else if (viewer.keep) viewer.say(t("no new LoRA here: it is drawn with one file as it is, or with none"));
}
