// The last quarter of an hour, from what the server counts since its start: rings of a fixed size, whatever comes.

import { percentilesBetween } from "./percentiles.js";
import { isNumber } from "./texts.js";

export const SPAN = 15 * 60_000; // ms
const SAMPLES = 460; // one every 2 s, and some
const RECENT = 15; // answers
const FIELDS = ["calls", "decided", "failed", "p50", "p99"];

/** One callback of one module: what was counted from one answer to the next, and how long calls took. */
class Series {
  #recent = [];

  constructor() {
    for (const field of FIELDS) this[field] = new Float32Array(SAMPLES).fill(NaN);
    this.seen = 0;
  }

  take(slot, counts, round, isOfOthers) {
    if (isOfOthers) this.#recent = [];
    const last = this.#recent.at(-1) ?? null;
    // A new instance of a module begins to count anew.
    const isNew = last === null || counts.calls < last.calls;
    if (isNew && last !== null) this.#recent = [];
    for (const field of ["calls", "decided", "failed"]) {
      const value = isNumber(counts[field]) ? counts[field] : 0;
      this[field][slot] = last === null ? NaN : value - (isNew ? 0 : last[field]);
    }
    // Of calls that end at once few are timed: half a minute has enough of them.
    const [p50, p99] = last === null ? [NaN, NaN] : percentilesBetween(this.#recent[0], counts, [0.5, 0.99]);
    this.p50[slot] = p50;
    this.p99[slot] = p99;
    this.#recent.push({ calls: counts.calls ?? 0, decided: counts.decided ?? 0, failed: counts.failed ?? 0, durations: counts.durations });
    if (this.#recent.length > RECENT) this.#recent.shift();
    this.seen = round;
  }

  clear(slot) {
    for (const field of FIELDS) this[field][slot] = NaN;
  }
}

export class History {
  #times = new Float64Array(SAMPLES).fill(NaN);
  #series = new Map();
  #round = 0;
  #from = "";

  /** An answer that came at `now`, added up `from` those; `counted` gives pairs of a series' name and its counts. */
  add(now, from, counted) {
    this.#round += 1;
    const isOfOthers = from !== this.#from; // nothing can be said of the difference
    this.#from = from;
    const slot = this.#round % SAMPLES;
    this.#times[slot] = now;
    for (const series of this.#series.values()) series.clear(slot);
    for (const [name, counts] of counted) {
      let series = this.#series.get(name);
      if (!series) this.#series.set(name, (series = new Series()));
      series.take(slot, counts, this.#round, isOfOthers);
    }
    for (const [name, series] of this.#series) {
      if (this.#round - series.seen >= SAMPLES) this.#series.delete(name);
    }
  }

  get now() {
    return this.#round === 0 ? 0 : this.#times[this.#round % SAMPLES];
  }

  /** Calls visit(age in ms, seconds since the sample before, value) from the oldest to the newest that is within the span. */
  each(name, field, visit) {
    const series = this.#series.get(name);
    if (!series) return;
    const first = Math.max(1, this.#round - SAMPLES + 1);
    for (let round = first + 1; round <= this.#round; round += 1) {
      const slot = round % SAMPLES;
      const age = this.now - this.#times[slot];
      if (age > SPAN) continue;
      const seconds = (this.#times[slot] - this.#times[(round - 1) % SAMPLES]) / 1000;
      visit(age, seconds, series[field][slot]);
    }
  }

  /** How often per second, over the last `milliseconds`. */
  rate(name, field, milliseconds = 10_000) {
    const series = this.#series.get(name);
    let sum = 0;
    let time = 0;
    for (let round = this.#round; series && round > Math.max(1, this.#round - SAMPLES + 1); round -= 1) {
      const slot = round % SAMPLES;
      if (this.now - this.#times[slot] >= milliseconds) break;
      if (Number.isNaN(series[field][slot])) continue;
      sum += series[field][slot];
      time += (this.#times[slot] - this.#times[(round - 1) % SAMPLES]) / 1000;
    }
    return time > 0 ? sum / time : NaN;
  }

  /** How often within the span. */
  sum(name, field) {
    let sum = 0;
    this.each(name, field, (age, seconds, value) => {
      if (!Number.isNaN(value)) sum += value;
    });
    return sum;
  }
}
