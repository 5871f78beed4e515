// How numbers, times and strangers' texts are written.

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const whole = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** 12,345; 1.23M above a million. */
export function counted(number) {
  if (!isNumber(number)) return "–";
  return Math.abs(number) < 1e6 ? count.format(number) : compact.format(number);
}

/** "1 call", "1,234 calls". */
export function several(number, one, more = `${one}s`) {
  return `${counted(number)} ${number === 1 ? one : more}`;
}

/** A rate: 0, 0.25, 12.3, 1,230. */
export function rate(number) {
  if (!isNumber(number)) return "–";
  if (number < 0.005) return "0";
  return number < 1000 ? precise.format(number) : count.format(number);
}

/** A duration: 4.2 µs, 12 ms, 1.5 s, 3 min. */
export function duration(milliseconds) {
  if (!isNumber(milliseconds)) return "–";
  if (milliseconds === 0) return "0 ms";
  if (milliseconds < 1) return `${precise.format(milliseconds * 1000)} µs`;
  if (milliseconds < 1000) return `${precise.format(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${precise.format(milliseconds / 1000)} s`;
  if (milliseconds < 3_600_000) return `${precise.format(milliseconds / 60_000)} min`;
  return `${precise.format(milliseconds / 3_600_000)} h`;
}

/** 14:03:27, with the day if that isn't today. */
export function timeOfDay(milliseconds, now = Date.now()) {
  const time = new Date(milliseconds);
  if (Number.isNaN(time.getTime())) return "–";
  const isToday = time.toDateString() === new Date(now).toDateString();
  return isToday ? clock.format(time) : `${day.format(time)}, ${clock.format(time)}`;
}

export function wholeTime(milliseconds) {
  const time = new Date(milliseconds);
  return Number.isNaN(time.getTime()) ? "–" : whole.format(time);
}

// What turns the direction of text around or has no form of its own could make one name look like another, or end its isolation.
const unseen = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** A stranger's text as it can be shown, all of it. */
export function plain(text) {
  return String(text).replace(unseen, "\uFFFD");
}

/** A stranger's text on one line, its beginning if it is long. */
export function brief(text, longest = 120) {
  const given = String(text);
  const line = plain(given.slice(0, longest * 2)).replace(/[\t\n ]+/g, " ");
  const letters = Array.from(line);
  const isWhole = letters.length <= longest && given.length <= longest * 2;
  return isWhole ? line : `${letters.slice(0, longest).join("")} …`;
}
