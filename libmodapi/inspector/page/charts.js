// Three small drawings of one callback's last quarter of an hour.

import { SPAN } from "./history.js";
import { drawing, element, setAttribute, setText } from "./elements.js";
import { counted, duration, rate } from "./texts.js";

const WIDTH = 300;
const HEIGHT = 72;
const TOP = 6; // of the greatest value

const number = (value) => Number(value.toFixed(2)).toString();

/** Values by time, in bins that stay where they are while time goes on. */
function binned(history, name, field, width) {
  const begin = history.now - SPAN;
  const first = Math.floor(begin / width);
  const bins = Array.from({ length: Math.ceil(SPAN / width) + 1 }, (_, index) => ({
    x: ((((first + index) * width - begin) / SPAN) * WIDTH), sum: 0, seconds: 0, last: NaN,
  }));
  history.each(name, field, (age, seconds, value) => {
    const bin = bins[Math.floor((history.now - age) / width) - first];
    if (!bin || Number.isNaN(value)) return;
    bin.sum += value;
    bin.seconds += seconds;
    bin.last = value;
  });
  return bins;
}

/** The path through points, with a gap wherever there is no value; one alone is a dot. */
function line(points) {
  let path = "";
  let isDown = false;
  for (const { x, y } of points) {
    if (!Number.isNaN(y)) path += isDown ? `L${number(x)} ${number(y)}` : `M${number(x)} ${number(y)}h0`;
    isDown = !Number.isNaN(y);
  }
  return path;
}

function area(points) {
  const known = points.filter((point) => !Number.isNaN(point.y));
  if (known.length === 0) return "";
  return `${line(known)}L${number(known.at(-1).x)} ${HEIGHT}L${number(known[0].x)} ${HEIGHT}Z`;
}

/** The next of 1, 2, 5, 10, ... from this on. */
function rounded(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999) ?? 10 * power;
}

class Chart {
  constructor(title, kind, parts) {
    this.now = element("span", { class: "now" });
    this.greatest = element("span", { class: "greatest", "aria-hidden": true });
    this.parts = parts;
    this.svg = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      drawing("path", { class: "grid", d: `M0 ${TOP}H${WIDTH}M0 ${(HEIGHT + TOP) / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}` }),
      ...Object.values(parts));
    this.figure = element("figure", { class: `chart ${kind}` },
      element("figcaption", {}, element("span", {}, title), " ", this.now),
      element("div", { class: "plot" }, this.svg, this.greatest),
      element("div", { class: "axis", "aria-hidden": true }, element("span", {}, "15 min ago"), element("span", {}, "now")));
  }

  say(now, greatest, words) {
    setText(this.now, now);
    setText(this.greatest, greatest);
    setAttribute(this.svg, "aria-label", words);
  }
}

class CallChart extends Chart {
  constructor() {
    super("Calls per second", "calls", { area: drawing("path", { class: "area" }), line: drawing("path", { class: "line" }) });
  }

  draw(history, name) {
    const bins = binned(history, name, "calls", 10_000);
    const rates = bins.map((bin) => ({ x: bin.x, rate: bin.seconds > 0 ? bin.sum / bin.seconds : NaN }));
    const most = Math.max(0, ...rates.map((point) => point.rate).filter((value) => !Number.isNaN(value)));
    const top = rounded(most);
    const points = rates.map(({ x, rate: each }) => ({ x, y: HEIGHT - (each / top) * (HEIGHT - TOP) }));
    setAttribute(this.parts.area, "d", area(points));
    setAttribute(this.parts.line, "d", line(points));
    const now = rate(history.rate(name, "calls"));
    this.say(now, rate(top), `Calls per second in the last 15 minutes: now ${now}, at most ${rate(most)}`);
  }
}

class LatencyChart extends Chart {
  constructor() {
    super("Latency", "latency", { p99: drawing("path", { class: "line p99" }), p50: drawing("path", { class: "line p50" }) });
  }

  draw(history, name) {
    const lines = ["p50", "p99"].map((field) => binned(history, name, field, 10_000));
    const known = lines.flat().map((bin) => bin.last).filter((value) => value > 0);
    // Calls of microseconds and of seconds in one picture: each step is ten times the one below it.
    const lowest = Math.floor(Math.log10(Math.min(...known, 1)));
    const highest = Math.max(Math.ceil(Math.log10(Math.max(...known, 10 ** lowest))), lowest + 1);
    const height = (value) =>
      value > 0 ? HEIGHT - ((Math.log10(value) - lowest) / (highest - lowest)) * (HEIGHT - TOP) : NaN;
    const [p50, p99] = lines.map((bins) => bins.map(({ x, last }) => ({ x, y: height(last) })));
    setAttribute(this.parts.p50, "d", line(p50));
    setAttribute(this.parts.p99, "d", line(p99));
    const [half, most] = lines.map((bins) => duration(bins.findLast((bin) => !Number.isNaN(bin.last))?.last));
    this.now.replaceChildren(element("span", { class: "key p50" }, `p50 ${half}`), " ", element("span", { class: "key p99" }, `p99 ${most}`));
    setText(this.greatest, known.length === 0 ? "" : duration(10 ** highest));
    setAttribute(this.svg, "aria-label", `Latency in the last 15 minutes: half of the calls take at most ${half}, 99 of 100 at most ${most}`);
  }
}

class OutcomeChart extends Chart {
  constructor() {
    super("Outcomes", "outcomes", { decided: drawing("path", { class: "bars decided" }), failed: drawing("path", { class: "bars failed" }) });
  }

  draw(history, name) {
    const width = 30_000;
    const [decided, failed] = ["decided", "failed"].map((field) => binned(history, name, field, width));
    const most = Math.max(0, ...decided.map((bin, index) => bin.sum + failed[index].sum));
    const top = rounded(most);
    const barWidth = (width / SPAN) * WIDTH - 2;
    const scale = (value) => (value / top) * (HEIGHT - TOP);
    const bar = (x, from, height) => (height > 0 ? `M${number(x + 1)} ${number(HEIGHT - from)}h${number(barWidth)}v${number(-height)}h${number(-barWidth)}z` : "");
    setAttribute(this.parts.decided, "d", decided.map((bin) => bar(bin.x, 0, scale(bin.sum))).join(""));
    setAttribute(this.parts.failed, "d", failed.map((bin, index) => bar(bin.x, scale(decided[index].sum), scale(bin.sum))).join(""));
    const [refused, wrong] = ["decided", "failed"].map((field) => counted(history.sum(name, field)));
    this.now.replaceChildren(element("span", { class: "key decided" }, `${refused} decided`), " ", element("span", { class: "key failed" }, `${wrong} failed`));
    setText(this.greatest, most > 0 ? counted(top) : "");
    setAttribute(this.svg, "aria-label", `In the last 15 minutes ${refused} decisions and ${wrong} failures, at most ${counted(most)} within 30 seconds`);
  }
}

/** The three of them, for a callback's row. */
export class Charts {
  #charts = [new CallChart(), new LatencyChart(), new OutcomeChart()];
  element = element("div", { class: "charts" }, ...this.#charts.map((chart) => chart.figure));

  draw(history, name) {
    for (const chart of this.#charts) chart.draw(history, name);
  }
}
