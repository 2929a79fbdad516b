// The host's queue as far as it trains: which runs wait in it.

import { api } from "../../../scripts/api.js";
import { get } from "./http.js";

const SOON = 200; // ms from a change of the queue until it is read: a job ends, and the next one begins

let jobs = []; // [{prompt_id, running, workflow_id, runs: [{node, name}]}], the running ones first
let timer = 0;
const listeners = new Set();

async function read() {
  try {
    jobs = await get("/queue");
  } catch {
    return; // the server is gone; the next change is read again
  }
  for (const listener of listeners) listener(jobs);
}

function readSoon() {
  clearTimeout(timer);
  if (listeners.size) timer = setTimeout(read, SOON);
}

/** Call `changed` with the jobs whenever the queue has changed. Returns a function that ends this. */
export function watchQueue(changed) {
  listeners.add(changed);
  readSoon();
  return () => listeners.delete(changed);
}

api.addEventListener("status", readSoon);
api.addEventListener("reconnected", readSoon);

/** The names of the runs that wait, in their order. */
export function waiting(all) {
  return all.filter((job) => !job.running).flatMap((job) => job.runs.map((run) => run.name));
}

/** How many jobs are before the first one that waits for a node; null where none does. `isOwn(job, run)` tells. */
export function jobsBefore(all, isOwn) {
  const place = all.findIndex((job) => !job.running && job.runs.some((run) => isOwn(job, run)));
  return place < 0 ? null : place;
}
