// Where the palette leads: to pages, to a point in what one looks at, to what has such a name.

import { apiUrl, get } from "../service/api.js";
import { fromText, toText } from "../conditions/points.js";
import { here, hereWith, href } from "../url.js";

const PAGES = [
  ["Overview", []],
  ["Global tags", ["global-tags"]],
  ["Payload types", ["types"]],
  ["Payload lists", ["lists"]],
  ["Compare two tags", ["diff"]],
  ["Changes", ["changes"]],
  ["Plugins", ["plugins"]],
  ["About", ["about"]],
].map(([name, to]) => ({ kind: "Page", name, to: href(to) }));

const OF_EACH = 8;

// Lists are also found by the names of their tags and types: so some more are looked through.
const LISTS = 100;

// Numbers with what stands between them in a notation, and the dimension in front where it is said.
const POINT = /^([a-z][\w-]*:)?\d[\d:,.TZ+-]*$/i;

// With nothing between them they may be a part of a name as well.
const PAIR = /\d[:,]\d/;

// An MD5 or a SHA-256 names a payload.
const CHECKSUM = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/i;

/** Return where a text leads, with what was `found` by it in the service. */
export function placesOf(typed, found) {
  const text = typed.trim();
  if (CHECKSUM.test(text)) {
    return [{ kind: "Payload", name: text, to: href(["payloads", text]) }, ...found];
  }
  const pages = PAGES.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
  const points = pointsIn(text);
  return PAIR.test(text) ? [...points, ...pages, ...found] : [...pages, ...found, ...points];
}

function pointsIn(text) {
  const pair = fromText(text);
  const at = pair ? toText(pair) : text;
  const place = pair || POINT.test(text) ? placeOf(at) : null;
  return place ? [{ kind: "Valid here", name: `${text} in ${place.name}`, to: place.to }] : [];
}

// The tag or the list that one looks at, at a point: as of when it is, and as it is otherwise.
function placeOf(at) {
  const { segments, query } = here();
  const [kind, name, more] = segments;
  if (kind === "diff" && query.a && query.b) {
    return { name: `${query.a} and ${query.b}`, to: hereWith({ at }) };
  }
  if (!name || !["global-tags", "lists"].includes(kind)) {
    return null;
  }
  return { name, to: more ? href([kind, name], { at }) : hereWith({ at }) };
}

/** Return what the service has of such a name. */
export async function named(typed, signal) {
  const search = typed.trim();
  const page = { page: 1, page_size: OF_EACH, search, sort: "name" };
  const [tags, types, lists] = await Promise.all([
    get(apiUrl(["global-tags"], page), { signal }),
    get(apiUrl(["payload-types"], page), { signal }),
    search === ""
      ? { results: [] }
      : get(apiUrl(["payload-lists"], { ...page, page_size: LISTS }), { signal }),
  ]);
  const isMeant = ({ name }) => name.toLowerCase().includes(search.toLowerCase());
  return [
    ...itemsOf("Global tag", "global-tags", tags.results),
    ...itemsOf("Payload type", "types", types.results),
    ...itemsOf("Payload list", "lists", lists.results.filter(isMeant).slice(0, OF_EACH)),
  ];
}

function itemsOf(kind, path, rows) {
  return rows.map(({ name }) => ({ kind, name, to: href([path, name]) }));
}
