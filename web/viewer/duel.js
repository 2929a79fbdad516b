// Blind duel: two pictures that differ in one axis only are judged without their settings, again and again.

import { make } from "./make.js";
import { t } from "./words.js";

const TRIES = 100; // draws without two different pictures before the duel ends: all others have failed or are the same

/** Wins and rounds of each value of one axis. */
export class Tally {
  constructor(count) {
    this.wins = Array(count).fill(0);
    this.rounds = Array(count).fill(0);
  }

  /** Pairs that were judged. */
  get pairs() {
    return this.rounds.reduce((sum, count) => sum + count, 0) / 2;
  }

  /** Count one vote between two values: `winner` is 0 or 1, or null for a draw (half a win each). */
  count(values, winner) {
    for (const [side, value] of values.entries()) {
      this.rounds[value] += 1;
      this.wins[value] += winner === null ? 0.5 : Number(side === winner);
    }
  }

  /** Values from the most to the least wins per round; the rate of one that was never shown is null. */
  ranking() {
    const rates = this.rounds.map((count, value) => ({ value, rate: count ? this.wins[value] / count : null }));
    return rates.sort((a, b) => (b.rate ?? -1) - (a.rate ?? -1));
  }
}

/**
 * Two places that differ on `axis` and show different pictures, in random order; the values shown least come first.
 * The other axes stand at random values of those that are shown. Returns null if TRIES draws give no such pair.
 */
export function drawPair(comparison, axis, rounds, random = Math.random) {
  const byRounds = comparison.indices(axis).map((value) => [value, rounds[value]]);
  for (let tries = 0; tries < TRIES; tries++) {
    const shuffled = byRounds.map(([value, count]) => [count + random(), value]).sort((a, b) => a[0] - b[0]);
    const at = comparison.lengths.map((_, other) => {
      const shown = comparison.indices(other);
      return shown[Math.floor(random() * shown.length)];
    });
    const pictures = new Map(); // by cell: values with the same cell are the same picture
    for (const [, value] of shuffled) {
      const place = comparison.moved(at, axis, value);
      const id = comparison.cell(place);
      if (comparison.error(id) === undefined && !pictures.has(id)) pictures.set(id, place);
    }
    const pair = [...pictures.values()].slice(0, 2);
    if (pair.length === 2) return random() < 0.5 ? pair.reverse() : pair;
  }
  return null;
}

/** The screen of a duel between the values of an axis. */
export class Duel {
  constructor(viewer, axis) {
    this.viewer = viewer;
    this.axis = axis;
    this.tally = new Tally(viewer.comparison.lengths[axis]);
    this.next();
  }

  next() {
    this.pair = drawPair(this.viewer.comparison, this.axis, this.tally.rounds);
    if (this.pair) this.draw();
    else this.showResult();
  }

  draw() {
    const { comparison, address, popup } = this.viewer;
    const halves = this.pair.map((at, side) => {
      const id = comparison.cell(at);
      const image = make("img", { src: address(id), "data-cell": id, alt: "" });
      return make("div", { class: "stage half", onclick: () => this.vote(side) }, image);
    });
    const question = t("Which is better? Left or right arrow; down: equal; Esc: result");
    popup.replaceChildren(
      make("p", { class: "where" }, `${question} (${t("{count} so far", { count: this.tally.pairs })})`),
      make("div", { class: "pair" }, halves),
    );
  }

  vote(winner) {
    const values = this.pair.map((at) => at[this.axis]);
    this.tally.count(values, winner);
    this.next();
  }

  showResult() {
    this.pair = null;
    const { title, names } = this.viewer.data.axes[this.axis];
    const { wins, rounds } = this.tally;
    const rows = this.tally
      .ranking()
      .map(({ value, rate }) =>
        make(
          "tr",
          {},
          make("td", {}, names[value]),
          make("td", {}, rate == null ? "-" : `${Math.round(rate * 100)} %`),
          make("td", {}, t("{count} of {all}", { count: wins[value], all: rounds[value] })),
        ),
      );
    this.viewer.popup.replaceChildren(
      make("p", { class: "where" }, t("Won, by {title}", { title })),
      make("table", { class: "result" }, rows),
      make("p", { class: "keys" }, make("kbd", {}, "Esc"), ` ${t("back")}`),
    );
  }

  closed() {}

  keydown(event) {
    const votes = { ArrowLeft: 0, ArrowRight: 1, ArrowDown: null };
    const isVote = event.key in votes && this.pair;
    if (!isVote && event.key !== "Escape") return;
    event.preventDefault();
    if (isVote) this.vote(votes[event.key]);
    else if (this.pair) this.showResult();
    else this.viewer.close();
  }

  keyup() {}
}
