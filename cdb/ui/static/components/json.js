// JSON in colours, as elements: what a string says is text, whatever it looks like.

import { html } from "../html.js";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\btrue\b|\bfalse\b|\bnull\b/g;

// What a document begins with; one that is cut off cannot be read as a whole.
const BEGINNING = /^\s*(?:\{\s*"|\{\s*\}|\[\s*[[{"\d\]-])/;

/** Return the pieces of a JSON document, or null where a text does not look like one. */
export function jsonText(text) {
  if (!BEGINNING.test(text)) {
    return null;
  }
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token, string, colon] = match;
    pieces.push(text.slice(end, match.index));
    pieces.push(html`<span class=${kindOf(token, string, colon)}>${string ?? token}</span>`);
    end = match.index + (string ?? token).length;
  }
  return [...pieces, text.slice(end)];
}

function kindOf(token, string, colon) {
  if (string !== undefined) {
    return colon === undefined ? "json-string" : "json-key";
  }
  return /\d/.test(token) ? "json-number" : "json-word";
}
