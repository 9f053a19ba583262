// The global tags: found by name or author, filtered by status, sorted, in pages.

import { apiUrl, get } from "../api.js";
import { cdbOf, clientOf, pythonText } from "../commands.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Moment } from "../components/moment.js";
import { Pager } from "../components/pager.js";
import { Empty, Loaded } from "../components/states.js";
import { StatusBadge, meaningOf } from "../components/status.js";
import { CsvLink, Table } from "../components/table.js";
import { html } from "../html.js";
import { useLoaded } from "../load.js";
import { statuses as loadStatuses } from "../service.js";
import { go, hereWith, href } from "../url.js";

const PAGE_SIZE = 50;

const DEFAULT_SORT = "name";

export function TagsPage({ query }) {
  const { q = "", status = "", sort = DEFAULT_SORT, cursor = "1" } = query;
  const url = apiUrl(["global-tags"], {
    page: cursor,
    page_size: PAGE_SIZE,
    search: q,
    status,
    sort: sort.replace(/^-/, ""),
    order: sort.startsWith("-") ? "desc" : "asc",
  });
  const statuses = useLoaded(loadStatuses, []);
  const tags = useLoaded((signal) => get(url, { signal }), [url]);
  const known = statuses.data ?? [];
  const columns = columnsOf(known);
  const rows = tags.data?.results ?? [];
  return html`
    <${Heading} title="Global tags" actions=${html`
      <${CopyAs} url=${url} cli=${cliOf(q, status)} python=${programOf(q, status)} />
      <${CsvLink} name="global-tags" columns=${columns} rows=${rows} />
      <a class="button" href=${url}>JSON</a>`} />
    <${Filters} q=${q} status=${status} statuses=${known} />
    <${Loaded} of=${tags} what="the global tags">${(page) => html`
      ${page.results.length
        ? html`<${Table} caption="Global tags" columns=${columns} rows=${page.results} sorted=${sort} keyOf=${(tag) => tag.id} />`
        : html`<${Nothing} q=${q} status=${status} count=${page.count} />`}
      <${Pager} of=${page} noun=${page.count === 1 ? "global tag" : "global tags"} />`}
    <//>`;
}

function columnsOf(statuses) {
  return [
    { title: "name", sort: "name", kind: "name", cell: (tag) => html`<a href=${href(["global-tags", tag.name])}>${tag.name}</a>`, value: (tag) => tag.name },
    { title: "status", sort: "status", cell: (tag) => html`<${StatusBadge} name=${tag.status} statuses=${statuses} />`, value: (tag) => tag.status },
    { title: "lists", isNumber: true, cell: (tag) => tag.payload_lists_count },
    { title: "payload IOVs", isNumber: true, cell: (tag) => tag.payload_iov_count.toLocaleString("en"), value: (tag) => tag.payload_iov_count },
    { title: "updated", sort: "updated", cell: (tag) => html`<${Moment} at=${tag.updated} />`, value: (tag) => tag.updated },
    { title: "author", sort: "author", cell: (tag) => tag.author ?? "" },
    { title: "description", kind: "wide", cell: (tag) => tag.description ?? "" },
  ];
}

function Filters({ q, status, statuses }) {
  const search = (event) => go(hereWith({ q: event.target.value, cursor: null }), { replace: true });
  return html`<search class="filters">
    <label>Name or author <input type="search" value=${q} onInput=${search} spellcheck=${false} /></label>
    <label>Status <select value=${status} onChange=${(event) => go(hereWith({ status: event.target.value, cursor: null }))}>
      <option value="">any</option>
      ${statuses.map((each) => html`<option key=${each.name} value=${each.name}>${each.name} – ${meaningOf(each)}</option>`)}
    </select></label>
  </search>`;
}

// Three things that look alike, and are not: a page too far on, no match, no tags at all.
function Nothing({ q, status, count }) {
  if (count) {
    return html`<${Empty} title="This page is after the last one"><a href=${hereWith({ cursor: null })}>Show the first page</a><//>`;
  }
  if (q || status) {
    return html`<${Empty} title="No global tag matches">
      None has ${q && html`“${q}” in its name or author`}${q && status && " and "}${status && html`the status “${status}”`}.${" "}
      <a href=${hereWith({ q: null, status: null, cursor: null })}>Show all</a>
    <//>`;
  }
  return html`<${Empty} title="There are no global tags yet">The first one is made by <code>cdb gt create</code>, or by <code>POST gt</code>.<//>`;
}

function cliOf(q, status) {
  return cdbOf(["gt", "list", ...(q ? ["--search", q] : []), ...(status ? ["--status", status] : [])], apiUrl([]));
}

function programOf(q, status) {
  const given = [q && `search=${pythonText(q)}`, status && `status=${pythonText(status)}`].filter(Boolean);
  return clientOf(`list(client.global_tags.list(${given.join(", ")}))`, apiUrl([]));
}
