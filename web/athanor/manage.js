// What the page asks the server to do with runs as a whole: labels, what they take on the disk, differences, the trash.

import { get, post } from "./http.js";

const AT_ONCE = 200; // runs of one request

/** Change labels of a run: {label, note, rating, tags, archived} or some of them. Returns its row in the list. */
export const setLabels = (id, values) => post(`/runs/${id}/labels`, values);

/** What runs take on the disk: {runs: {id: {bytes, states, loras}}, averages, trash}. */
export const disk = () => get("/disk");

/** Delete the files that axes have made of averages of DoRA. Returns {deleted}. */
export const deleteAverages = () => post("/averages/delete");

/** The settings in which runs differ: {runs: [ids], rows: [{group, name, values}]}. */
export const differences = (ids) => post("/differences", { runs: ids });

/** What is in the trash: {entries, bytes}. */
export const trash = () => get("/trash");

/** Send a long list in parts, and put the lists of the answers together. */
async function inParts(path, field, values, more = {}) {
  const whole = {};
  for (let at = 0; at < values.length; at += AT_ONCE) {
    const answer = await post(path, { [field]: values.slice(at, at + AT_ONCE), ...more });
    for (const [name, part] of Object.entries(answer)) {
      whole[name] = Array.isArray(part) ? [...(whole[name] ?? []), ...part] : (whole[name] ?? 0) + part;
    }
  }
  return whole;
}

/** Move runs into the trash; `loras`: with their LoRA files. Returns {entries, refused}. */
export const throwAway = (ids, loras) => inParts("/trash", "runs", ids, { loras });

/** Move the states of runs into the trash. Returns {entries, refused}. */
export const throwStates = (ids) => inParts("/trash/states", "runs", ids);

/** Bring entries of the trash back, the last thrown first. Returns {restored, refused}. */
export const restore = (names) => inParts("/trash/restore", "names", names);

/** Delete entries of the trash for good. Returns {deleted}. */
export const deleteForGood = (names) => inParts("/trash/empty", "names", names);
