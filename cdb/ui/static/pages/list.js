// A payload list, in a tag or not: its picture, its intervals one by one, and what is valid at a
// point.

import { ListActions } from "../actions/of-list.js";
import { API, apiUrl, get } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { AsOf } from "../components/asof.js";
import { CopyAs } from "../components/copy.js";
import { Facts } from "../components/facts.js";
import { Heading } from "../components/frame.js";
import { ENDS } from "../components/intervals.js";
import { Moment } from "../components/moment.js";
import { Empty, Loaded } from "../components/states.js";
import { CsvLink, Table } from "../components/table.js";
import { notationOf } from "../components/timeline/notation.js";
import { TagTimeline } from "../components/timeline/tag.js";
import { ValidHere } from "../components/valid.js";
import { WindowForm } from "../components/window.js";
import { html, useMemo } from "../html.js";
import { INTERVALS, bucketColumns, iovsUrl, loadPart, pathOf } from "../components/rows.js";
import { useLoaded } from "../service/load.js";
import { startOf, toText } from "../conditions/points.js";
import { dimensionsNamed, plugins } from "../service/questions.js";
import { hereWith, href } from "../url.js";

export function ListPage({ list, query }) {
  const { at = "", as_of: asOf = "", from = "", to = "", cursor = "", show = "" } = query;
  const found = useLoaded((signal) => load(list, asOf, signal), [list, asOf]);
  const asked = { from, to, asOf, cursor, show };
  const part = useLoaded(
    (signal) => loadPart(list, asked, signal),
    [list, ...Object.values(asked)],
  );
  const dimensions = found.data?.dimensions ?? [];
  const buckets = useMemo(() => bucketColumns(notationOf(dimensions)), [found.data]);
  const columns = part.data?.isBuckets ? buckets : INTERVALS;
  const url = part.data?.url ?? iovsUrl(list, asked);
  return html`
    <${Heading} title=${list} kicker="Payload list" actions=${html`
      ${!asOf && html`<${ListActions} of=${found.data} />`}
      <${CopyAs} url=${url} cli=${cliOf(list, asked)} />
      <${CsvLink} name=${list} columns=${columns} rows=${part.data?.rows ?? []} />
      <a class="button" href=${url}>JSON</a>
      <a class="button" href=${href(["lists", list, "history"])}>History</a>`} />
    <${Loaded} of=${found} what="the payload list">${({ about }) => html`
      <${About} of=${about} />
      <div class="controls">
        <${ValidHere} list=${list} at=${at} asOf=${asOf} dimensions=${dimensions} />
        <${AsOf} path=${pathOf(list)} asOf=${asOf} />
      </div>
      ${
        about.iov_count > 0 &&
        html`<${TagTimeline} tag=${list} path=${pathOf(list)} query=${query} dimensions=${dimensions} />`
      }
      <section aria-labelledby="intervals">
        <h2 id="intervals">Intervals</h2>
        ${
          about.iov_count > 0
            ? html`<${WindowForm} from=${from} to=${to} />
              <${Loaded} of=${part} what="its intervals">
                ${(data) => html`<${Part} of=${data} columns=${columns} list=${list} cursor=${cursor} />`}
              <//>`
            : html`<${Empty} title="This payload list is empty">
                It has no payload IOV${asOf ? " as of then" : ""}, so nothing is valid in it anywhere.
              <//>`
        }
      </section>`}
    <//>`;
}

function About({ of }) {
  return html`
    ${of.description && html`<p class="lead">${of.description}</p>`}
    <${Facts} of=${[
      ["Payload type", html`<a href=${href(["types", of.payload_type])}>${of.payload_type}</a>`],
      ["Global tag", of.global_tag === null ? "none: it is in no tag" : tagOf(of.global_tag)],
      ["Payload IOVs", of.iov_count.toLocaleString("en")],
      ["What has no end holds", ENDS[of.ends]],
      ["Contact", of.contact],
      ["Created", html`<${Moment} at=${of.created} />`],
    ]} />`;
}

function tagOf(tag) {
  return html`<a href=${href(["global-tags", tag])}>${tag}</a>`;
}

function Part({ of, columns, list, cursor }) {
  if (!of.count) {
    return html`<${Empty} title="Nothing is valid in this part of the axis">
      No payload IOV of the list reaches into it.${" "}
      <a href=${hereWith({ from: null, to: null, cursor: null })}>Show all</a>
    <//>`;
  }
  if (!of.rows.length) {
    return html`<${Empty} title="This page is after the last one">
      <a href=${hereWith({ cursor: null })}>Show the first page</a>
    <//>`;
  }
  return html`
    <${Table}
      caption=${`Intervals of ${list}`}
      columns=${columns}
      rows=${of.rows}
      keyOf=${(row) => toText(row.start ?? startOf(row))}
    />
    <${Steps} of=${of} cursor=${cursor} />`;
}

function Steps({ of: { count, isBuckets, next }, cursor }) {
  const said = `${count.toLocaleString("en")} payload ${count === 1 ? "IOV" : "IOVs"}`;
  return html`<nav class="pager" aria-label="Pages">
    ${cursor && html`<a class="button" href=${hereWith({ cursor: null })}>← First</a>`}
    <span role="status">${said}${isBuckets && ", by where they begin"}</span>
    ${isBuckets && html`<a class="button" href=${hereWith({ show: "intervals" })}>One by one</a>`}
    ${next && html`<a class="button" href=${hereWith({ cursor: next })}>Next →</a>`}
  </nav>`;
}

async function load(list, asOf, signal) {
  const about = await get(apiUrl(pathOf(list), { asOf }), { signal });
  const [type, installed] = await Promise.all([
    get(apiUrl(["payload-types", about.payload_type], { asOf }), { signal }),
    plugins(signal),
  ]);
  return { about, dimensions: dimensionsNamed([type.dimension], installed) };
}

function cliOf(list, { from, to, asOf }) {
  const given = Object.entries({ "--from": from, "--to": to, "--as-of": asOf });
  const options = given.filter(([, value]) => value).flat();
  return cdbOf(["iov", "ls", "--list", list, ...options], API);
}
