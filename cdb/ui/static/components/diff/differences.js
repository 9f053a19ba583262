// Where two global tags, or two states of one, answer differently: what to ask, and the tables.

import { API, apiUrl } from "../../service/api.js";
import { cdbOf, clientOf, pythonText } from "../../elsewhere/commands.js";
import { Difference, Payload, kindOf } from "./difference.js";
import { end, start } from "../intervals.js";
import { html } from "../../html.js";
import { endOf, point, shown, startOf, toText } from "../../conditions/points.js";
import { hereWith, href } from "../../url.js";

const AS_OF = ["a_as_of", "b_as_of"];

const NAMES_OF_CLIENT = { from: "begin", to: "end" };

/**
 * Return the URL of a diff, or of what is `below` it. `query` is the state of the page, of which
 * the sides are taken, and `more` is what else is asked, by the names of the API.
 */
export function diffUrl({ a, b, ...query }, more, below = []) {
  const asOf = Object.fromEntries(AS_OF.map((name) => [name, query[name]]));
  return apiUrl(["global-tags", a, "diff", b, ...below], { ...asOf, ...more });
}

/** Return the command of the client that asks the same. */
export function cliOf(query, more) {
  const options = given(query, more).flatMap(([name, value]) => [
    name === "payload_type" ? "--type" : `--${name.replaceAll("_", "-")}`,
    value,
  ]);
  return cdbOf(["gt", "diff", query.a, query.b, ...options], API);
}

/** Return the program of the client that asks the same. */
export function programOf(query, more) {
  const options = given(query, more).map(
    ([name, value]) => `${NAMES_OF_CLIENT[name] ?? name}=${pythonText(value)}`,
  );
  const words = [pythonText(query.a), pythonText(query.b), ...options].join(", ");
  return clientOf(`list(client.global_tags.diff(${words}))`, API);
}

function given(query, more) {
  const asOf = AS_OF.map((name) => [name, query[name]]);
  return [...asOf, ...Object.entries(more)].filter(([, value]) => (value ?? "") !== "");
}

/** Return the name of a side, with as of when it is looked at. */
export function sideName(tag, asOf) {
  return asOf ? `${tag} as of ${asOf}` : tag;
}

/**
 * Return the columns of the payload types that differ. `chosen` is the type whose intervals are
 * shown; `inWindow`, where only a part of the axis is looked at, is what differs there, by type.
 */
export function typeColumns(query, chosen, inWindow) {
  return [
    {
      title: "payload type",
      kind: "name",
      cell: ({ payload_type: type }) =>
        html`<a
          href=${hereWith({ type })}
          aria-current=${type === chosen ? "true" : undefined}
          >${type}</a
        >`,
      value: (row) => row.payload_type,
    },
    listColumn("a", query),
    listColumn("b", query),
    firstColumn("differs first at", (row) => row),
    ...(inWindow
      ? [firstColumn("in the window, at", (row) => inWindow.get(row.payload_type))]
      : []),
  ];
}

function listColumn(side, query) {
  const asOf = query[`${side}_as_of`];
  return {
    title: `list in ${side}`,
    kind: "name",
    cell: ({ [side]: list }) =>
      list === null
        ? html`<span class="gap">${side} has no list of this type</span>`
        : html`<a href=${href(["lists", list], { as_of: asOf })}>${list}</a>`,
    value: (row) => row[side],
  };
}

function firstColumn(title, of) {
  return {
    title,
    kind: "point",
    cell: (row) => {
      const found = of(row);
      return found?.first
        ? html`<span title=${toText(point(...found.first))}
            >${found.begin ?? shown(point(...found.first))}</span
          >`
        : html`<span class="quiet">nowhere</span>`;
    },
    value: (row) => of(row)?.first && toText(point(...of(row).first)),
  };
}

// A start sets the cursor there.
const FROM = {
  title: "from",
  kind: "point",
  cell: (row) => html`<a href=${hereWith({ at: toText(startOf(row)) })}>${start(row)}</a>`,
  value: (row) => toText(startOf(row)),
};

const UNTIL = { title: "until", kind: "point", cell: end, value: (row) => toText(endOf(row)) };

const TYPE = {
  title: "payload type",
  kind: "name",
  cell: ({ payload_type: type }) => html`<a href=${hereWith({ type })}>${type}</a>`,
  value: (row) => row.payload_type,
};

const WHAT = {
  title: "what",
  cell: (row) => html`<${Difference} of=${row} />`,
  value: (row) => kindOf(row).words,
};

const PAYLOADS = ["a", "b"].map((side) => ({
  title: `payload in ${side}`,
  kind: "name wide",
  cell: (row) => html`<${Payload} of=${row} side=${side} />`,
}));

/** The columns of intervals that differ, all of one type. */
export const INTERVAL_COLUMNS = [FROM, UNTIL, WHAT, ...PAYLOADS];

/** The columns of what differs at a point, a row for each type. */
export const POINT_COLUMNS = [TYPE, WHAT, ...PAYLOADS, { ...FROM, cell: start }, UNTIL];

/** The columns that such rows have as CSV: each part of a payload in one of its own. */
export const CSV_COLUMNS = [
  TYPE,
  FROM,
  UNTIL,
  WHAT,
  ...["a", "b"].flatMap((side) =>
    ["payload_url", "checksum", "revision"].map((name) => ({
      title: `${name} in ${side}`,
      cell: (row) => row[side]?.[name],
    })),
  ),
];
