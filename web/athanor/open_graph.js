// The open graph as it is queued, and what the server says of its nodes.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { nodeOf } from "./execution_ids.js";
import { post } from "./http.js";

const PAUSE = 800; // ms without a change before the server is asked

const listeners = new Set();
let isToldSoon = false;

/** Tell all who listen, once for all that happens at the same time. */
function tell() {
  if (isToldSoon) return;
  isToldSoon = true;
  setTimeout(() => {
    isToldSoon = false;
    for (const changed of listeners) changed();
  });
}

api.addEventListener("graphChanged", tell);
// What is typed into the page's own inputs (Vue nodes) is a change of the graph only once they are left. The node has
// the new value when all who listen to the input have heard of it.
for (const kind of ["input", "change"]) document.addEventListener(kind, tell, true);

/** Call `changed` after whatever may have changed the open graph. */
export function onGraphChange(changed) {
  listeners.add(changed);
}

/**
 * A question about the open graph, such as what it lacks.
 *
 * `path`: of the answer, [{node: execution id, text}]; `isOurs(kind)`: whether to ask because of a node of this
 * kind; `show(texts, rows)` gets the answer as a map, node -> sentences, and as it came.
 */
export class GraphQuestion {
  constructor({ path, isOurs, show }) {
    Object.assign(this, { path, isOurs, show });
    this.round = 0; // an answer to an older question comes too late
    this.answered = ""; // the graph that the last answer is about
    this.again = false; // ask even if the graph is the same
  }

  /** Ask soon; a server that is gone says so elsewhere. `again`: even if the graph is the same, as files may not be. */
  soon(again = false) {
    this.again ||= again;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(false).catch(() => {}), PAUSE);
  }

  /** Ask now, and return the answer; null if it came too late, or the graph has not changed. */
  async ask(again = true) {
    clearTimeout(this.timer);
    this.again ||= again; // until it is answered
    this.round += 1;
    const round = this.round;
    // Graphs without our nodes are left alone: what a node of another pack does when its values are read is not known.
    const mayBeOurs = app.graph?.nodes?.some((node) => this.isOurs(node.type) || node.isSubgraphNode?.());
    const { output } = mayBeOurs ? await app.graphToPrompt() : { output: {} };
    const graph = JSON.stringify(output);
    if (round !== this.round || (graph === this.answered && !this.again)) return null;
    const isOurs = Object.values(output).some((node) => this.isOurs(node.class_type));
    const rows = isOurs ? await post(this.path, { prompt: output }) : [];
    if (round !== this.round) return null;
    this.answered = graph;
    this.again = false;
    const texts = new Map();
    for (const { node: id, text } of rows) {
      const node = nodeOf(id);
      if (node) texts.set(node, [...(texts.get(node) ?? []), text]);
    }
    this.show(texts, rows);
    return texts;
  }
}
