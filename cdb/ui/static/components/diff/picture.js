// Two tags as lanes: for each payload type that differs those of both, one below the other, and
// where they differ.

import { diffUrl } from "./differences.js";
import { html } from "../../html.js";
import { fromText, toText } from "../../conditions/points.js";
import { go, hereWith, href } from "../../url.js";
import { Pager } from "../pager.js";
import { AskedTimeline, lookOf } from "../timeline/tag.js";
import { pictureOf } from "../timeline/timeline.js";

/** Payload types in a picture: two lanes each. */
const TYPES = 12;

const SIDES = ["a", "b"];

/** Return the picture of the types that differ, as many as there is room for; `chosen` is one. */
export function DiffPicture({ query, types, dimensions, chosen }) {
  const page = Math.max(Math.trunc(Number(query.cursor)) || 1, 1);
  const shown = types.slice((page - 1) * TYPES, page * TYPES);
  const typeOf = new Map(shown.flatMap((type) => SIDES.map((side) => [laneOf(type, side), type])));
  const choose = (lane) => lane && { lane, type: typeOf.get(lane) };
  return html`
    ${
      shown.length > 0 &&
      html`<${AskedTimeline}
        url=${diffUrl(query, { ...lookOf(query), types: shown }, ["timeline"])}
        read=${(answer) => pictureOfTwo(answer, query)}
        query=${query}
        dimensions=${dimensions}
        lane=${typeOf.get(query.lane) === chosen ? query.lane : chosen && laneOf(chosen, "b")}
        caption="Both as lanes"
        onAt=${(at, lane) => go(hereWith({ at: toText(at), ...choose(lane) }))}
        onLane=${(lane) => go(hereWith(choose(lane)), { replace: true })}
      />`
    }
    ${
      types.length > TYPES &&
      html`<${Pager} of=${pageOf(types, shown, page)} noun="payload types" />`
    }`;
}

function pageOf({ length: count }, results, page) {
  return { page, page_size: TYPES, results, count, total_pages: Math.ceil(count / TYPES) };
}

// The side first: where there is little room, names are cut at their end.
function laneOf(type, side) {
  return `${side} ${type}`;
}

/** Return the picture that the answer of `…/diff/…/timeline` is, with the `marks` of its lanes. */
function pictureOfTwo(answer, query) {
  const both = answer.lanes.flatMap((pair) => SIDES.map((side) => ({ pair, side })));
  const picture = pictureOf({
    edges: answer.edges,
    lanes: both.map(({ pair, side }) => ({
      ...(pair[side] ?? { iovs: 0, intervals: [] }),
      payload_type: laneOf(pair.payload_type, side),
    })),
  });
  const lanes = picture.lanes.map((lane, n) => ({ ...lane, ...placeOf(both[n], query) }));
  const marks = both.map(({ pair, side }, n) => [
    picture.lanes[n].name,
    marksOf(pair, picture.edges).filter((each) => each[side]),
  ]);
  return { ...picture, lanes, marks: new Map(marks) };
}

function placeOf({ pair, side }, query) {
  const list = pair[side]?.payload_list;
  return list
    ? { href: href(["lists", list], { as_of: query[`${side}_as_of`] }), detail: list }
    : { href: href(["types", pair.payload_type]), detail: `${side} has no list of this type` };
}

// A bucket that differs in part differs: what is narrower than a bucket is to be seen.
function marksOf({ intervals, added, removed, changed }, edges) {
  if (intervals) {
    return intervals.map((each) => ({
      ...each,
      start: fromText(each.start),
      end: fromText(each.end),
    }));
  }
  return [
    ...partsOf(added, edges, { a: null, b: true }),
    ...partsOf(removed, edges, { a: true, b: null }),
    ...partsOf(changed, edges, { a: true, b: true }),
  ];
}

// Neighbouring buckets in which some part differs are one mark.
function partsOf(parts, edges, sides) {
  const found = [];
  parts.forEach((part, number) => {
    if (part && number > 0 && parts[number - 1]) {
      found.at(-1).end = edges[number + 1];
    } else if (part) {
      found.push({ ...sides, start: edges[number], end: edges[number + 1] });
    }
  });
  return found;
}
