// A part of a payload list as rows: its payload IOVs one by one, with the gaps between them, or,
// where they are many, how many begin where.

import { apiUrl, get } from "../service/api.js";
import { count, moment } from "./columns.js";
import { factColumns, payloadColumn, spanColumns, start } from "./intervals.js";
import { pictureOf } from "./timeline/lanes.js";
import { partOf } from "./timeline/said.js";
import { bucketsOf } from "./timeline/twin.js";
import { html } from "../html.js";
import { compare, isOpen, startOf, toText } from "../conditions/points.js";
import { hereWith } from "../url.js";

const PAGE_SIZE = 100;
const BUCKETS = 50;

/** Return the path of a payload list in the API. */
export function pathOf(list) {
  return ["payload-lists", "by-name", list];
}

/** Return the URL of a page of the payload IOVs of a list. */
export function iovsUrl(list, { from, to, asOf, cursor }) {
  return apiUrl([...pathOf(list), "iovs"], { from, to, asOf, after: cursor, limit: PAGE_SIZE });
}

/**
 * Return what of a list a page shows: `rows`, which are either payload IOVs and gaps or, as
 * `isBuckets` says, parts of the axis; `count`, the number of payload IOVs in the whole window;
 * `next`, the cursor of the next page, or null; and `url`, what was asked.
 */
export async function loadPart(list, asked, signal) {
  const { from, to, asOf, cursor, show } = asked;
  const url = apiUrl([...pathOf(list), "timeline"], { from, to, asOf, buckets: BUCKETS });
  const picture = pictureOf(await get(url, { signal }));
  const [lane] = picture.lanes;
  const isBuckets = Boolean(lane.counts) && !cursor && show !== "intervals";
  const part = isBuckets
    ? { url, rows: bucketsOf(picture, lane), next: null }
    : await loadIovs(list, asked, signal);
  return { ...part, count: lane.iovs, isBuckets };
}

async function loadIovs(list, asked, signal) {
  const { from, to, asOf, cursor } = asked;
  const url = iovsUrl(list, asked);
  const iovs = await get(url, { signal });
  const next = iovs.length === PAGE_SIZE ? toText(startOf(iovs.at(-1))) : null;
  // From the last one of the page before: what is between that and the first one here belongs here.
  const part = { from: cursor || from, to: next ?? to, asOf };
  const gaps = await get(apiUrl([...pathOf(list), "gaps"], part), { signal });
  const rows = [...iovs, ...gaps].sort((a, b) => compare(startOf(a), startOf(b)));
  return { url, rows, next };
}

const itself = (row) => row;
const payloadOf = (row) => (row.payload_url === undefined ? null : row);

/** The columns of payload IOVs and gaps. A start sets the cursor there. */
export const INTERVALS = [
  {
    title: "from",
    kind: "point",
    cell: (row) => html`<a href=${hereWith({ at: toText(startOf(row)) })}>${start(row)}</a>`,
    value: (row) => toText(startOf(row)),
  },
  spanColumns(itself)[1],
  payloadColumn(payloadOf),
  ...factColumns(payloadOf),
  moment("inserted", (row) => row.inserted),
  {
    title: "change",
    isNumber: true,
    cell: ({ change }) => change && html`<a href=${hereWith({ as_of: change })}>${change}</a>`,
    value: (row) => row.change,
  },
  { title: "who", cell: (row) => row.actor },
  { title: "why", kind: "remark", cell: (row) => row.comment },
];

/** Return the columns of parts of the axis, in a notation. A start leads into that part. */
export function bucketColumns(notation) {
  const into = ({ start: from, end }) =>
    hereWith({ from: toText(from), to: isOpen(end) ? null : toText(end), cursor: null });
  return [
    {
      title: "from",
      kind: "point",
      cell: (row) => html`<a href=${into(row)}>${notation.write(row.start)}</a>`,
      value: (row) => toText(row.start),
    },
    {
      title: "until",
      kind: "point",
      cell: (row) => notation.write(row.end),
      value: (row) => toText(row.end),
    },
    count("payload IOVs that begin", (row) => row.count),
    count("different payloads", (row) => row.payloads),
    {
      title: "covered",
      cell: (row) =>
        row.covered
          ? partOf(row.covered)
          : html`<span class="gap">gap: nothing is valid here</span>`,
      value: (row) => row.covered / 1000,
    },
  ];
}
