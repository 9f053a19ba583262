// Two global tags side by side, or one tag and its past: which payload types have other answers,
// and where.

import { apiUrl, get } from "../service/api.js";
import { CopyAs } from "../components/copy.js";
import { AtPoint, Intervals } from "../components/diff/intervals.js";
import { DiffPicture } from "../components/diff/picture.js";
import { Sides } from "../components/diff/sides.js";
import { Heading } from "../components/frame.js";
import { Empty, Failure, Loaded } from "../components/states.js";
import { CsvLink, Table } from "../components/table.js";
import { cliOf, diffUrl, programOf, sideName, typeColumns } from "../components/diff/differences.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { dimensionsNamed, plugins } from "../service/questions.js";
import { hereWith } from "../url.js";

const SIDES = ["a", "b", "a_as_of", "b_as_of"];

export function DiffPage({ query }) {
  const { a = "", b = "" } = query;
  return a && b
    ? html`<${Compared} query=${query} />`
    : html`<${Heading} title="Compare" />
      <p class="lead">
        Two global tags, or two states of one: which payload types answer differently, and where.
        The same tag on both sides, as of a change and now, is a tag and its past.
      </p>
      <${Sides} query=${query} />`;
}

function Compared({ query }) {
  const { a, b, a_as_of: aAsOf, b_as_of: bAsOf, from = "", to = "", type } = query;
  const sides = SIDES.map((name) => query[name] ?? "");
  const asked = { level: "lists", from, to };
  const url = diffUrl(query, asked);
  const asLoaded = useLoaded((signal) => load(query, signal), sides);
  // What is known of other tags than those that are asked now says nothing of these.
  const isOfThese = asLoaded.data?.sides === sides.join();
  const found = isOfThese ? asLoaded : { ...asLoaded, data: undefined };
  const inWindow = useLoaded((signal) => loadWindow(query, signal), [...sides, from, to]);
  const rows = found.data?.types ?? [];
  const chosen = type ?? (rows.length === 1 ? rows[0].payload_type : undefined);
  const columns = typeColumns(query, chosen, inWindow.data);
  return html`
    <${Heading} title=${`${sideName(a, aAsOf)} and ${sideName(b, bAsOf)}`} kicker="Compared"
      actions=${html`
        <${CopyAs} url=${url} cli=${cliOf(query, asked)} python=${programOf(query, asked)} />
        <${CsvLink} name=${`${a}-${b}`} columns=${columns} rows=${rows} />
        <a class="button" href=${url}>JSON</a>`} />
    <${Sides} query=${query} />
    <${Loaded} of=${found} what="what differs">${({ types, dimensions, isEmpty }) =>
      types.length
        ? html`<${Differing} query=${query} types=${types} dimensions=${dimensions}
            columns=${columns} inWindow=${inWindow} chosen=${chosen} />`
        : html`<${Alike} query=${query} isEmpty=${isEmpty} />`}
    <//>`;
}

function Differing({ query, types, dimensions, columns, inWindow, chosen }) {
  if (inWindow.error) {
    // All that follows is of the same window, and would say the same.
    return html`<${Failure} error=${inWindow.error} retry=${inWindow.retry} />
      <p><${WholeAxis} /></p>`;
  }
  return html`
    <${DiffPicture}
      query=${query}
      types=${types.map((row) => row.payload_type)}
      dimensions=${dimensions}
      chosen=${chosen}
    />
    <${Types} rows=${types} columns=${columns} inWindow=${inWindow} />
    ${query.at && html`<${AtPoint} key="at" query=${query} />`}
    ${chosen && html`<${Intervals} key=${chosen} query=${query} type=${chosen} />`}`;
}

function Types({ rows, columns, inWindow }) {
  const differ = rows.length === 1 ? "payload type differs" : "payload types differ";
  return html`<section aria-labelledby="types">
    <h2 id="types">${rows.length} ${differ}</h2>
    <${Loaded} of=${inWindow} what="what differs in the window">${(there) => html`
      ${there && [...there.values()].every((row) => !row.first) && html`<${NotHere} />`}
      <${Table}
        caption="Payload types that differ"
        columns=${columns}
        rows=${rows}
        keyOf=${(row) => row.payload_type}
      />`}
    <//>
  </section>`;
}

function WholeAxis() {
  return html`<a href=${hereWith({ from: null, to: null })}>Look at the whole axis</a>`;
}

function NotHere() {
  return html`<${Empty} title="No difference in this window">
    Between these two points both answer alike. What differs is elsewhere:${" "}
    <${WholeAxis} />
  <//>`;
}

// Four reasons for which nothing differs.
function Alike({ query: { a, b, a_as_of: aAsOf = "", b_as_of: bAsOf = "" }, isEmpty }) {
  if (a === b && aAsOf === bAsOf) {
    return html`<${Empty} title="This is one state of one tag">
      There is nothing to compare: say as of when one of the two is looked at, or name another tag.
    <//>`;
  }
  if (isEmpty) {
    return html`<${Empty} title="Both are empty">
      Neither has a payload list, so nothing is valid in them anywhere.
    <//>`;
  }
  return a === b
    ? html`<${Empty} title="Nothing has changed between the two">
        ${a} gives the same answer at every point as of both.
      <//>`
    : html`<${Empty} title="Both tags answer alike">
        At every point, all types have the same payload: its URL, its checksum and its revision.
      <//>`;
}

async function load(query, signal) {
  const sides = SIDES.map((name) => query[name] ?? "").join();
  // First what says which of the tags is unknown, or which of the moments is none.
  const types = await get(diffUrl(query, { level: "lists" }), { signal });
  if (!types.length) {
    return { sides, types, isEmpty: await areEmpty(query, signal) };
  }
  const names = types.map((type) => type.dimension);
  return { sides, types, dimensions: dimensionsNamed(names, await plugins(signal)) };
}

async function areEmpty({ a, b, a_as_of: aAsOf, b_as_of: bAsOf }, signal) {
  const sides = [
    [a, aAsOf],
    [b, bAsOf],
  ].map(([tag, asOf]) => get(apiUrl(["global-tags", tag], { light: 1, asOf }), { signal }));
  return (await Promise.all(sides)).every((each) => each.payload_lists_count === 0);
}

// By type; nothing where the whole axis is looked at.
async function loadWindow({ from, to, ...query }, signal) {
  if (!from && !to) {
    return null;
  }
  const rows = await get(diffUrl(query, { level: "lists", from, to }), { signal });
  return new Map(rows.map((row) => [row.payload_type, row]));
}
