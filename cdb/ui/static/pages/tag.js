// A global tag, as it is or as it was: what it holds, and what of that is valid at a point.

import { TagActions } from "../actions/of-tag.js";
import { API, apiUrl, ask, get } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { AsOf } from "../components/asof.js";
import { CopyAs } from "../components/copy.js";
import { Facts } from "../components/facts.js";
import { Heading } from "../components/frame.js";
import { Moment } from "../components/moment.js";
import { PointForm } from "../components/point.js";
import { Empty, Loaded } from "../components/states.js";
import { StatusBadge } from "../components/status.js";
import { CsvLink, Table } from "../components/table.js";
import { TagTimeline } from "../components/timeline/tag.js";
import { contentColumns, joined } from "../components/contents.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { fromText } from "../conditions/points.js";
import { dimensionsNamed, plugins, spanOf, statuses } from "../service/questions.js";
import { href } from "../url.js";

const MOST_LISTS = 1000;

export function TagPage({ tag, query }) {
  const { at = "", as_of: asOf = "" } = query;
  const found = useLoaded((signal) => load(tag, asOf, signal), [tag, asOf]);
  const asked = useLoaded((signal) => loadValid(tag, at, asOf, signal), [tag, at, asOf]);
  // Until there is an answer for some point nothing is known: not even that there is a gap.
  const valid = asked.data?.isAtPoint === Boolean(at) ? asked : { ...asked, data: undefined };
  // Nor leads a step from the answer for the last point to one beside this.
  const span = at && valid.data && !valid.isWaiting ? spanOf(valid.data.headers) : null;
  const url = at ? validUrl(tag, at, asOf) : contentUrl(tag, asOf);
  const columns = contentColumns(Boolean(at));
  const rows = found.data ? joined(found.data.lists, valid.data?.body ?? []) : [];
  return html`
    <${Heading} title=${tag} kicker="Global tag" actions=${html`
      ${!asOf && html`<${TagActions} tag=${tag} of=${found.data} />`}
      <${CopyAs} url=${url} cli=${cliOf(tag, at, asOf)} />
      <${CsvLink} name=${tag} columns=${columns} rows=${rows} />
      <a class="button" href=${url}>JSON</a>
      <a class="button" href=${compareUrl(tag, asOf)}>
        ${asOf ? "What changed since then" : "Compare"}
      </a>
      <a class="button" href=${href(["global-tags", tag, "history"])}>History</a>`} />
    <${Loaded} of=${found} what="the global tag">${(data) => html`
      <${About} of=${data} />
      <div class="controls">
        <${PointForm} at=${at} dimensions=${data.dimensions} span=${span} />
        <${AsOf} tag=${tag} asOf=${asOf} />
      </div>
      ${
        data.lists.length > 0 &&
        html`<${TagTimeline} tag=${tag} query=${query} dimensions=${data.dimensions} />`
      }
      <section aria-labelledby="contents">
        <h2 id="contents">${at ? `Valid at ${at}` : "Payload lists"}</h2>
        <${Loaded} of=${valid} what="what is valid here">
          ${() => html`<${Contents} columns=${columns} rows=${rows} at=${at} />`}
        <//>
      </section>`}
    <//>`;
}

function About({ of: { about, statuses: known } }) {
  return html`
    <p class="lead">
      <${StatusBadge} name=${about.status} statuses=${known} isExplained />${" "}
      ${about.description}
    </p>
    <${Facts} of=${[
      ["Payload lists", about.payload_lists_count],
      ["Payload IOVs", about.payload_iov_count.toLocaleString("en")],
      ["Author", about.author],
      ["Contact", about.contact],
      ["Created", html`<${Moment} at=${about.created} />`],
      ["Updated", html`<${Moment} at=${about.updated} />`],
      ["Digest", about.digest && html`<code>${about.digest}</code>`],
    ]} />`;
}

function Contents({ columns, rows, at }) {
  return rows.length
    ? html`<${Table}
        caption=${at ? `What is valid at ${at}` : "Payload lists"}
        columns=${columns}
        rows=${rows}
        keyOf=${(row) => row.list.id}
      />`
    : html`<${Empty} title="This global tag is empty">
        It has no payload list, so nothing is valid in it anywhere.
      <//>`;
}

async function load(tag, asOf, signal) {
  const ofThen = { page: 1, page_size: MOST_LISTS, asOf };
  const [{ body: about, headers }, lists, types, installed, known] = await Promise.all([
    ask(apiUrl(["global-tags", tag], { light: 1, asOf }), { signal }),
    get(contentUrl(tag, asOf), { signal }),
    get(apiUrl(["payload-types"], ofThen), { signal }),
    plugins(signal),
    statuses(signal),
  ]);
  return {
    about,
    etag: headers.get("ETag"),
    statuses: known,
    lists: lists.results,
    dimensions: dimensionsOf(lists.results, types.results, installed),
  };
}

// How the points of this tag can be written: the dimensions of its types.
function dimensionsOf(lists, types, installed) {
  const used = new Set(lists.map((list) => list.payload_type));
  const names = types.filter((type) => used.has(type.name)).map((type) => type.dimension);
  return dimensionsNamed(names, installed);
}

async function loadValid(tag, at, asOf, signal) {
  return at
    ? { isAtPoint: true, ...(await ask(validUrl(tag, at, asOf), { signal })) }
    : { isAtPoint: false, body: [], headers: new Headers() };
}

// With another tag, or with what it is now.
function compareUrl(tag, asOf) {
  return href(["diff"], asOf ? { a: tag, a_as_of: asOf, b: tag } : { a: tag });
}

function contentUrl(tag, asOf) {
  return apiUrl(["payload-lists"], {
    global_tag: tag,
    page: 1,
    page_size: MOST_LISTS,
    sort: "payload_type",
    asOf,
  });
}

function validUrl(tag, at, asOf) {
  const numbers = fromText(at);
  const place = numbers ? { majorIOV: numbers.major, minorIOV: numbers.minor } : { at };
  return apiUrl(["payload-iovs", "query"], { gtName: tag, ...place, asOf, shape: "dict" });
}

function cliOf(tag, at, asOf) {
  const ofThen = asOf ? ["--as-of", asOf] : [];
  const numbers = fromText(at);
  const place = numbers ? [String(numbers.major), String(numbers.minor)] : [at];
  return cdbOf(at ? ["query", tag, ...place, ...ofThen] : ["gt", "show", tag, ...ofThen], API);
}
