// The trainings in the host's queue, for whoever shows what runs and what waits.

import { api } from "../../../scripts/api.js";

const KIND = "AthanorTrainLoRA";
const PAUSE = 300; // ms: the host tells of every change, and of several at once where many jobs are queued
const listeners = new Set();
let trainings = [];
let timer = 0;

/**
 * The trainings of the host's answer to GET /queue, the running job's first, then as they will run: [{prompt_id, node,
 * name, running, place}]. `name`: output_name, "" where the graph computes it; `place`: 1 for what runs next, 0 now.
 */
export function trainingsOf({ queue_running: running = [], queue_pending: pending = [] }) {
  const waiting = [...pending].sort((a, b) => a[0] - b[0]);
  const jobs = [...running.map((job) => [job, 0]), ...waiting.map((job, i) => [job, i + 1])];
  return jobs.flatMap(([[, prompt_id, prompt], place]) =>
    Object.entries(prompt ?? {})
      .filter(([, node]) => node?.class_type === KIND)
      .map(([node, { inputs }]) => {
        const name = inputs?.output_name;
        return { prompt_id, node, name: typeof name === "string" ? name.trim() : "", running: place === 0, place };
      }),
  );
}

async function read() {
  const answer = await api.fetchApi("/queue");
  if (!answer.ok) return;
  trainings = trainingsOf(await answer.json());
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
