// Makes and changes what is on the page. Text becomes text and nothing else: there is no innerHTML anywhere.

import { brief, plain } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** element("button", {class: "quiet", onclick: leave}, "Log out") */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function drawing(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** A stranger's text, which turns nothing around it: on one line, all of it in its title unless that is endless. */
export function stranger(text, longest) {
  const shown = element("bdi", {}, "");
  setStranger(shown, text, longest);
  return shown;
}

export function setStranger(shown, text, longest) {
  const line = brief(text, longest);
  if (shown.textContent === line) return;
  shown.textContent = line;
  if (line !== text) shown.title = plain(String(text).slice(0, 1000));
  else shown.removeAttribute("title");
}

/** Writes only what changes, so that nobody's selection is lost and screen readers hear of what is new. */
export function setText(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

export function setHidden(what, isHidden) {
  if (what.hidden !== isHidden) what.hidden = isHidden;
}

export function setAttribute(where, name, value) {
  if (where.getAttribute(name) !== value) where.setAttribute(name, value);
}

/** Puts these children in, in this order, and moves none that is in its place already. */
export function setChildren(parent, children) {
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  while (next) {
    const gone = next;
    next = next.nextElementSibling;
    gone.remove();
  }
}

/** The choices of a select, which keeps what is chosen even if it isn't among them. */
export function setChoices(select, values, name = (value) => brief(value, 60)) {
  const wanted = ["", ...values];
  if (select.value && !wanted.includes(select.value)) wanted.push(select.value);
  const present = Array.from(select.options, (option) => option.value);
  if (wanted.length === present.length && wanted.every((value, index) => value === present[index])) return;
  const chosen = select.value;
  select.replaceChildren(...wanted.map((value) => element("option", { value }, value === "" ? "any" : name(value))));
  select.value = chosen;
}

/** Says something to those who listen to the page. */
export function announce(words) {
  setText(byId("announcement"), words);
}
