// All there is of a kind: found by a part of a name, sorted, in pages.

import { API, apiUrl, get } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { go, hereWith } from "../url.js";
import { CopyAs } from "./copy.js";
import { Heading } from "./frame.js";
import { Pager, pageQuery } from "./pager.js";
import { Empty, Loaded } from "./states.js";
import { CsvLink, Table } from "./table.js";

/**
 * Return the page. `path` is where the API lists the kind, and `command` what the client calls it;
 * `nouns` are the words for one of them and for many, `where` is what is searched, and `first` how
 * one makes the first; `create` is the button that makes one.
 */
export function Browse({ title, path, command, columns, nouns, where, first, create, query }) {
  const { q = "", sort = "name", cursor = "1" } = query;
  const [noun, plural] = nouns;
  const url = apiUrl([path], { ...pageQuery(cursor, sort), search: q });
  const found = useLoaded((signal) => get(url, { signal }), [url]);
  const search = (event) =>
    go(hereWith({ q: event.target.value, cursor: null }), { replace: true });
  return html`
    <${Heading} title=${title} actions=${html`
      ${create}
      <${CopyAs} url=${url} cli=${cdbOf([command, "list", ...(q ? ["--search", q] : [])], API)} />
      <${CsvLink} name=${path} columns=${columns} rows=${found.data?.results ?? []} />
      <a class="button" href=${url}>JSON</a>`} />
    <search class="filters">
      <label>${where}
        <input type="search" value=${q} onInput=${search} spellcheck=${false} /></label>
    </search>
    <${Loaded} of=${found} what=${`the ${plural}`}>${(page) => html`
      ${
        page.results.length
          ? html`<${Table}
              caption=${title}
              columns=${columns}
              rows=${page.results}
              sorted=${sort}
              keyOf=${(row) => row.id}
            />`
          : html`<${Nothing} q=${q} count=${page.count} noun=${noun} plural=${plural} first=${first} />`
      }
      <${Pager} of=${page} noun=${page.count === 1 ? noun : plural} />`}
    <//>`;
}

// Three things that look alike, and are not: a page too far on, no match, none at all.
function Nothing({ q, count, noun, plural, first }) {
  if (count) {
    return html`<${Empty} title="This page is after the last one">
      <a href=${hereWith({ cursor: null })}>Show the first page</a>
    <//>`;
  }
  if (q) {
    return html`<${Empty} title=${`No ${noun} matches`}>
      None has “${q}” in a name.${" "}
      <a href=${hereWith({ q: null, cursor: null })}>Show all</a>
    <//>`;
  }
  return html`<${Empty} title=${`There are no ${plural} yet`}>
    The first one is made by <code>${first}</code>.
  <//>`;
}
