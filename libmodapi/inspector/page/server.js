// Asks the server, in the name of who is logged in. Nothing but this closure knows the token.

const PATIENCE = 10_000; // ms
const RELOADING = 150_000; // ms; modules may take their time to start

const place = document.documentElement.dataset;

/** What went wrong, in words for the person at the page. */
export class Problem extends Error {
  constructor(words, status = 0, retryAfter = 0) {
    super(words);
    this.status = status;
    this.retryAfter = retryAfter;
  }
  /** Nothing is shown to who asks: the token is gone, or isn't an admin's. */
  get refusesUser() {
    return this.status === 401 || this.status === 403;
  }
}

const of = (value, type) => (typeof value === type ? value : undefined);

async function request(method, path, { token, body, keepalive, patience = PATIENCE } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, keepalive, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(patience),
    });
  } catch (failure) {
    throw new Problem(failure.name === "TimeoutError" ? "The server doesn't answer." : "The server can't be reached.");
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    throw new Problem(`The server's answer to ${method} ${path} isn't JSON (status ${response.status}).`, response.status);
  }
  if (response.ok) return answer;
  const words = of(answer?.error, "string") ?? `The server answers with status ${response.status}.`;
  throw new Problem(words, response.status, of(answer?.retry_after_ms, "number") ?? 0);
}

const query = (parameters) => {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
};

/** Who is logged in. */
class Session {
  #token;
  #isOwn;

  constructor(token, user, isOwn) {
    this.#token = token;
    this.#isOwn = isOwn;
    this.user = user;
  }

  #admin(method, path, body, patience) {
    return request(method, `${place.admin}/${path}`, { token: this.#token, body, patience });
  }
  modules() {
    return this.#admin("GET", "modules");
  }
  decisions(filter) {
    return this.#admin("GET", `modules/decisions${query(filter)}`);
  }
  updates() {
    return this.#admin("GET", "background_updates/status");
  }
  change(position, change) {
    return this.#admin("PUT", `modules/${encodeURIComponent(position)}?scope=all`, change);
  }
  reload() {
    return this.#admin("POST", "modules/reload?scope=all", {}, RELOADING);
  }

  /** Ends what this page has begun; a token that was given to it goes on elsewhere. */
  async end() {
    const token = this.#token;
    this.#token = "";
    if (!this.#isOwn || !token) return;
    await request("POST", `${place.client}/logout`, { token, body: {}, keepalive: true }).catch(() => {});
  }
}

async function admitted(session, name) {
  try {
    await session.modules();
    return session;
  } catch (problem) {
    await session.end();
    if (problem.status !== 403) throw problem;
    throw new Problem(`${name} isn't an admin of this server. What modules do is shown to its admins only.`, 403);
  }
}

export async function logIn(user, password) {
  const answer = await request("POST", `${place.client}/login`, {
    body: {
      type: "m.login.password", identifier: { type: "m.id.user", user }, password,
      initial_device_display_name: "Inspector of modules",
    },
  });
  const token = of(answer?.access_token, "string");
  if (!token) throw new Problem("The server's answer has no access token.");
  const name = of(answer.user_id, "string") ?? user;
  return admitted(new Session(token, name, true), name);
}

export function useToken(token) {
  return admitted(new Session(token, "by access token", false), "The owner of this token");
}
