// What a write would change, as its dry run tells: which payload IOVs it cuts, and where global
// tags would answer differently.

import { fatesOf } from "../conditions/fates.js";
import { html } from "../html.js";
import { endOf, isOpen, shown, startOf, toText } from "../conditions/points.js";
import { Table } from "./table.js";
import { notationOf } from "./timeline/notation.js";

/**
 * Return what a dry run tells: `of` is the body of its answer, and `dimensions` are those in whose
 * notation points are written.
 */
export function Trial({ of, dimensions }) {
  const { change, differences, differences_are_all: areAll } = of;
  const fates = change ? fatesOf(change) : [];
  const { write } = notationOf(dimensions);
  return html`
    ${fates.length > 0 && html`<${Fates} of=${fates} change=${change} write=${write} />`}
    ${differences.length > 0 && html`<${Differences} of=${differences} areAll=${areAll} />`}
    ${
      change?.global_tags.length > 0 &&
      !differences.length &&
      html`<p>No global tag that is there would answer differently anywhere.</p>`
    }`;
}

const FATE = {
  title: "what becomes of it",
  cell: ({ fate, words }) => html`<span class="fate fate-${fate}">${words}</span>`,
};

const PAYLOAD = { title: "payload", kind: "name", cell: ({ iov }) => iov.payload_url };

function fateColumns(write) {
  const when = (of) => html`<${Intervals} of=${of} write=${write} />`;
  return [
    FATE,
    PAYLOAD,
    { title: "now", kind: "point", cell: ({ now }) => when(now) },
    { title: "then", kind: "point", cell: ({ then }) => when(then) },
  ];
}

function Fates({ of, change: { before, after }, write }) {
  const count = (before?.payload_iovs_count ?? 0) + (after?.payload_iovs_count ?? 0);
  const told = (before?.payload_iovs?.length ?? 0) + (after?.payload_iovs?.length ?? 0);
  return html`
    <${Table} caption="Payload IOVs that would change" columns=${fateColumns(write)} rows=${of} keyOf=${keyOf} />
    ${told < count && html`<p class="quiet">These are the first of ${count} payload IOVs.</p>`}`;
}

function keyOf({ fate, iov }) {
  return `${fate} ${iov.payload_list} ${toText(startOf(iov))}`;
}

function Intervals({ of, write }) {
  return of.length
    ? of.map(
        (iov) => html`<div key=${toText(startOf(iov))}>
          <span class="edge" title=${toText(startOf(iov))}>${write(startOf(iov))} –</span>
          ${" "}<span class="edge" title=${toText(endOf(iov))}>${write(endOf(iov))}</span>
        </div>`,
      )
    : html`<span class="quiet">not there</span>`;
}

const DIFFERENCE = [
  { title: "payload type", kind: "name", cell: (row) => row.payload_type },
  { title: "from", kind: "point", cell: (row) => row.begin ?? shown(startOf(row)) },
  {
    title: "until",
    kind: "point",
    cell: (row) => (isOpen(endOf(row)) ? null : row.end) ?? shown(endOf(row)),
  },
  { title: "now", kind: "name", cell: ({ a, b }) => payload(a, b) },
  { title: "then", kind: "name", cell: ({ a, b }) => payload(b, a) },
];

// With what makes it another payload than the other one where that has the same URL.
function payload(of, other) {
  if (!of) {
    return html`<span class="gap">nothing</span>`;
  }
  const isAlike = of.payload_url === other?.payload_url;
  const revision = of.revision === null ? "no revision" : `revision ${of.revision}`;
  return html`${of.payload_url}
    ${isAlike && html`<span class="more">${revision} · ${of.checksum.slice(0, 8)}</span>`}`;
}

function Differences({ of, areAll }) {
  return [...Map.groupBy(of, (each) => each.global_tag)].map(
    ([tag, rows]) => html`<section key=${tag}>
      <p>
        <span class="name">${tag}</span> would answer differently in ${areAll ? "" : "more than"}
        ${" "}${rows.length} ${rows.length === 1 ? "interval" : "intervals"}:
      </p>
      <${Table}
        caption=${`Where ${tag} would answer differently`}
        columns=${DIFFERENCE}
        rows=${rows}
        keyOf=${(row) => `${row.payload_type} ${toText(startOf(row))}`}
      />
    </section>`,
  );
}
