// The list of modules: what each is, does and costs, and what an operator may change of it.

import { Charts } from "./charts.js";
import { confirm } from "./confirmation.js";
import { byId, element, setAttribute, setChildren, setHidden, setStranger, setText, stranger } from "./elements.js";
import { counted, duration, isNumber, plain, rate, several } from "./texts.js";

/** Before the module's name, behind it, the button, and what will happen. */
const MODES = {
  enforce: ["Enforce", "Have ", " enforce its answers?", "Enforce them", "from the next call on its answers count: what it refuses is refused."],
  shadow: ["Shadow", "Put ", " into shadow mode?", "Into shadow mode",
    "from the next call on it is asked beside the operations, and its answers change nothing; where they would have, a decision says so."],
  off: ["Off", "Switch ", " off?", "Switch it off",
    "from the next call on its callbacks aren't asked, and what it would have refused is let through. Its web resources and background calls go on."],
};
const UNTIL = " This holds on all workers until the list is read again or the server starts anew.";

const entriesOf = (mapping) => Object.entries(mapping ?? {});

/** The name of a callback's series; two entries of one module are two. */
export const seriesName = (module, callback) => `${module.key}\n${callback}`;

/** The modules of an answer, each with a key by which it is the same one in the next answer. */
export function modulesOf(answer) {
  const entries = new Map();
  return (Array.isArray(answer?.modules) ? answer.modules : []).map((module, index) => {
    const name = String(module.name ?? "");
    const entry = (entries.get(name) ?? 0) + 1;
    entries.set(name, entry);
    return { ...module, name, position: module.position ?? index, key: `${name}\n${entry}` };
  });
}

const troubleOf = ({ process, error }) => `${plain(process)} (${plain(error ?? "it says nothing")})`;

const fact = (name, value) => [element("dt", {}, name), element("dd", {}, value)];

class CallbackRow {
  #numbers = element("p", { class: "muted small" });
  #charts = new Charts();

  constructor(callback) {
    this.element = element("li", { class: "callback" }, element("h4", {}, stranger(callback)), this.#numbers, this.#charts.element);
  }

  show(counts, history, name) {
    const shadow = counts.shadow ? `; in shadow mode ${several(counts.shadow.runs, "run")}, ${counted(counts.shadow.differed)} of which differed` : "";
    const total = isNumber(counts.total_ms) ? `${duration(counts.total_ms)} in all, ` : "";
    setText(this.#numbers,
      `Since its start: ${several(counts.calls, "call")}, ${several(counts.decided, "decision")}, ${several(counts.failed, "failure")}; ${total}longest ${duration(counts.longest_ms)}`
      + `. Mode ${plain(counts.mode)}, ${plain(counts.share)} of the calls${shadow}.`);
    this.#charts.draw(history, name);
  }
}

class ModuleRow {
  #view;
  #module = null;
  #configText = null;
  #shownShare = null;
  #rows = new Map();
  #parts = {
    position: element("span", { class: "position" }),
    name: stranger(""),
    version: stranger("", 30),
    state: element("span", { class: "state" }),
    calls: element("b"), p99: element("b"), decided: element("b"), failed: element("b"),
    library: stranger("", 400), mode: stranger("", 30), share: stranger("", 30), resources: element("ul", { class: "plain" }),
    config: element("pre", { tabindex: 0, "aria-label": "Configuration" }), noConfig: element("p", { class: "empty" }, "Its configuration is empty."),
    callbacks: element("ul", { class: "plain" }), noCallbacks: element("p", { class: "empty" }, "It has registered no callbacks."),
    share_: element("input", { type: "number", min: 0, max: 100, step: "0.01", inputmode: "decimal", required: true }),
  };

