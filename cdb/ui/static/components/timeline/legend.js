// What the colours of a picture mean; the canvas takes its own from here.

import { html } from "../../html.js";

const ALWAYS = [
  ["one", "a payload"],
  ["next", "the next"],
  ["few", "several begin"],
  ["many", "many begin"],
  ["part", "covered in part"],
  ["gap", "gap: nothing is valid"],
  ["override", "override"],
];

const OF_MARKS = [
  ["added", "+ added"],
  ["removed", "− removed"],
  ["changed", "~ changed"],
];

const UNSEEN = ["ground", "edge", "hatch", "line", "ink", "cursor"];

/** Return the legend; `hasMarks` says whether the picture shows what differs. */
export function Legend({ legend, hasMarks }) {
  const told = hasMarks ? [...ALWAYS, ...OF_MARKS] : ALWAYS;
  return html`<span class="timeline-legend" ref=${legend}>
    ${told.map(([name, text]) => html`<span><${Swatch} name=${name} />${text}</span>`)}
    ${UNSEEN.map((name) => html`<${Swatch} name=${name} isHidden />`)}
  </span>`;
}

function Swatch({ name, isHidden = false }) {
  return html`<i
    class="swatch swatch-${name}"
    data-colour=${name}
    hidden=${isHidden}
    aria-hidden="true"
  ></i>`;
}
