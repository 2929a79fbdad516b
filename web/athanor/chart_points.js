// The points of a run that are drawn: of a part of the axis finer ones than of the whole.

const MOST = 2000; // points that are drawn
const WAIT = 200; // ms without another change before finer points are read

/** At most `most` points; each stands for some that follow each other, with their mean, lowest and highest loss. */
export function fewer(points, most = MOST) {
  const every = Math.ceil(points.length / most);
  if (every < 2) return points;
  const groups = Array.from({ length: Math.ceil(points.length / every) }, (_, i) =>
    points.slice(i * every, (i + 1) * every),
  );
  return groups.map((group) => {
    const known = (name) => group.map((point) => point[name]).filter((value) => value != null);
    const means = known("mean");
    const mean = means.length ? means.reduce((sum, value) => sum + value, 0) / means.length : null;
    const [low, high] = means.length ? [Math.min(...known("low")), Math.max(...known("high"))] : [null, null];
    return { ...group.at(-1), mean, low, high };
  });
}

/** The finer points of one run. `changed` is called when some have come. */
export class FinePoints {
  constructor(run, changed) {
    this.run = run;
    this.changed = changed;
    this.fine = null; // {from, to, points}: of steps above `from` up to `to`
  }

  /** All points, those between two steps as fine as they are known; finer ones are asked for. null: of all. */
  between(steps) {
    const { points } = this.run;
    clearTimeout(this.timer);
    if (!steps || !points.length) return fewer(points);
    const first = points.findLastIndex((point) => point.step <= steps[0]);
    const last = points.findIndex((point) => point.step >= steps[1]);
    const [from, to] = [first < 0 ? 0 : points[first].step, points.at(last).step];
    const part = points.slice(first + 1, last < 0 ? undefined : last + 1);
    if (this.fine && this.fine.to > this.run.last.step) this.fine = null; // it trains these steps again
    const isThinned = part.some((point) => point.high > point.low);
    if (isThinned && !this.isFine(from, to)) this.timer = setTimeout(() => this.read(from, to), WAIT);
    return isThinned && this.fine ? this.merged(steps) : fewer(points);
  }

  isFine(from, to) {
    const { fine } = this;
    if (!fine || fine.from > from || fine.to < to) return false;
    return fine.to - fine.from <= 2 * (to - from) || fine.points.every((point) => point.high === point.low);
  }

  async read(from, to) {
    if (this.isReading) return;
    this.isReading = true;
    try {
      this.fine = { from, to, points: await this.run.part(from, to) };
    } catch {
      return; // the coarse points stay
    } finally {
      this.isReading = false;
    }
    this.changed();
  }

  /** Coarse points with the fine ones in their place; those in view are at most as many as are drawn. */
  merged([low, high]) {
    const { from, to, points } = this.fine;
    const all = [
      ...this.run.points.filter(({ step }) => step <= from),
      ...points,
      ...this.run.points.filter(({ step }) => step > to),
    ];
    const start = all.findIndex(({ step }) => step >= low);
    const end = all.findLastIndex(({ step }) => step <= high) + 1;
    if (start < 0) return fewer(all);
    return [...fewer(all.slice(0, start)), ...fewer(all.slice(start, end)), ...fewer(all.slice(end))];
  }
}