  constructor(view) {
    this.#view = view;
    const parts = this.#parts;
    const number = (value, unit) => element("span", { class: "number" }, value, " ", element("span", { class: "muted" }, unit));
    this.#modeButtons = Object.entries(MODES).map(([mode, [word]]) =>
      element("button", { type: "button", "data-mode": mode, "aria-pressed": "false", onclick: () => this.#askMode(mode) }, word));
    const shareForm = element("form", { class: "share" },
      element("label", {}, "Share of the calls, in % ", parts.share_), element("button", {}, "Change …"));
    shareForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#askShare(Number(parts.share_.value));
    });
    this.#details = element("details", {},
      element("summary", {}, parts.position, element("span", { class: "name" }, parts.name, " ", element("small", { class: "muted" }, parts.version)), parts.state,
        element("span", { class: "numbers" }, number(parts.calls, "calls/s"), number(parts.p99, "p99"), number(parts.decided, "decided"), number(parts.failed, "failed"))),
      element("div", { class: "inside" },
        element("div", { class: "controls" },
          element("div", { role: "group", "aria-label": "Mode", class: "modes" }, ...this.#modeButtons), shareForm,
          element("button", { type: "button", class: "quiet", onclick: () => view.onShowDecisions(this.#module.name) }, "Its decisions")),
        element("dl", { class: "facts" }, ...fact("Library", parts.library), ...fact("Mode", parts.mode), ...fact("Share", parts.share), ...fact("Web resources", parts.resources)),
        element("h3", {}, "Callbacks"), parts.callbacks, parts.noCallbacks,
        element("h3", {}, "Configuration"), parts.config, parts.noConfig));
    this.#details.addEventListener("toggle", () => this.#showInside());
    this.element = element("li", { class: "module" }, this.#details);
  }
  #modeButtons;
  #details;

  show(module) {
    this.#module = module;
    const parts = this.#parts;
    const history = this.#view.history;
    const counts = entriesOf(module.callbacks);
    const together = (value) => counts.reduce((sum, each) => sum + (value(each) || 0), 0);
    setText(parts.position, counted(module.position));
    setStranger(parts.name, module.name);
    setStranger(parts.version, module.version ?? "");
    setText(parts.state, module.state === "breaker_open" ? "breaker open" : plain(module.state ?? "running"));
    setAttribute(parts.state, "data-state", String(module.state ?? "running"));
    setText(parts.calls, rate(together(([callback]) => history.rate(seriesName(module, callback), "calls"))));
    const slowest = Math.max(...counts.map(([, each]) => each.p99_ms).filter(isNumber));
    setText(parts.p99, duration(slowest));
    setText(parts.decided, counted(together(([, each]) => each.decided)));
    setText(parts.failed, counted(together(([, each]) => each.failed)));
    this.#showInside();
  }

  /** What only costs something while it is looked at. */
  #showInside() {
    if (!this.#details.open || this.#module === null) return;
    const module = this.#module;
    const parts = this.#parts;
    setStranger(parts.library, module.library ?? "compiled in", 400);
    setStranger(parts.mode, module.mode ?? "–", 30);
    setStranger(parts.share, module.share ?? "–", 30);
    for (const button of this.#modeButtons) setAttribute(button, "aria-pressed", String(button.dataset.mode === module.mode));
    if (document.activeElement !== parts.share_ && this.#shownShare !== module.share) {
      this.#shownShare = module.share;
      parts.share_.value = isNumber(parseFloat(module.share)) ? parseFloat(module.share) : "";
    }
    this.#showResources(Array.isArray(module.web_resources) ? module.web_resources : []);
    this.#showConfig(module.config ?? {});
    const rows = new Map();
    for (const [callback, each] of entriesOf(module.callbacks)) {
      const row = this.#rows.get(callback) ?? new CallbackRow(callback);
      row.show(each, this.#view.history, seriesName(module, callback));
      rows.set(callback, row);
    }
    this.#rows = rows;
    setChildren(parts.callbacks, Array.from(rows.values(), (row) => row.element));
    setHidden(parts.noCallbacks, rows.size > 0);
  }

  #showResources(paths) {
    const list = this.#parts.resources;
    const text = JSON.stringify(paths);
    if (list.dataset.shown === text) return;
    list.dataset.shown = text;
    list.replaceChildren(...(paths.length > 0 ? paths.map((path) => element("li", {}, stranger(path, 200))) : [element("li", { class: "muted" }, "none")]));
  }

  #showConfig(config) {
    const text = JSON.stringify(config, null, 2);
    if (text === this.#configText) return;
    this.#configText = text;
    setText(this.#parts.config, plain(text));
    setHidden(this.#parts.config, text === "{}");
    setHidden(this.#parts.noConfig, text !== "{}");
  }

  #askMode(mode) {
    const [, before, behind, action, words] = MODES[mode];
    this.#ask([before, stranger(this.#module.name, 60), behind], words, { mode }, action);
  }
  #askShare(share) {
    const words = share >= 100
      ? "from the next call on it is asked in all of the calls."
      : `from the next call on it is asked in ${share} % of the calls, chosen by whom they are about; the others go on as if it had no opinion.`;
    this.#ask([`${share} % of the calls for `, stranger(this.#module.name, 60), "?"], words, { share: `${share}%` }, "Change the share");
  }
  #ask(title, words, change, action) {
    const { name, position } = this.#module;
    confirm({
      title, sentence: ["Entry ", counted(position), ", ", stranger(name, 80), ": ", words + UNTIL], action,
      act: async () => {
        const answer = await this.#view.session.change(position, change);
        this.#view.onChanged();
        const later = answer.workers_without_answer ?? [];
        const silent = answer.processes_without_answer ?? [];
        return `${plain(name)} is changed${later.length > 0 ? `; ${later.map(plain).join(", ")} will as soon as something lets go of it` : ""}`
          + `${silent.length > 0 ? `, but maybe not in ${silent.map(troubleOf).join(", ")}` : ""}.`;
      },
    });
  }
}

export class ModulesView {
  #rows = new Map();
  session = null;
  history = null;
  onChanged = () => {};
  onShowDecisions = () => {};

  constructor() {
    byId("reload").addEventListener("click", () => this.#askReload());
  }

  show(modules) {
    const rows = new Map();
    for (const module of modules) {
      const row = this.#rows.get(module.key) ?? new ModuleRow(this);
      row.show(module);
      rows.set(module.key, row);
    }
    this.#rows = rows;
    setChildren(byId("module-list"), Array.from(rows.values(), (row) => row.element));
    setHidden(byId("no-modules"), rows.size > 0);
  }

  forget() {
    this.#rows.clear();
    byId("module-list").replaceChildren();
  }

  #askReload() {
    confirm({
      title: ["Read the list of modules again?"],
      sentence: ["The server reads its file: new instances take the place of those whose entry has changed, and no request fails meanwhile. "
        + "Modes and shares that were changed here are those of the file again. If anything is wrong with the file, nothing changes."],
      action: "Read it again",
      act: async () => {
        const answer = await this.session.reload();
        this.onChanged();
        const said = entriesOf(answer.processes ?? { "": answer });
        const failed = said.filter(([, { error }]) => error !== undefined).map(([process, { error }]) => ({ process, error }));
        if (failed.length === 1 && said.length === 1) throw new Error(plain(failed[0].error));
        const silent = [...failed, ...(answer.processes_without_answer ?? [])];
        const changes = said.map(([, each]) => each).find(({ error }) => error === undefined) ?? {};
        return ["kept", "replaced", "added", "removed"].map((kind) => `${counted(changes[kind]?.length ?? 0)} ${kind}`).join(", ")
          + `${silent.length > 0 ? `; but not in ${silent.map(troubleOf).join(", ")}` : ""}`;
      },
    });
  }
}
