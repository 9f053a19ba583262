// The global tags: found by name or author, filtered by status, sorted, in pages.

import { CreateButton } from "../actions/create-button.js";
import { CreateTagDialog } from "../actions/create-tag.js";
import { API, apiUrl, get } from "../service/api.js";
import { cdbOf, clientOf, pythonText } from "../elsewhere/commands.js";
import { count, link, moment } from "../components/columns.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Pager, pageQuery } from "../components/pager.js";
import { Empty, Loaded } from "../components/states.js";
import { StatusBadge, meaningOf } from "../components/status.js";
import { CsvLink, Table } from "../components/table.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { statuses as loadStatuses } from "../service/questions.js";
import { go, hereWith, href } from "../url.js";

const DEFAULT_SORT = "name";

export function TagsPage({ query }) {
  const { q = "", status = "", sort = DEFAULT_SORT, cursor = "1" } = query;
  const url = apiUrl(["global-tags"], {
    ...pageQuery(cursor, sort),
    search: q,
    status,
  });
  const statuses = useLoaded(loadStatuses, []);
  const tags = useLoaded((signal) => get(url, { signal }), [url]);
  const known = statuses.data ?? [];
  const columns = columnsOf(known);
  const rows = tags.data?.results ?? [];
  return html`
    <${Heading} title="Global tags" actions=${html`
      <${CreateButton} permission="tag.create" Dialog=${CreateTagDialog} />
      <${CopyAs} url=${url} cli=${cliOf(q, status)} python=${programOf(q, status)} />
      <${CsvLink} name="global-tags" columns=${columns} rows=${rows} />
      <a class="button" href=${url}>JSON</a>`} />
    <${Filters} q=${q} status=${status} statuses=${known} />
    <${Loaded} of=${tags} what="the global tags">${(page) => html`
      ${
        page.results.length
          ? html`<${Table}
            caption="Global tags"
            columns=${columns}
            rows=${page.results}
            sorted=${sort}
            keyOf=${(tag) => tag.id}
          />`
          : html`<${Nothing} q=${q} status=${status} count=${page.count} />`
      }
      <${Pager} of=${page} noun=${page.count === 1 ? "global tag" : "global tags"} />`}
    <//>`;
}

function columnsOf(statuses) {
  return [
    link(
      "name",
      (tag) => tag.name,
      (tag) => href(["global-tags", tag.name]),
      { sort: "name" },
    ),
    {
      title: "status",
      sort: "status",
      cell: (tag) => html`<${StatusBadge} name=${tag.status} statuses=${statuses} />`,
      value: (tag) => tag.status,
    },
    count("lists", (tag) => tag.payload_lists_count),
    count("payload IOVs", (tag) => tag.payload_iov_count),
    moment("updated", (tag) => tag.updated, { sort: "updated" }),
    { title: "author", sort: "author", cell: (tag) => tag.author },
    { title: "description", kind: "wide", cell: (tag) => tag.description },
  ];
}

function Filters({ q, status, statuses }) {
  const set = (changes, how) => go(hereWith({ ...changes, cursor: null }), how);
  const search = (event) => set({ q: event.target.value }, { replace: true });
  return html`<search class="filters">
    <label
      >Name or author
      <input type="search" value=${q} onInput=${search} spellcheck=${false} />
    </label>
    <label
      >Status
      <select value=${status} onChange=${(event) => set({ status: event.target.value })}>
        <option value="">any</option>
        ${statuses.map(
          (each) => html`<option key=${each.name} value=${each.name}>
            ${each.name} – ${meaningOf(each)}
          </option>`,
        )}
      </select>
    </label>
  </search>`;
}

// Three things that look alike, and are not: a page too far on, no match, no tags at all.
function Nothing({ q, status, count: found }) {
  if (found) {
    return html`<${Empty} title="This page is after the last one">
      <a href=${hereWith({ cursor: null })}>Show the first page</a>
    <//>`;
  }
  if (q || status) {
    const asked = [q && `“${q}” in its name or author`, status && `the status “${status}”`];
    return html`<${Empty} title="No global tag matches">
      None has ${asked.filter(Boolean).join(" and ")}.${" "}
      <a href=${hereWith({ q: null, status: null, cursor: null })}>Show all</a>
    <//>`;
  }
  return html`<${Empty} title="There are no global tags yet">
    The first one is made by <code>cdb gt create</code>, or by <code>POST gt</code>.
  <//>`;
}

function cliOf(q, status) {
  const given = [...(q ? ["--search", q] : []), ...(status ? ["--status", status] : [])];
  return cdbOf(["gt", "list", ...given], API);
}

function programOf(q, status) {
  const asked = Object.entries({ search: q, status }).filter(([, value]) => value);
  const given = asked.map(([name, value]) => `${name}=${pythonText(value)}`).join(", ");
  return clientOf(`list(client.global_tags.list(${given}))`, API);
}
