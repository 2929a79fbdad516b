// What is known of runs, by run id: filled from the server's folders, kept fresh by its broadcasts `athanor.run`.
// Broadcasts only say that there is something new; every number is read from the run's own files, so that a reload, a
// second page or a lost message make no difference.

import { api } from "../../../scripts/api.js";

const EVERY = 1000; // ms between two reads of the same run
const MOST = 2000,
  TOO_MANY = 4000; // points that are asked for; points that are kept before they are thinned again

async function get(path) {
  const answer = await api.fetchApi(`/athanor/runs${path}`);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function post(path, body) {
  const answer = await api.fetchApi(`/athanor/runs${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

class Run {
  constructor(id) {
    this.id = id;
    this.brief = null; // as GET /athanor/runs/{id} answers
    this.points = [];
    this.heard = null; // the last broadcast
    this.listeners = new Set();
    this.wanted = { whole: true, brief: true };
    this.busy = false;
  }

  get last() {
    return this.points[this.points.length - 1];
  }
  get live() {
    return this.brief ? this.brief.live : Boolean(this.heard) && this.heard.kind !== "ended";
  }
  get events() {
    return this.brief?.events ?? [];
  }
  get probes() {
    const latest = new Map(this.events.filter((e) => e.event === "probed").map((e) => [e.step, e.percent]));
    return [...latest].sort((a, b) => a[0] - b[0]);
  }

  /** Call `changed` whenever something is new; returns what ends that. */
  watch(changed) {
    this.listeners.add(changed);
    this.refresh();
    return () => this.listeners.delete(changed);
  }

  tell() {
    for (const listener of this.listeners) listener(this);
  }

  hear(message) {
    this.heard = message;
    if (message.kind === "started") this.wanted.whole = true; // steps may be done again
    if (message.kind !== "step") this.wanted.brief = true;
    this.wanted.points = true;
    if (this.listeners.size) this.refresh();
    this.tell();
  }

  /** Read what is new, at most once a second. */
  refresh() {
    if (this.busy) {
      this.again = true;
      return;
    }
    if (!this.wanted.whole && !this.wanted.brief && !this.wanted.points) return;
    this.busy = true;
    this.read()
      .catch((error) => {
        this.trouble = error.message;
      })
      .finally(() => {
        this.tell();
        setTimeout(() => {
          this.busy = false;
          if (this.again) {
            this.again = false;
            this.refresh();
          }
        }, EVERY);
        // Another process broadcasts to its own pages.
        if (this.brief?.elsewhere && this.listeners.size)
          setTimeout(() => {
            this.wanted = { ...this.wanted, brief: true };
            this.refresh();
          }, 5000);
      });
  }

  async read() {
    const { whole, brief } = this.wanted;
    this.wanted = {};
    try {
      if (brief || !this.brief) this.brief = await get(`/${this.id}`);
      const after = whole || this.points.length > TOO_MANY ? 0 : (this.last?.step ?? 0);
      const found = await get(`/${this.id}/metrics?after=${after}&points=${MOST}`);
      this.points = after ? [...this.points, ...found.map(slim)] : found.map(slim);
      this.trouble = null;
    } catch (error) {
      // While it encodes, a run has no folder yet: its next broadcast asks again.
      this.wanted = { whole: true, brief: true };
      throw error;
    }
  }

  review() {
    return get(`/${this.id}/review`);
  }
  graph() {
    return get(`/${this.id}/graph`);
  }
  ask(command) {
    return post(`/${this.id}/${command}`);
  }
  async discard(file) {
    await post(`/${this.id}/discard`, { file });
    this.wanted.brief = true;
    this.refresh();
  }
  star(file, on) {
    return post(`/${this.id}/star`, { file, on });
  }
  copy(file, name) {
    return post(`/${this.id}/copy`, { file, name });
  }
  sample(file) {
    return api.apiURL(`/athanor/runs/${this.id}/samples/${encodeURIComponent(file)}`);
  }
  picture(index) {
    return api.apiURL(`/athanor/runs/${this.id}/pictures/${index}`);
  }
  get report() {
    return api.apiURL(`/athanor/runs/${this.id}/report`);
  }
}

/** Only what is drawn: per-sample lists stay on the server. */
function slim({ step, epoch, loss, mean, low, high, lr, d_lr, seconds, memory }) {
  return { step, epoch, loss, mean, low, high, lr: d_lr ?? lr, seconds, memory };
}

const runs = new Map();

/** The run of an id; the same object for all who ask. */
export function run(id) {
  if (!runs.has(id)) runs.set(id, new Run(id));
  return runs.get(id);
}

/** All runs on disk in short, the newest first. */
export const list = () => get("?short=1");

/** The newest run of a name; of several, the one that this node trained. */
export async function find(name, node) {
  const named = await get(`?name=${encodeURIComponent(name)}`);
  if (named.length < 2) return named[0]?.run_id ?? null;
  for (const brief of named.slice(0, 5)) if ((await get(`/${brief.run_id}`)).node === node) return brief.run_id;
  return named[0].run_id;
}

const everyone = new Set();

/** Hear every broadcast. */
export function listen(heard) {
  everyone.add(heard);
  return () => everyone.delete(heard);
}

api.addEventListener("athanor.run", ({ detail }) => {
  run(detail.run_id).hear(detail);
  for (const heard of everyone) heard(detail);
});

// After the connection was lost, whatever was missed is read again.
api.addEventListener("reconnected", () => {
  for (const one of runs.values()) {
    one.wanted = { brief: true, points: true };
    if (one.listeners.size) one.refresh();
  }
});
