// Columns of payload IOVs, as the API has them. `of(row)` is the payload IOV of a row, or null where
// nothing is valid.

import { html } from "../html.js";
import { endOf, isOpen, shown, startOf, toText } from "../conditions/points.js";
import { href } from "../url.js";
import { count } from "./columns.js";

/** How long what has no end holds, by what a payload list says of that. */
export const ENDS = { explicit: "for ever", "next-start": "until the next start" };

/** Return the column of payloads, which lead to where each is used. */
export function payloadColumn(of) {
  return {
    title: "payload",
    kind: "name wide",
    cell: (row) => payload(of(row)) ?? html`<span class="gap">gap: nothing is valid here</span>`,
    value: (row) => of(row)?.payload_url,
  };
}

/** Return the columns of where an interval begins and ends. */
export function spanColumns(of) {
  return [
    {
      title: "from",
      kind: "point",
      cell: (row) => of(row) && start(of(row)),
      value: (row) => of(row) && toText(startOf(of(row))),
    },
    {
      title: "until",
      kind: "point",
      cell: (row) => of(row) && end(of(row)),
      value: (row) => of(row) && toText(endOf(of(row))),
    },
  ];
}

/** Return the columns of what is known of a payload. */
export function factColumns(of) {
  return [
    { title: "revision", cell: (row) => of(row)?.revision },
    count("size", (row) => of(row)?.size),
    {
      title: "checksum",
      cell: (row) => of(row)?.checksum && checksum(of(row).checksum),
      value: (row) => of(row)?.checksum,
    },
  ];
}

/** Return where an interval begins, in the notation of its dimension, and in numbers. */
export function start(iov) {
  return written(iov.begin, startOf(iov));
}

/** Return where an interval ends, in the same way. */
export function end(iov) {
  const at = endOf(iov);
  return written(isOpen(at) ? null : iov.end, at);
}

// Most notations are the numbers themselves; below one that hides them they stand as well.
function written(notation, at) {
  const isPlain = !notation || notation.split(/\D+/).join() === toText(at);
  return html`<span title=${toText(at)}>${notation ?? shown(at)}</span>
    ${!isPlain && html`<span class="exact quiet">${toText(at)}</span>`}`;
}

function payload(iov) {
  if (!iov?.checksum) {
    return iov?.payload_url;
  }
  return html`<a href=${href(["payloads", iov.checksum])}>${iov.payload_url}</a>`;
}

function checksum(text) {
  const to = href(["payloads", text]);
  return html`<a href=${to} title=${text}><code>${text.slice(0, 8)}</code></a>`;
}
