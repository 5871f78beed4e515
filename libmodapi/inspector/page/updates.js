// The background updates of the server's database.

import { byId, element, setChildren, setHidden, setText, stranger } from "./elements.js";
import { counted, duration } from "./texts.js";

class UpdateRow {
  #done = element("p", { class: "muted small" });
  #bar = element("progress", { "aria-label": "It runs; how much is left isn't known" });

  constructor(database, name) {
    this.element = element("li", { class: "update" },
      element("p", {}, stranger(name), " ", element("span", { class: "muted small" }, "in database ", stranger(database))), this.#bar, this.#done);
  }

  show(update, isEnabled) {
    this.#bar.hidden = !isEnabled;
    const speed = update.average_items_per_ms > 0 ? `, ${counted(update.average_items_per_ms * 1000)} per second` : "";
    setText(this.#done, `${counted(update.total_item_count)} items done in ${duration(update.total_duration_ms)}${speed}${isEnabled ? "" : "; paused"}`);
  }
}

export class UpdatesView {
  #rows = new Map();

  show(status) {
    const isEnabled = status?.enabled !== false;
    const current = Object.entries(status?.current_updates ?? {}).map(([database, update]) => ({ key: `${database}\n${update.name}`, database, update }));
    const rows = new Map();
    for (const { key, database, update } of current) {
      const row = this.#rows.get(key) ?? new UpdateRow(database, update.name);
      row.show(update, isEnabled);
      rows.set(key, row);
    }
    this.#rows = rows;
    setChildren(byId("update-list"), Array.from(rows.values(), (row) => row.element));
    setText(byId("no-updates"), isEnabled ? "No background update runs. The database is as this version wants it." : "No background update runs; they are switched off.");
    setHidden(byId("no-updates"), rows.size > 0);
  }

  tell(words) {
    this.#rows.clear();
    setChildren(byId("update-list"), []);
    setText(byId("no-updates"), words);
    setHidden(byId("no-updates"), false);
  }
}
