// Which two global tags are compared, each as of when, and in which part of the axis.

import { apiUrl, get } from "../../service/api.js";
import { html, useEffect, useId, useState } from "../../html.js";
import { useLoaded } from "../../service/load.js";
import { statuses } from "../../service/questions.js";
import { go, hereWith, href } from "../../url.js";
import { StatusBadge } from "../status.js";

const NAMES = ["a", "b", "a_as_of", "b_as_of", "from", "to"];
const SUGGESTED = 20;

// What is chosen of two tags may not be there in others.
const NOTHING_CHOSEN = { type: null, lane: null, cursor: null };

/** Return the form; `query` is the state of the page. It leads to the page with what is typed. */
export function Sides({ query }) {
  const [typed, setTyped] = useState({});
  const ofPage = NAMES.map((name) => query[name] ?? "");
  useEffect(() => setTyped(Object.fromEntries(NAMES.map((name, n) => [name, ofPage[n]]))), ofPage);
  const set = (name) => (event) => setTyped({ ...typed, [name]: event.target.value });
  const submit = (event) => {
    event.preventDefault();
    const sides = { ...plain("a", typed), ...plain("b", typed) };
    const areOthers = sides.a !== query.a || sides.b !== query.b;
    go(hereWith({ ...sides, from: typed.from, to: typed.to, ...(areOthers && NOTHING_CHOSEN) }));
  };
  const box = { typed, set };
  return html`<form class="controls sides" onSubmit=${submit} aria-label="What is compared">
    <${Side} name="a" ...${box}><${About} tag=${query.a} asOf=${query.a_as_of} /><//>
    <a class="button swap" href=${hereWith(swapped(query))}>⇄ Swap</a>
    <${Side} name="b" ...${box}><${About} tag=${query.b} asOf=${query.b_as_of} /><//>
    <div class="window">
      <label>from <input class="notation" value=${typed.from} onInput=${set("from")}
        placeholder="the first point" spellcheck=${false} autocomplete="off" /></label>
      <label>until <input class="notation" value=${typed.to} onInput=${set("to")}
        placeholder="for ever" spellcheck=${false} autocomplete="off" /></label>
      <button type="submit" class="main">Compare</button>
    </div>
  </form>`;
}

function Side({ name, typed, set, children }) {
  const listId = useId();
  const value = typed[name] ?? "";
  const names = useLoaded((signal) => suggested(value, signal), [value]);
  return html`<fieldset>
    <legend>${name}</legend>
    <label>Global tag
      <input
        class="tag-name"
        list=${listId}
        value=${value}
        required
        onInput=${set(name)}
        spellcheck=${false}
        autocomplete="off"
      /></label>
    <datalist id=${listId}>
      ${(names.data ?? []).map((each) => html`<option key=${each} value=${each} />`)}
    </datalist>
    <label>as of
      <input
        class="as-of"
        value=${typed[`${name}_as_of`]}
        placeholder="now; a change or a time"
        onInput=${set(`${name}_as_of`)}
        spellcheck=${false}
        autocomplete="off"
      /></label>
    ${children}
  </fieldset>`;
}

// What a side is. Why there is no such tag is said where the difference would be.
function About({ tag, asOf }) {
  const found = useLoaded((signal) => about(tag, asOf, signal), [tag, asOf]);
  if (!found.data) {
    return html`<p class="side-about"></p>`;
  }
  const { shown, known } = found.data;
  return html`<p class="side-about">
    <${StatusBadge} name=${shown.status} statuses=${known} />
    ${shown.payload_lists_count.toLocaleString("en")} payload lists,
    ${" "}${shown.payload_iov_count.toLocaleString("en")} payload IOVs
    ${" "}<a href=${href(["global-tags", tag], { as_of: asOf })}>The tag</a>
  </p>`;
}

async function about(tag, asOf, signal) {
  if (!tag) {
    return null;
  }
  try {
    const [shown, known] = await Promise.all([
      get(apiUrl(["global-tags", tag], { light: 1, asOf }), { signal }),
      statuses(signal),
    ]);
    return { shown, known };
  } catch {
    return null;
  }
}

// Who cannot be suggested anything can type a name all the same.
async function suggested(typed, signal) {
  const page = { page: 1, page_size: SUGGESTED, search: typed.trim(), sort: "name" };
  try {
    const found = await get(apiUrl(["global-tags"], page), { signal });
    return found.results.map(({ name }) => name);
  } catch {
    return [];
  }
}

// A state can be typed as the API takes it, too: `tag@change`.
function plain(side, typed) {
  const [tag, asOf] = (typed[side] ?? "").trim().split("@");
  return { [side]: tag, [`${side}_as_of`]: (typed[`${side}_as_of`] ?? "").trim() || asOf };
}

function swapped({ a, b, a_as_of: aAsOf, b_as_of: bAsOf }) {
  return { a: b, b: a, a_as_of: bAsOf, b_as_of: aAsOf };
}
