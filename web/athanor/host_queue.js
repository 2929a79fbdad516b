// The trainings in the host's queue, for whoever shows what runs and what waits.

import { api } from "../../../scripts/api.js";
import { get } from "./http.js";

const PAUSE = 300; // ms: the host tells of every change, and of several at once where many jobs are queued
const listeners = new Set();
let trainings = [];
let timer = 0;

/**
 * The trainings of the answer of GET /athanor/queue, the running job's first, then as they will run: [{prompt_id,
 * workflow_id, node, name, running, place}]. `name`: output_name, "" where the graph computes it; `place`: 1 for what
 * runs next, 0 now.
 */
function trainingsOf(jobs) {
  let place = 0;
  return jobs.flatMap(({ runs, ...job }) => {
    if (!job.running) place += 1;
    return runs.map((run) => ({ ...job, ...run, place }));
  });
}

async function read() {
  trainings = trainingsOf(await get("/queue"));
  for (const listener of listeners) listener(trainings);
}

/** Read soon; a server that does not answer says so elsewhere. */
function readSoon() {
  clearTimeout(timer);
  if (listeners.size) timer = setTimeout(() => read().catch(() => {}), PAUSE);
}

/** Call `changed` with the trainings now and whenever the queue has changed. Returns a function that ends this. */
export function watchQueue(changed) {
  listeners.add(changed);
  readSoon();
  return () => listeners.delete(changed);
}

/** Take a waiting job out of the queue, with all that its graph would have made. */
export async function takeOut(prompt_id) {
  await api.fetchApi("/queue", { method: "POST", body: JSON.stringify({ delete: [prompt_id] }) });
  readSoon();
}

for (const kind of ["status", "execution_start", "execution_success", "execution_error", "execution_interrupted"]) {
  api.addEventListener(kind, readSoon);
}
