// From where to where one looks.

import { html, useEffect, useState } from "../html.js";
import { go, hereWith } from "../url.js";

/** Return the form; `from` and `to` are as the URL has them. */
export function WindowForm({ from, to }) {
  const [first, setFirst] = useState(from);
  const [last, setLast] = useState(to);
  useEffect(() => setFirst(from), [from]);
  useEffect(() => setLast(to), [to]);
  const submit = (event) => {
    event.preventDefault();
    go(hereWith({ from: first, to: last, cursor: null }));
  };
  const box = (name, value, set) => html`<label>${name}
    <input
      class="notation"
      value=${value}
      spellcheck=${false}
      autocomplete="off"
      onInput=${(event) => set(event.target.value.trim())}
    /></label>`;
  return html`<form class="point-form" onSubmit=${submit} aria-label="Part of the axis">
    ${box("From", first, setFirst)} ${box("To, which does not belong to it", last, setLast)}
    <button type="submit">Show</button>
    ${
      (from || to) &&
      html`<button type="button" onClick=${() => go(hereWith({ from: null, to: null, cursor: null }))}>
        All</button>`
    }
  </form>`;
}
