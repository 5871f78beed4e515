// The list of decisions: the newest at the top as they come, older ones on request, and only those that are asked for.

import { byId, element, setChildren, setChoices, setHidden, setText, stranger, announce } from "./elements.js";
import { counted, duration, plain, several, timeOfDay, wholeTime } from "./texts.js";

const PAGE = 100; // decisions
const MOST = 1_000; // on the page; who looks further back filters
const OVERLAP = 5_000; // ms
const MOST_PAGES = 10; // looked through for one that fits

const OUTCOMES = new Map(Object.entries({
  denied: "denied", replaced: "replaced", failed: "failed", cut: "cut", breaker_opened: "breaker opened",
  breaker_closed: "breaker closed", shadow_differs: "shadow differs",
}));
const NAMES = new Map(Object.entries({
  text: "Text", errcode: "Error code", user_id: "User", room_id: "Room", event_id: "Event", address: "Address", request_id: "Request",
  time_ms: "Time", duration_ms: "Duration", worker: "Worker", process: "Process", id: "Decision",
}));
const WHOLE_USER = /^@[^:]+:./;
const WHOLE_ROOM = /^!.+:./;
const WHOLE_ID = /^[0-9a-f]{16,}$/;
const LINKED = new Set(["user_id", "room_id", "request_id"]);
const wordOf = (outcome) => OUTCOMES.get(outcome) ?? plain(outcome);
const SHOWN_ABOVE = new Set(["module", "callback", "outcome"]);

const text = (value) => (typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value));
const milliseconds = (value) => {
  const time = new Date(value).getTime();
  return value === "" || Number.isNaN(time) ? "" : time;
};

/** All that is known of a decision. */
function factsOf(decision, view) {
  const button = (name, value) =>
    element("button", { type: "button", class: "link", title: "Show only those", onclick: () => view.filterBy(name, value) }, stranger(value, 80));
  const shown = (name, value) => {
    if (LINKED.has(name)) return button(name, text(value));
    return element("bdi", {}, name === "time_ms" ? wholeTime(value) : name === "duration_ms" ? (value === 0 ? "at once" : duration(value)) : plain(text(value)));
  };
  const others = Object.keys(decision).filter((name) => !NAMES.has(name) && !SHOWN_ABOVE.has(name));
  return element("dl", { class: "facts" }, ...[...NAMES.keys(), ...others].filter((name) => text(decision[name]) !== "")
    .flatMap((name) => [element("dt", {}, NAMES.get(name) ?? plain(name)), element("dd", {}, shown(name, decision[name]))]));
}

/** A decision in the list. What is in it never changes. */
function rowOf(decision, view) {
  const outcome = text(decision.outcome);
  const details = element("details", {},
    element("summary", {},
      element("time", { datetime: Number.isFinite(decision.time_ms) ? new Date(decision.time_ms).toISOString() : "", title: wholeTime(decision.time_ms) }, timeOfDay(decision.time_ms)),
      element("span", { class: "outcome", "data-outcome": outcome }, wordOf(outcome)),
      element("span", { class: "who" }, stranger(text(decision.module), 60), element("span", { class: "muted" }, " ", stranger(text(decision.callback), 60))),
      element("span", { class: "what" }, stranger(text(decision.text) || text(decision.errcode), 160))));
  details.addEventListener("toggle", () => details.append(factsOf(decision, view)), { once: true });
  return element("li", { class: "decision", "data-id": text(decision.id) }, details);
}

export class DecisionsView {
  #form = byId("filters");
  #filter = {};
  #found = []; // {decision, row}, the newest first
  #next = null; // where the server goes on
  #isComplete = false; // a first answer has come
  #generation = 0;
  #typing = 0;
  session = null;
  onChange = () => {};

  constructor() {
    setChoices(this.#form.elements.outcome, [...OUTCOMES.keys()], wordOf);
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#begin(), 250);
    });
    this.#form.addEventListener("reset", () => setTimeout(() => this.#begin()));
    byId("older").addEventListener("click", () => this.#showOlder());
  }

  /** What can be chosen, of the modules that there are. */
  showChoices(modules) {
    setChoices(this.#form.elements.module, [...new Set(modules.map((module) => module.name))].sort());
    setChoices(this.#form.elements.callback, [...new Set(modules.flatMap((module) => Object.keys(module.callbacks ?? {})))].sort());
  }

  filterBy(name, value) {
    const field = this.#form.elements[name === "request_id" ? "id" : name];
    if (field instanceof HTMLSelectElement && !Array.from(field.options).some((option) => option.value === value)) setChoices(field, [value]);
    field.value = value;
    this.#begin();
    byId("decisions").scrollIntoView();
    field.focus({ preventScroll: true });
  }

  #begin() {
    const given = (name) => this.#form.elements[name].value.trim();
    this.#filter = Object.fromEntries(["text", "module", "callback", "outcome", "user_id", "room_id", "id"].map((name) => [name, given(name)]));
    this.#filter.since = milliseconds(given("since"));
    this.#filter.until = milliseconds(given("until"));
    this.#generation += 1;
    this.#found = [];
    this.#next = null;
    this.#newest = null;
    this.#isComplete = false;
    this.onChange();
  }

  /** What the server is asked: for whole ids alone, of which it finds exactly those. It may have to be asked twice. */
  get #questions() {
    const { module, callback, outcome, since, until, user_id: user, room_id: room, id } = this.#filter;
    const question = { module, callback, outcome, since, until, limit: PAGE };
    if (WHOLE_USER.test(user)) question.user_id = user;
    if (WHOLE_ROOM.test(room)) question.room_id = room;
    return WHOLE_ID.test(id) ? [{ ...question, request_id: id }, { ...question, id }] : [question];
  }

