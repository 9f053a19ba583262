// Short facts about one thing.

import { html } from "../html.js";

/**
 * Return a list of names and what they are, side by side, or, where they are `isLong`, below one
 * another; those without a value are left out.
 */
export function Facts({ of, isLong = false }) {
  const known = of.filter(([, value]) => (value ?? "") !== "");
  return html`<dl class=${isLong ? "facts facts-long" : "facts"}>
    ${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
