// A payload: what is known of its file, what is in it, and where it is used.

import { API, apiUrl, get } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { link } from "../components/columns.js";
import { CopyAs } from "../components/copy.js";
import { Facts } from "../components/facts.js";
import { Heading } from "../components/frame.js";
import { spanColumns } from "../components/intervals.js";
import { Moment } from "../components/moment.js";
import { Pager, pageQuery } from "../components/pager.js";
import { Preview } from "../components/preview.js";
import { Empty, Loaded } from "../components/states.js";
import { CsvLink, Table } from "../components/table.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { startOf, toText } from "../conditions/points.js";
import { hereWith, href } from "../url.js";

export function PayloadPage({ checksum, query }) {
  const { as_of: asOf = "", sort = "global_tag", cursor = "1" } = query;
  const known = useLoaded((signal) => get(aboutUrl(checksum), { signal }), [checksum]);
  const usesUrl = apiUrl(["payload-iovs"], { ...pageQuery(cursor, sort), checksum, asOf });
  const uses = useLoaded((signal) => get(usesUrl, { signal }), [usesUrl]);
  const stored = known.data?.stored;
  const rows = uses.data?.results ?? [];
  const columns = columnsOf(asOf);
  return html`
    <${Heading} title=${nameOf(checksum, stored, rows[0])} kicker="Payload" actions=${html`
      ${stored && html`<${Download} checksum=${checksum} stored=${stored} />`}
      <${CopyAs} url=${usesUrl} cli=${cliOf(checksum, asOf)} />
      <${CsvLink} name=${checksum} columns=${columns} rows=${rows} />
      <a class="button" href=${usesUrl}>JSON</a>`} />
    <${Loaded} of=${known} what="the payload">${(about) => html`
      <${About} about=${about} use=${rows[0]} />
      <section aria-labelledby="preview">
        <h2 id="preview">Preview</h2>
        <${Shown} about=${about} />
      </section>
      <section aria-labelledby="usage">
        <h2 id="usage">Where it is used</h2>
        ${asOf && html`<${AsOfThen} asOf=${asOf} />`}
        <${Loaded} of=${uses} what="where it is used">
          ${(page) => html`<${Uses} page=${page} columns=${columns} sort=${sort} asOf=${asOf} />`}
        <//>
      </section>`}
    <//>`;
}

function nameOf(checksum, stored, use) {
  return stored?.file_name ?? use?.payload_url.split("/").at(-1) ?? checksum;
}

function Download({ checksum, stored }) {
  return html`<a
    class="button"
    href=${apiUrl(["payloads", checksum])}
    download=${stored.file_name}
  >Download</a>`;
}

// Of a payload that is elsewhere, all that is known is what a payload IOV says of it.
function About({ about: { checksum, stored }, use }) {
  const facts = stored ?? use ?? {};
  const size = facts.size ?? null;
  return html`<${Facts} isLong of=${[
    ["Payload type", facts.payload_type && typeLink(facts.payload_type)],
    ["URL", facts.payload_url && html`<code>${facts.payload_url}</code>`],
    ["Size", size !== null && `${size.toLocaleString("en")} bytes`],
    ["Revision", facts.revision],
    [stored ? "MD5" : "Checksum", html`<code>${stored?.checksum ?? checksum}</code>`],
    ["SHA-256", stored && html`<code>${stored.sha256}</code>`],
    ["Stored", stored && html`<${Stored} of=${stored} />`],
  ]} />`;
}

function typeLink(name) {
  return html`<a class="name" href=${href(["types", name])}>${name}</a>`;
}

function Stored({ of: { created, actor, change } }) {
  return html`<${Moment} at=${created} /> by ${actor}
    <span class="quiet"> (change ${change})</span>`;
}

function Shown({ about: { checksum, has_store: hasStore, stored } }) {
  if (!hasStore) {
    return html`<${Empty} title="This service keeps no files">
      It knows where payloads are, and how they are called, not what is in them.
    <//>`;
  }
  if (!stored) {
    return html`<${Empty} title="This file is not in the payload store">
      Payload IOVs refer to it, and it lies elsewhere.
    <//>`;
  }
  if (!stored.preview) {
    return html`<${Empty} title="No preview">
      Nothing shows a file with such a name here. What can be shown is decided by the${" "}
      <a href=${href(["plugins"])}>previews that are enabled</a>.
    <//>`;
  }
  return html`<${Preview} checksum=${checksum} />`;
}

function AsOfThen({ asOf }) {
  return html`<p class="then">
    <strong>As of ${asOf}.</strong>${" "}
    <a href=${hereWith({ as_of: null, cursor: null })}>Back to now</a>
  </p>`;
}

function Uses({ page, columns, sort, asOf }) {
  if (!page.count) {
    return html`<${Empty} title="It is not used">
      No payload list ${asOf ? "showed it then" : "shows it now"}.
    <//>`;
  }
  const noun = page.count === 1 ? "payload IOV" : "payload IOVs";
  return html`
    <${Table}
      caption="Payload IOVs that refer to this payload"
      columns=${columns}
      rows=${page.results}
      sorted=${sort}
      keyOf=${(row) => `${row.payload_list} ${row.id}`}
    />
    <${Pager} of=${page} noun=${page.count_is_lower_bound ? `${noun} or more` : noun} />`;
}

function columnsOf(asOf) {
  const [from, until] = spanColumns((row) => row);
  return [
    {
      title: "global tag",
      kind: "name",
      sort: "global_tag",
      cell: (row) =>
        row.global_tag ? tagLink(row, asOf) : html`<span class="quiet">none</span>`,
      value: (row) => row.global_tag,
    },
    link(
      "payload type",
      (row) => row.payload_type,
      (row) => href(["types", row.payload_type]),
      { sort: "payload_type" },
    ),
    link(
      "payload list",
      (row) => row.payload_list,
      (row) => href(["lists", row.payload_list], { as_of: asOf }),
      { sort: "payload_list" },
    ),
    { ...from, sort: "major_iov" },
    until,
    { title: "revision", cell: (row) => row.revision },
  ];
}

// To the tag where this payload is valid.
function tagLink(row, asOf) {
  const to = href(["global-tags", row.global_tag], { at: toText(startOf(row)), as_of: asOf });
  return html`<a href=${to}>${row.global_tag}</a>`;
}

function aboutUrl(checksum) {
  return apiUrl(["payloads", checksum, "about"]);
}

function cliOf(checksum, asOf) {
  return cdbOf(["payload", "usage", checksum, ...(asOf ? ["--as-of", asOf] : [])], API);
}
