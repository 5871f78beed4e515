// Runs before the inspector's page: answers in the place of a server, with what the test sets in `made_up`. The page can't tell.
//
// made_up: {modules, callbacks, texts, decisions, haste}: how many modules with how many callbacks each, the texts that stand for names
// and whatever else a stranger writes, how many decisions come with each poll, how many times as fast time goes by.

const state = { polls: 0, underWay: 0, most: 0, changes: [], delay: 0, failure: null, started: performance.now() };
window.madeUp = state;

const textAt = (index) => made_up.texts[index % made_up.texts.length];
const counts = (seed) => ({
  calls: state.polls * (7 + seed % 5), decided: state.polls * (seed % 3), failed: Math.floor(state.polls / 9) * (seed % 2),
  timed_calls: state.polls, timed_ms: state.polls * 0.01, longest_ms: 12.5, p50_ms: 0.02 + 0.01 * Math.sin(state.polls / 40), p90_ms: 0.4,
  p99_ms: 2 + Math.sin(state.polls / 25), total_ms: state.polls * 0.3, mode: textAt(seed + 3), share: "100%",
  durations: [[0.015, 0.02, state.polls, state.polls * 3], [0.7, 1, state.polls, 0], [2, 3, Math.floor(state.polls / 8), 0], [70000, null, 0, 0]],
});
const moduleAt = (position) => ({
  name: `${position} ${textAt(position)}`, library: textAt(position + 1), version: textAt(position + 2), state: textAt(position + 3), mode: "enforce",
  share: "100%", position, config: { [textAt(position)]: textAt(position + 1), list: made_up.texts }, web_resources: [textAt(position + 4)],
  callbacks: Object.fromEntries(Array.from({ length: made_up.callbacks }, (_, index) => [`${index} ${textAt(position + index)}`, counts(position + index)])),
  web_resource_calls: {}, caches: {}, background_calls: { calls: 0, failed: 0 }, calls_in_flight: {},
});
const decisionAt = (number) => ({
  id: `id-${number} ${textAt(number)}`, time_ms: 1_700_000_000_000 + number, process: 0, worker: textAt(number), request_id: textAt(number + 1),
  module: textAt(number + 2), callback: textAt(number + 3), outcome: ["denied", "failed", "constructor", textAt(number)][number % 4],
  errcode: textAt(number), text: `${number} ${textAt(number + 4)}`, user_id: textAt(number + 5), room_id: textAt(number + 6), event_id: textAt(number),
  address: textAt(number), duration_ms: 1.5,
});

function answerTo(method, path) {
  if (path.endsWith("/login")) return { access_token: "made up", user_id: textAt(0) };
  if (method === "PUT" || method === "POST") {
    state.changes.push([method, path]);
    return { position: 0, name: textAt(0), workers_without_answer: [textAt(1)], kept: [], replaced: [], added: [], removed: [] };
  }
  if (path.includes("background_updates")) return {
    enabled: true, current_updates: { [textAt(1)]: { name: textAt(2), total_item_count: state.polls * 100, total_duration_ms: state.polls * 2000, average_items_per_ms: 0.05 } },
  };
  if (path.includes("decisions")) {
    const newest = state.polls * made_up.decisions;
    const decisions = Array.from({ length: Math.min(100, newest, Math.max(made_up.decisions * 3, 20)) }, (_, index) => decisionAt(newest - index));
    return { decisions, next_batch: null };
  }
  state.polls += 1;
  return {
    workers: 2, workers_without_answer: made_up.silent ? [{ worker: textAt(0), module: textAt(1), callback: textAt(2) }] : undefined,
    modules: Array.from({ length: made_up.modules }, (_, position) => moduleAt(position)),
  };
}

const setRealTimeout = window.setTimeout.bind(window);
const realNow = performance.now.bind(performance);
if (made_up.haste) {
  // Pauses between polls take no time, and the clock goes on by them all the same.
  let skipped = 0;
  window.setTimeout = (act, delay = 0, ...more) => setRealTimeout(delay < 1000 ? act : () => { skipped += delay; act(); }, delay < 1000 ? delay : 0, ...more);
  performance.now = () => realNow() + skipped;
}

window.fetch = async (path, { method }) => {
  const isModules = method === "GET" && path.endsWith("/modules");
  if (isModules) state.most = Math.max(state.most, state.underWay += 1);
  if (state.delay) await new Promise((resolve) => setRealTimeout(resolve, state.delay));
  if (isModules) state.underWay -= 1;
  if (state.failure) return new Response(JSON.stringify({ errcode: "M_UNKNOWN", error: state.failure.error, retry_after_ms: state.failure.retry_after_ms }), { status: state.failure.status });
  return new Response(JSON.stringify(answerTo(method, path)), { status: 200 });
};
