// A payload type: what is asked of its payloads, how its points are written, and who uses it.

import { TypeActions } from "../actions/of-type.js";
import { API, apiUrl, get } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { CopyAs } from "../components/copy.js";
import { Facts } from "../components/facts.js";
import { Heading } from "../components/frame.js";
import { listColumns } from "../components/lists.js";
import { Moment } from "../components/moment.js";
import { Pager, pageQuery } from "../components/pager.js";
import { Empty, Loaded } from "../components/states.js";
import { CsvLink, Table } from "../components/table.js";
import { stringify } from "../service/exact.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";

const COLUMNS = listColumns({ hasTypes: false });

export function TypePage({ type, query }) {
  const { sort = "name", cursor = "1" } = query;
  const url = apiUrl(["payload-types", type]);
  const listsUrl = apiUrl(["payload-lists"], {
    ...pageQuery(cursor, sort),
    payload_type: type,
  });
  const found = useLoaded((signal) => get(url, { signal }), [url]);
  const lists = useLoaded((signal) => get(listsUrl, { signal }), [listsUrl]);
  return html`
    <${Heading} title=${type} kicker="Payload type" actions=${html`
      ${found.data && html`<${TypeActions} type=${type} />`}
      <${CopyAs} url=${listsUrl} cli=${cdbOf(["pl", "list", "--type", type], API)} />
      <${CsvLink} name=${type} columns=${COLUMNS} rows=${lists.data?.results ?? []} />
      <a class="button" href=${listsUrl}>JSON</a>`} />
    <${Loaded} of=${found} what="the payload type">${(about) => html`
      <${About} of=${about} />
      <section aria-labelledby="lists">
        <h2 id="lists">Payload lists</h2>
        <${Loaded} of=${lists} what="its lists">
          ${(page) => html`<${Lists} page=${page} sort=${sort} type=${type} />`}
        <//>
      </section>`}
    <//>`;
}

function About({ of }) {
  return html`
    ${of.description && html`<p class="lead">${of.description}</p>`}
    <${Facts} of=${[
      ["Points are written as", of.dimension ?? "the service’s default dimension"],
      ["Validator", of.validator ?? "the service’s default"],
      [
        "Its options",
        of.validator_options && html`<code>${stringify(of.validator_options)}</code>`,
      ],
      ["Contact", of.contact],
      ["Created", html`<${Moment} at=${of.created} />`],
    ]} />`;
}

function Lists({ page, sort, type }) {
  if (!page.count) {
    return html`<${Empty} title="No payload list has this type">It is used by no global tag.<//>`;
  }
  return html`
    <${Table}
      caption=${`Payload lists of ${type}`}
      columns=${COLUMNS}
      rows=${page.results}
      sorted=${sort}
      keyOf=${(list) => list.id}
    />
    <${Pager} of=${page} noun=${page.count === 1 ? "payload list" : "payload lists"} />`;
}