  #fits(decision) {
    const { text: words = "", outcome = "", user_id: user = "", room_id: room = "", id = "" } = this.#filter;
    const has = (value, part) => text(value).toLowerCase().includes(part.toLowerCase());
    if (outcome !== "" && decision.outcome !== outcome) return false;
    if (!has(decision.user_id, user) || !has(decision.room_id, room) || !(has(decision.request_id, id) || has(decision.id, id))) return false;
    return words === "" || Object.values(decision).some((value) => has(value, words));
  }

  async #page(more) {
    const answers = await Promise.all(this.#questions.map((question) => this.session.decisions({ ...question, ...more })));
    const listed = answers.flatMap((answer) => (Array.isArray(answer?.decisions) ? answer.decisions : []));
    return { decisions: listed.filter((each) => each !== null && typeof each === "object"), next: answers[0]?.next_batch ?? null };
  }

  /** Asks for the newest; what came since the last time is put at the top. */
  async poll() {
    const generation = this.#generation;
    const { decisions, next } = await this.#page(this.#sinceThen);
    if (generation !== this.#generation) return;
    const known = new Set(this.#found.map(({ decision }) => text(decision.id)));
    const newest = this.#newest;
    const joins = !this.#isComplete || newest === null || decisions.some((each) => text(each.id) === newest) || decisions.length < PAGE;
    if (!joins) this.#found = []; // more came than one page holds: the list begins anew
    const fresh = decisions.filter((each) => this.#fits(each) && (!joins || !known.has(text(each.id))));
    this.#found.unshift(...fresh.map((decision) => ({ decision, row: rowOf(decision, this) })));
    if (decisions.length > 0) {
      this.#newest = text(decisions[0].id);
      this.#newestTime = Number(decisions[0].time_ms) || 0;
    }
    if (!this.#isComplete || !joins) this.#next = next;
    const isFirst = !this.#isComplete;
    this.#isComplete = true;
    if (this.#found.length > MOST) this.#found.length = MOST;
    this.#show();
    if (!isFirst && fresh.length > 0) announce(`${several(fresh.length, "new decision")}: ${plain(text(fresh[0].module)).slice(0, 80)} ${wordOf(text(fresh[0].outcome))}`);
    if (isFirst && this.#found.length === 0) await this.#lookBack(generation);
  }
  #newest = null;
  #newestTime = 0;

  /** What is asked for once the list has begun: some of what is known already, as some decisions come later than others. */
  get #sinceThen() {
    const since = this.#isComplete && this.#newest !== null ? this.#newestTime - OVERLAP : 0;
    return since > (this.#filter.since || 0) ? { since } : {};
  }

  async #showOlder() {
    const button = byId("older");
    button.disabled = true;
    try {
      await this.#lookBack(this.#generation);
    } catch (problem) {
      setText(byId("decisions-told"), problem.message);
    }
    button.disabled = false;
  }

  /** Goes back page by page until something fits. */
  async #lookBack(generation) {
    for (let page = 0; page < MOST_PAGES && this.#next !== null; page += 1) {
      const { decisions, next } = await this.#page({ from: this.#next });
      if (generation !== this.#generation) return;
      this.#next = decisions.length > 0 ? next : null;
      const known = new Set(this.#found.map(({ decision }) => text(decision.id)));
      const older = decisions.filter((each) => this.#fits(each) && !known.has(text(each.id)));
      this.#found.push(...older.map((decision) => ({ decision, row: rowOf(decision, this) })));
      if (older.length > 0) break;
    }
    this.#show();
  }

  get #isFiltered() {
    return Object.values(this.#filter).some((value) => value !== "" && value !== undefined);
  }

  #show() {
    setChildren(byId("decision-list"), this.#found.map(({ row }) => row));
    const isFull = this.#found.length >= MOST;
    setHidden(byId("older"), this.#next === null || isFull);
    const newer = this.#next === null ? "" : isFull ? "; to see others, filter" : ", and there are older ones";
    setText(byId("decisions-told"), this.#found.length === 0 ? "" : `${several(this.#found.length, "decision")}${this.#isFiltered ? " that fit" : ""}${newer}.`);
    setText(byId("no-decisions"), this.#isFiltered
      ? (this.#next === null ? "No decision fits. Clear the filters to see all." : "None of the newest decisions fits; older ones may.")
      : "No module has refused, replaced or failed at anything yet. What they do will appear here as it happens.");
    setHidden(byId("no-decisions"), this.#found.length > 0);
  }

  /** There is nothing to show, and why. */
  tell(words) {
    this.forget();
    setText(byId("no-decisions"), words);
    setHidden(byId("no-decisions"), false);
  }

  forget() {
    this.#generation += 1;
    this.#found = [];
    this.#next = null;
    this.#newest = null;
    this.#isComplete = false;
    setChildren(byId("decision-list"), []);
    setHidden(byId("older"), true);
    setText(byId("decisions-told"), "");
  }
}
