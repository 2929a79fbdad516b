// The runs that the page shows, by run id: read from the server's folders, kept fresh by its broadcasts `athanor.run`.
// A broadcast only says that there is something new. Every number is read from the run's own files, so that a reload, a
// second page or a lost message make no difference.

import { api } from "../../../scripts/api.js";
import { addressOf, get, post } from "./http.js";

const INTERVAL = 1000; // ms between two reads of the same run
const OTHER_PROCESS_INTERVAL = 5000; // ms: a run of another process sends no broadcasts to this page
const POINTS = 2000; // points of a curve that are requested
const MOST_POINTS = 4000; // beyond this many, the curve is requested again as a whole, thinned by the server

class Run {
  constructor(id) {
    this.id = id;
    this.path = `/runs/${id}`;
    this.summary = null; // as GET /athanor/runs/{id} answers
    this.points = [];
    this.message = null; // the last broadcast
    this.error = null; // why the last read failed
    this.planned = false; // whether it has no folder yet that could be read
    this.listeners = new Set();
    this.stale = { curve: true, summary: true };
    this.busy = false;
  }

  /** The newest point of the curve. */
  get last() {
    return this.points[this.points.length - 1];
  }

  get live() {
    if (this.summary && !this.planned) return this.summary.live;
    return Boolean(this.message) && this.message.kind !== "ended";
  }

  /** How it stands, for `stateOf`: as its folder tells, or while it has none, its last broadcast. */
  get standing() {
    if (this.summary) return this.summary;
    return this.message?.kind === "ended" ? this.message : null;
  }

  get events() {
    return this.summary?.events ?? [];
  }

  /**
   * Probe losses as [step, percent of the first], by step; of a step that was trained twice, the later one. A look that
   * gave no number is none.
   */
  get probes() {
    const latest = new Map(this.events.filter((e) => e.event === "probed").map((e) => [e.step, e.percent]));
    return [...latest].filter(([, percent]) => percent != null).sort((a, b) => a[0] - b[0]);
  }

  /** Scores of a kind as {id: of the scorer, title, points: [step, mean]}, by the scorer that measured last. */
  scores(name) {
    const all = this.events.filter((e) => e.event === "scored");
    const own = all.filter(({ scorer }) => scorer === all.at(-1).scorer);
    const latest = new Map(own.map(({ step, values }) => [step, values?.[name]?.mean]));
    const points = [...latest].filter(([, mean]) => mean != null).sort((a, b) => a[0] - b[0]);
    return { id: all.at(-1)?.scorer, title: all.at(-1)?.title ?? "", points };
  }

  /** Call `changed` whenever something is new. Returns a function that ends this. */
  watch(changed) {
    this.listeners.add(changed);
    if (this.summary?.elsewhere) this.stale.summary = true; // it was not followed while nobody watched
    this.refresh();
    return () => this.listeners.delete(changed);
  }

  notify() {
    for (const listener of this.listeners) listener(this);
  }

  /** Take in a broadcast about this run. */
  receive(message) {
    this.message = message;
    // What is refused before it has a folder ends without a title.
    this.planned = message.kind === "ended" ? !message.title : message.kind === "phase" && message.planned;
    if (message.kind === "started") this.stale.curve = true; // a resumed run may train steps again
    const isBegun = Boolean(this.summary?.live);
    if (!isBegun || !["step", "encoding", "phase"].includes(message.kind)) this.stale.summary = true;
    this.stale.points = true;
    if (this.listeners.size) this.refresh();
    this.notify();
  }

  /** Read what is new, at most once a second. */
  async refresh() {
    if (this.planned) return;
    if (this.busy) {
      this.readAgain = true;
      return;
    }
    if (!this.stale.curve && !this.stale.summary && !this.stale.points) return;
    this.busy = true;
    try {
      await this.read();
    } catch (error) {
      this.error = error.message;
    }
    this.notify();
    setTimeout(() => {
      this.busy = false;
      if (!this.readAgain) return;
      this.readAgain = false;
      this.refresh();
    }, INTERVAL);
    clearTimeout(this.nextRead);
    if (!this.summary?.elsewhere || !this.listeners.size) return;
    this.nextRead = setTimeout(() => this.refreshSummary(), OTHER_PROCESS_INTERVAL);
  }

  refreshSummary() {
    this.stale.summary = true;
    this.refresh();
  }

  async read() {
    const { curve, summary } = this.stale;
    this.stale = {};
    try {
      if (summary || !this.summary) this.summary = await get(this.path);
      const after = curve || this.points.length > MOST_POINTS ? 0 : (this.last?.step ?? 0);
      const points = (await get(`${this.path}/metrics?after=${after}&points=${POINTS}`)).map(drawnFields);
      this.points = after ? [...this.points, ...points] : points;
      this.error = null;
    } catch (error) {
      // While it encodes, a run has no folder yet: its next broadcast reads again.
      this.stale = { curve: true, summary: true };
      throw error;
    }
  }

