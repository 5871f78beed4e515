// Brings the parts of the page together: who is logged in, what is asked for, and where the answers go.

import { DecisionsView } from "./decisions.js";
import { byId, element, setHidden, setText, stranger } from "./elements.js";
import { History } from "./history.js";
import { hideLogin, openLogin, showLogin } from "./login.js";
import { ModulesView, modulesOf, seriesName } from "./modules.js";
import { Poller } from "./poller.js";
import { UpdatesView } from "./updates.js";
import { counted, duration, plain, rate, several } from "./texts.js";

const modulesView = new ModulesView();
const decisionsView = new DecisionsView();
const updatesView = new UpdatesView();

let session = null;
let history = null;
let poller = null;
let missing = new Set();

const tiles = new Map(["modules", "calls per second", "decisions in 15 minutes", "failures in 15 minutes"].map((name) => {
  const tile = { name: element("dt", {}, name), value: element("dd", {}, "–") };
  byId("glance").append(element("div", {}, tile.name, tile.value));
  return [name, tile];
}));

function showGlance(answer, modules) {
  const names = modules.flatMap((module) => Object.keys(module.callbacks ?? {}).map((callback) => seriesName(module, callback)));
  const together = (of) => names.reduce((sum, name) => sum + (of(name) || 0), 0);
  const show = (name, value) => setText(tiles.get(name).value, value);
  show("modules", counted(modules.length));
  const processes = listOf(answer.processes).length;
  const where = processes > 1 ? `${several(answer.workers, "worker")} of ${several(processes, "process", "processes")}` : several(answer.workers, "worker");
  setText(tiles.get("modules").name, `${modules.length === 1 ? "module" : "modules"} on ${where}`);
  show("calls per second", rate(together((name) => history.rate(name, "calls"))));
  show("decisions in 15 minutes", counted(together((name) => history.sum(name, "decided"))));
  show("failures in 15 minutes", counted(together((name) => history.sum(name, "failed"))));
}

const listOf = (value) => (Array.isArray(value) ? value : []);

function showSilent(answer) {
  const note = byId("silent");
  const workers = listOf(answer?.workers_without_answer)
    .map(({ worker, module, callback }) => `${worker}${module ? ` (${callback} of ${module})` : ""}`).join(", ");
  const processes = listOf(answer?.processes_without_answer).map(({ process, error }) => `${process}${error ? ` (${error})` : ""}`).join(", ");
  setHidden(note, workers === "" && processes === "");
  const words = JSON.stringify([workers, processes]);
  if (note.dataset.words === words) return;
  note.dataset.words = words;
  note.replaceChildren(
    ...(workers === "" ? [] : ["Something blocks a worker, which doesn't answer: ", stranger(workers, 400), " "]),
    ...(processes === "" ? [] : ["A process of the server doesn't answer, and its numbers are missing: ", stranger(processes, 400)]));
}

/** Asks for what a server may not have, until it says that it hasn't; what else goes wrong is told once, for the whole page. */
async function orMissing(view, words, asking) {
  if (missing.has(view)) return null;
  try {
    return await asking();
  } catch (problem) {
    const isMissing = problem.status === 404 || problem.status === 405;
    if (!isMissing && problem.status !== 400) throw problem;
    if (isMissing) missing.add(view);
    view.tell(isMissing ? words : plain(problem.message)); // what is asked for, and not the server, is wrong
    return null;
  }
}

async function ask() {
  const asked = session;
  const decisions = orMissing(decisionsView, "This server keeps no decisions.", () => decisionsView.poll());
  const updates = orMissing(updatesView, "This server has no background updates to show.", () => asked.updates());
  const settled = await Promise.allSettled([asked.modules(), updates, decisions]);
  if (session !== asked) return;
  const [first, second] = settled;
  if (first.status === "fulfilled") {
    const modules = modulesOf(first.value);
    const from = listOf(first.value?.processes).map(({ process }) => process).join(" ");
    history.add(performance.now(), from, modules.flatMap((module) =>
      Object.entries(module.callbacks ?? {}).map(([callback, counts]) => [seriesName(module, callback), counts])));
    modulesView.show(modules);
    decisionsView.showChoices(modules);
    showGlance(first.value, modules);
    showSilent(first.value);
  }
  if (second.status === "fulfilled" && second.value !== null) updatesView.show(second.value);
  const failed = settled.find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
}

function tell({ problem, pause }) {
  const connection = byId("connection");
  connection.dataset.state = problem ? "broken" : "live";
  const words = problem ? `${plain(problem.message)} Trying again in ${duration(pause)}.` : "Live, every 2 seconds while this page is visible.";
  setText(connection.querySelector(".words"), words);
  setHidden(byId("try-now"), !problem);
  if (problem?.refusesUser) leave(problem.status === 403 ? "This account is no admin of the server any more." : "You are logged out: the server doesn't know this page's token any more.");
}

function enter(entered) {
  session = entered;
  history = new History();
  missing = new Set();
  modulesView.session = decisionsView.session = session;
  modulesView.history = history;
  setText(byId("who"), plain(session.user));
  setText(byId("connection").querySelector(".words"), "Asking the server …");
  hideLogin();
  poller = new Poller(ask, tell);
  poller.now();
}

function leave(words) {
  poller?.end();
  session?.end();
  poller = session = history = null;
  modulesView.session = decisionsView.session = modulesView.history = null;
  if (byId("confirmation").open) byId("confirmation").close();
  modulesView.forget();
  decisionsView.forget();
  showLogin(words);
}

modulesView.onChanged = () => poller?.now();
modulesView.onShowDecisions = (name) => decisionsView.filterBy("module", name);
decisionsView.onChange = () => poller?.now();
byId("logout").addEventListener("click", () => leave("You are logged out."));
byId("try-now").addEventListener("click", () => poller?.now());
window.addEventListener("pagehide", (event) => {
  if (!event.persisted) session?.end(); // the token goes with the page, and its login with the token
});
for (const host of document.querySelectorAll(".host")) setText(host, window.location.host);
document.title = `Modules of ${window.location.host}`;
openLogin(enter);
showLogin();
