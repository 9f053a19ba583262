// What a write would change, as its dry run tells: which payload IOVs it cuts, and where global
// tags would answer differently.

import { fatesOf } from "../fates.js";
import { html } from "../html.js";
import { endOf, isOpen, shown, startOf, toText } from "../points.js";
import { Table } from "./table.js";

/** Return what a dry run tells: `of` is the body of its answer. */
export function Trial({ of: { change, differences, differences_are_all: areAll } }) {
  const fates = change ? fatesOf(change) : [];
  return html`
    ${fates.length > 0 && html`<${Fates} of=${fates} change=${change} />`}
    ${differences.length > 0 && html`<${Differences} of=${differences} areAll=${areAll} />`}
    ${
      change?.global_tags.length > 0 &&
      !differences.length &&
      html`<p>No global tag that is there would answer differently anywhere.</p>`
    }`;
}

const FATE = [
  {
    title: "what becomes of it",
    cell: ({ fate, words }) => html`<span class="fate fate-${fate}">${words}</span>`,
  },
  { title: "payload", kind: "name", cell: ({ iov }) => iov.payload_url },
  { title: "now", kind: "point", cell: ({ now }) => html`<${Intervals} of=${now} />` },
  { title: "then", kind: "point", cell: ({ then }) => html`<${Intervals} of=${then} />` },
];

function Fates({ of, change: { before, after } }) {
  const count = (before?.payload_iovs_count ?? 0) + (after?.payload_iovs_count ?? 0);
  const told = (before?.payload_iovs?.length ?? 0) + (after?.payload_iovs?.length ?? 0);
  return html`
    <${Table} caption="Payload IOVs that would change" columns=${FATE} rows=${of} keyOf=${keyOf} />
    ${told < count && html`<p class="quiet">These are the first of ${count} payload IOVs.</p>`}`;
}

function keyOf({ fate, iov }) {
  return `${fate} ${iov.payload_list} ${toText(startOf(iov))}`;
}

function Intervals({ of }) {
  return of.length
    ? of.map(
        (iov) => html`<div key=${toText(startOf(iov))}>
          <span class="edge">${shown(startOf(iov))} –</span>
          ${" "}<span class="edge">${shown(endOf(iov))}</span>
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
  { title: "now", kind: "name", cell: ({ a }) => payload(a) },
  { title: "then", kind: "name", cell: ({ b }) => payload(b) },
];

function payload(of) {
  return of
    ? html`${of.payload_url}
        ${of.revision !== null && html`<span class="more">revision ${of.revision}</span>`}`
    : html`<span class="gap">nothing</span>`;
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