  /** The points of the steps above `after` up to `until`, as fine as a chart can show them. */
  async part(after, until) {
    return (await get(`${this.path}/metrics?after=${after}&until=${until}&points=${POINTS}`)).map(drawnFields);
  }

  /** The server's review of the run: verdict, saved files, loss by noise level, pictures with high loss. */
  review() {
    return get(`${this.path}/review`);
  }

  /** The workflow and the queued graph of the run. */
  graph() {
    return get(`${this.path}/graph`);
  }

  /** Send a command to the live run: "stop", "save" or "sample". */
  command(name) {
    return post(`${this.path}/${name}`);
  }

  /** Delete a saved file. */
  async discard(file) {
    await post(`${this.path}/discard`, { file });
    this.refreshSummary();
  }

  star(file, on) {
    return post(`${this.path}/star`, { file, on });
  }

  copy(file, name) {
    return post(`${this.path}/copy`, { file, name });
  }

  /** What can be published of the run; for one of its files, or for the one that is offered first. */
  publishOffer(file) {
    return get(`${this.path}/publish${file ? `?file=${encodeURIComponent(file)}` : ""}`);
  }

  /** What publishing would write and tell: `wanted` is what `publish` takes. */
  publishPreview(wanted) {
    return post(`${this.path}/publish/preview`, wanted);
  }

  /**
   * Write the copy; `wanted`: {file, name, metadata, title, author, license, trigger, tags, description,
   * comment, pictures}.
   */
  publish(wanted) {
    return post(`${this.path}/publish`, wanted);
  }

  /** The address of a small version of a picture that is offered for a file. */
  publishPicture(file, id) {
    return addressOf(`${this.path}/publish/picture?${new URLSearchParams({ file, id })}`);
  }

  /** The address of a sample picture. */
  sample(file) {
    return addressOf(`${this.path}/samples/${encodeURIComponent(file)}`);
  }

  /** The address of a training picture, by its index in the dataset. */
  picture(index) {
    return addressOf(`${this.path}/pictures/${index}`);
  }

  get report() {
    return addressOf(`${this.path}/report`);
  }
}

/** Only the numbers that are drawn: lists by sample are long. */
function drawnFields({ step, epoch, loss, mean, low, high, lr, d_lr, seconds, trained, memory }) {
  return { step, epoch, loss, mean, low, high, lr: d_lr ?? lr, seconds, trained, memory };
}

const runs = new Map();

/** The run with an id; the same object for all who ask for it. */
export function run(id) {
  if (!runs.has(id)) runs.set(id, new Run(id));
  return runs.get(id);
}

const listed = new Map(); // short summaries by run id, as of `revision`
let revision = 0;
let total = 0;
let listing = Promise.resolve();

/** Short summaries of all runs on disk, the newest first. Of thousands only those that have changed are sent. */
export function list() {
  listing = listing.catch(() => {}).then(readList);
  return listing;
}

async function readList() {
  await readChanges();
  if (listed.size !== total) await readChanges(true); // some were deleted
  return [...listed.values()].sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
}

async function readChanges(anew = false) {
  const answer = await get(`/runs?since=${anew ? 0 : revision}`);
  if (anew) listed.clear();
  for (const summary of answer.rows) listed.set(summary.run_id, summary);
  ({ revision, total } = answer);
}

const UNDER_WAY = "preparing,started,resumed";

/**
 * The id of the run that a node shows, or null: one that it trains now; else the newest with its name that it has
 * trained in this workflow. Where the name was chosen, also the newest that a node of this number has trained, else the
 * newest.
 */
export async function find({ name, node, workflow, isChosen }) {
  const own = (run) => run.node === node && run.workflow_id && run.workflow_id === workflow;
  const read = (runs) => Promise.all(runs.slice(0, 5).map(({ run_id }) => get(`/runs/${run_id}`)));
  const trained = await read(await get(`/runs?short=1&status=${UNDER_WAY}&limit=5`));
  const now = trained.find((run) => run.live && own(run));
  if (now) return now.run_id;
  const named = await get(`/runs?short=1&name=${encodeURIComponent(name)}`);
  if (!named.length || (isChosen && named.length === 1)) return named[0]?.run_id ?? null;
  const newest = await read(named);
  const found = newest.find(own) ?? (isChosen ? (newest.find((run) => run.node === node) ?? newest[0]) : null);
  return found?.run_id ?? null;
}

const listeners = new Set();

/** Call `listener` with every broadcast of any run. Returns a function that ends this. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

api.addEventListener("athanor.run", ({ detail }) => {
  run(detail.run_id).receive(detail);
  for (const listener of listeners) listener(detail);
});

// After the connection was lost, read what was missed.
api.addEventListener("reconnected", () => {
  for (const one of runs.values()) {
    one.stale = { summary: true, points: true };
    if (one.listeners.size) one.refresh();
  }
});
