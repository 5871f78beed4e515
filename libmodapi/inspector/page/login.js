// Lets an admin in, by name and password or by a token.

import { byId, setText } from "./elements.js";
import { logIn, useToken } from "./server.js";

/** Calls `enter(session)` whenever somebody has logged in. */
export function openLogin(enter) {
  const problem = byId("login-problem");

  const attempt = (form, begin) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const buttons = Array.from(document.querySelectorAll("#login button"));
      for (const button of buttons) button.disabled = true;
      setText(problem, "");
      try {
        const session = await begin(form.elements);
        for (const each of document.querySelectorAll("#login form")) each.reset();
        enter(session);
      } catch (failure) {
        setText(problem, failure.message);
      } finally {
        for (const button of buttons) button.disabled = false;
      }
    });
  };
  attempt(byId("password-login"), (fields) => logIn(fields.user.value.trim(), fields.password.value));
  attempt(byId("token-login"), (fields) => useToken(fields.token.value.trim()));
}

export function showLogin(words = "") {
  byId("inspector").hidden = true;
  byId("login").hidden = false;
  setText(byId("login-problem"), words);
  byId("password-login").elements.user.focus();
}

export function hideLogin() {
  byId("login").hidden = true;
  byId("inspector").hidden = false;
  byId("main").focus({ preventScroll: true });
}
