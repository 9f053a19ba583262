// Short facts about one thing.

import { html } from "../html.js";

/** Return a list of names and what they are; those without a value are left out. */
export function Facts({ of }) {
  const known = of.filter(([, value]) => (value ?? "") !== "");
  return html`<dl class="facts">
    ${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
