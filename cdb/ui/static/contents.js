// What a global tag holds, and what of it is valid at a point: one row for each payload list.

import { count, link } from "./components/columns.js";
import { html } from "./html.js";
import { endOf, isOpen, shown, startOf, toText } from "./points.js";
import { href } from "./url.js";

/** Return a row for each list, with the payload that is valid in it, or null for a gap. */
export function joined(lists, valid) {
  const byType = new Map(valid.map((each) => [each.payload_type_name, each]));
  return lists.map((list) => ({ list, iov: byType.get(list.payload_type) ?? null }));
}

/** Return the columns of such rows. */
export function contentColumns(isAtPoint) {
  return [
    link(
      "payload type",
      ({ list }) => list.payload_type,
      ({ list }) => href(["types", list.payload_type]),
    ),
    ...(isAtPoint ? OF_POINT : []),
    { title: "payload list", kind: "name", cell: ({ list }) => list.name },
    count("payload IOVs", ({ list }) => list.iov_count),
  ];
}

const OF_POINT = [
  {
    title: "payload",
    kind: "name wide",
    cell: ({ iov }) =>
      iov ? iov.payload_url : html`<span class="gap">gap: nothing is valid here</span>`,
    value: ({ iov }) => iov?.payload_url,
  },
  {
    title: "from",
    kind: "point",
    cell: ({ iov }) => iov && start(iov),
    value: ({ iov }) => iov && toText(startOf(iov)),
  },
  {
    title: "until",
    kind: "point",
    cell: ({ iov }) => iov && end(iov),
    value: ({ iov }) => iov && toText(endOf(iov)),
  },
  { title: "revision", cell: ({ iov }) => iov?.revision },
  count("size", ({ iov }) => iov?.size),
  {
    title: "checksum",
    cell: ({ iov }) =>
      iov?.checksum && html`<code title=${iov.checksum}>${iov.checksum.slice(0, 8)}</code>`,
    value: ({ iov }) => iov?.checksum,
  },
];

// In the notation of the dimension; the numbers are in the title.
function start(iov) {
  return html`<span title=${toText(startOf(iov))}>${iov.begin ?? shown(startOf(iov))}</span>`;
}

function end(iov) {
  const at = endOf(iov);
  const text = (isOpen(at) ? null : iov.end) ?? shown(at);
  return html`<span title=${toText(at)}>${text}</span>`;
}
