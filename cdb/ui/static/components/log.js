// A change log, or what is looked for in it: the newest change first, page by page.

import { apiUrl, get } from "../service/api.js";
import { html, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { go, hereWith } from "../url.js";
import { Changes, changeColumns } from "./changes.js";
import { Empty, Loaded } from "./states.js";

const LIMIT = 100;

// The verbs of the log, which the service does not list.
const ACTIONS = ["attach", "bulk", "clone", "create", "delete", "describe"].concat(
  ["import", "merge", "revert", "revoke", "status", "upload"],
);

const DATE = /^\d{4}-\d{2}-\d{2}/;

const FILTERS = ["actor", "action", "type", "since"];

const NONE = Object.fromEntries([...FILTERS, "before"].map((name) => [name, null]));

/**
 * Return the log that has a `path` in the API: what it has `found`, its `url`, and its `columns`.
 * `of` is the path of the page of the tag or the list whose log it is.
 */
export function useLog({ path, of, query }) {
  const { actor, action, type, since, before } = query;
  const asked = { actor, action, payload_type: type, since, before };
  const url = apiUrl(path, { order: "desc", limit: LIMIT, light: 1, ...asked });
  const found = useLoaded((signal) => get(url, { signal }), [url]);
  return { found, url, of, query, columns: changeColumns(of), rows: found.data?.changes ?? [] };
}

/** Return the options of the command that asks for the same. */
export function optionsOf({ actor, action, type, since }) {
  const given = { "--actor": actor, "--action": action, "--type": type, "--since": since };
  return Object.entries(given).filter(([, value]) => value).flat();
}

/**
 * Return the table of a log, with its filters; `empty` stands where there is no change at all, which
 * what was made by a change has always.
 */
export function Log({ log, caption, empty = null, hasTypes = true }) {
  const { query, of } = log;
  return html`
    <${Filters} query=${query} hasTypes=${hasTypes} />
    <${Loaded} of=${log.found} what="the changes">${({ changes }) => html`
      ${
        changes.length
          ? html`<${Changes} changes=${changes} caption=${caption} of=${of} />`
          : html`<${Nothing} query=${query} empty=${empty} />`
      }
      <nav class="pager" aria-label="Pages">
        ${query.before && html`<a class="button" href=${hereWith({ before: null })}>← Newest</a>`}
        ${
          changes.length === LIMIT &&
          html`<a class="button" href=${hereWith({ before: changes.at(-1).change })}>Earlier →</a>`
        }
      </nav>`}
    <//>`;
}

function Filters({ query, hasTypes }) {
  const set = (name) => (event) =>
    go(hereWith({ [name]: event.target.value.trim(), before: null }));
  const { actor = "", action = "", type = "", since = "" } = query;
  // A link may ask for one that is new.
  const known = !action || ACTIONS.includes(action) ? ACTIONS : [...ACTIONS, action];
  return html`<search class="filters filters-short">
    <label>Who <${Name} value=${actor} onChange=${set("actor")} /></label>
    <label>What
      <select value=${action} onChange=${set("action")}>
        <option value="">anything</option>
        ${known.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      </select></label>
    ${
      hasTypes &&
      html`<label>Payload type <${Name} value=${type} onChange=${set("type")} /></label>`
    }
    <label>Since
      <input type="date" value=${DATE.exec(since)?.[0] ?? ""} title=${since} onChange=${set("since")} />
    </label>
  </search>`;
}

// A name is looked for as a whole, so only when it is complete. Until then it is what one types, also
// while an answer arrives.
function Name({ value, onChange }) {
  const [typed, setTyped] = useState(null);
  const complete = (event) => {
    onChange(event);
    setTyped(null);
  };
  return html`<input
    type="search"
    value=${typed ?? value}
    spellcheck=${false}
    onInput=${(event) => setTyped(event.target.value)}
    onChange=${complete}
  />`;
}

// Three things that look alike, and are not: no match, no earlier changes, none at all.
function Nothing({ query, empty }) {
  if (FILTERS.some((name) => query[name])) {
    return html`<${Empty} title="No change matches">
      None ${query.before ? "of those before this page " : ""}is like that.${" "}
      <a href=${hereWith(NONE)}>Show all</a>
    <//>`;
  }
  if (query.before) {
    return html`<${Empty} title="No earlier changes">
      This is where the log begins.${" "}
      <a href=${hereWith({ before: null })}>Show the newest</a>
    <//>`;
  }
  return empty;
}
