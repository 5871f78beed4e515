// Asks before anything changes, in a sentence that says what will happen.

import { announce, byId, setHidden, setText } from "./elements.js";

/** `act()` is awaited once somebody agrees; what it says is announced, and what it throws is shown in the dialog. */
export function confirm({ title, sentence, action, act }) {
  const dialog = byId("confirmation");
  const doIt = byId("confirmation-do");
  const cancel = byId("confirmation-cancel");
  const problem = byId("confirmation-problem");
  byId("confirmation-title").replaceChildren(...title);
  byId("confirmation-sentence").replaceChildren(...sentence);
  setText(doIt, action);
  setText(problem, "");
  doIt.disabled = false;
  const listening = new AbortController();
  const listen = (what, event, act_) => what.addEventListener(event, act_, { signal: listening.signal });

  listen(cancel, "click", () => dialog.close());
  listen(dialog, "close", () => listening.abort());
  listen(doIt, "click", async () => {
    doIt.disabled = true;
    setText(problem, "");
    try {
      announce(await act());
      if (!listening.signal.aborted) dialog.close();
    } catch (failure) {
      setText(problem, failure.message);
      doIt.disabled = false;
      doIt.focus();
    }
  });
  setHidden(dialog, false);
  dialog.showModal();
}
