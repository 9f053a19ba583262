// What differs in one payload type, interval by interval, and what differs at a point.

import { get } from "../../service/api.js";
import {
  CSV_COLUMNS,
  INTERVAL_COLUMNS,
  POINT_COLUMNS,
  cliOf,
  diffUrl,
  programOf,
} from "./differences.js";
import { html } from "../../html.js";
import { useLoaded } from "../../service/load.js";
import { shown, startOf, toText } from "../../conditions/points.js";
import { hereWith } from "../../url.js";
import { CopyAs } from "../copy.js";
import { Empty, Loaded } from "../states.js";
import { CsvLink, Table } from "../table.js";

/** Intervals of a type that are shown; there can be millions. */
const LIMIT = 200;

/** Return where a payload type differs in the window, the first intervals. */
export function Intervals({ query, type }) {
  const asked = { payload_type: type, from: query.from, to: query.to };
  // One more says whether there are more.
  const url = diffUrl(query, { ...asked, limit: LIMIT + 1 });
  const found = useLoaded((signal) => get(url, { signal }), [url]);
  const rows = (found.data ?? []).slice(0, LIMIT);
  return html`<section aria-labelledby="intervals">
    <${Head} id="intervals" title=${`Where ${type} differs`} query=${query} asked=${asked}
      name=${`${query.a}-${query.b}-${type}`} rows=${rows} />
    <${Loaded} of=${found} what="the intervals">${(all) =>
      all.length
        ? html`
            <${Table}
              caption=${`Where ${type} differs`}
              columns=${INTERVAL_COLUMNS}
              rows=${rows}
              keyOf=${(row) => toText(startOf(row))}
            />
            <${Part} count=${rows.length} next=${all[LIMIT]} from=${query.from} />`
        : html`<${Empty} title=${`${type} does not differ here`}>
            In the part of the axis that is looked at, both answer alike.
          <//>`}
    <//>
  </section>`;
}

function Part({ count, next, from }) {
  const noun = count === 1 ? "interval" : "intervals";
  return html`<nav class="pager" aria-label="Intervals">
    ${from && html`<a class="button" href=${hereWith({ from: null })}>← From the beginning</a>`}
    <span role="status">
      ${next ? `the first ${count} intervals; there are more` : `${count} ${noun}`}
    </span>
    ${
      next &&
      html`<a class="button" href=${hereWith({ from: toText(startOf(next)) })}>
        Go on from ${next.begin ?? shown(startOf(next))} →
      </a>`
    }
  </nav>`;
}

/** Return what differs at the point of the page, a row for each payload type. */
export function AtPoint({ query }) {
  const asked = { at: query.at };
  const url = diffUrl(query, asked);
  const found = useLoaded((signal) => get(url, { signal }), [url]);
  const rows = found.data ?? [];
  return html`<section aria-labelledby="at-point">
    <${Head} id="at-point" title=${`At ${query.at}`} query=${query} asked=${asked}
      name=${`${query.a}-${query.b}-at-${query.at}`} rows=${rows}>
      <a class="button" href=${hereWith({ at: null })}>Close</a>
    <//>
    <${Loaded} of=${found} what="what differs at this point">${() =>
      rows.length
        ? html`<${Table}
            caption=${`What differs at ${query.at}`}
            columns=${POINT_COLUMNS}
            rows=${rows}
            keyOf=${(row) => row.payload_type}
          />`
        : html`<${Empty} title="No difference at this point">
            All types have the same payload there, or none, on both sides.
          <//>`}
    <//>
  </section>`;
}

function Head({ id, title, query, asked, name, rows, children }) {
  return html`<div class="heading section-heading">
    <h2 id=${id}>${title}</h2>
    <div class="actions">
      <${CopyAs}
        url=${diffUrl(query, asked)}
        cli=${cliOf(query, asked)}
        python=${programOf(query, asked)}
      />
      <${CsvLink} name=${name} columns=${CSV_COLUMNS} rows=${rows} />
      <a class="button" href=${diffUrl(query, asked)}>JSON</a>
      ${children}
    </div>
  </div>`;
}
