// A timeline of the API as data: lanes, with their buckets or their intervals, as points.

import { MAX, clamped, compare, fromText, isOpen, point } from "../../conditions/points.js";
import { href } from "../../url.js";

// The service tells covered parts per mille.
export const FULL = 1000;

// Of a window: which part is left for what goes on behind it.
const MARGIN = 25n;

// A minor so many times as large as what is usual means 'the rest of the major'.
const FAR = 10n;

/**
 * Return the picture that an answer of `…/timeline` is: its `edges`, its `lanes`, and `home`, the
 * window in which one sees all of it. `reach` is the largest minor that its data reach (null where
 * no minor but 0 is seen), `most` how many payload IOVs begin in a bucket at most.
 */
export function pictureOf({ change, lists, edges: texts, lanes: rows }) {
  const edges = texts.map(fromText);
  const lanes = rows.map(laneOf);
  const home = homeOf(edges, lanes);
  return {
    change,
    lists,
    edges,
    lanes,
    home,
    reach: reachOf([...edges, home.until], lanes),
    most: lanes.reduce((most, { counts = [] }) => Math.max(most, ...counts), 1),
  };
}

// What goes on behind the last edge is seen to do so: without room for that, what begins last and
// has no end, as the conditions of now do, would be a point.
function homeOf(edges, lanes) {
  const [from, until] = [edges[0], edges.at(-1)];
  if (!lanes.some(({ end }) => end && compare(end, until) > 0)) {
    return { from, until };
  }
  const room = (length) => (length / MARGIN > 1n ? length / MARGIN : 1n);
  const isWithinMajor = from.major === until.major;
  const further = isWithinMajor
    ? point(until.major, until.minor + room(until.minor - from.minor))
    : point(until.major + room(until.major - from.major), 0);
  return { from, until: clamped(further) };
}

function laneOf({ payload_type: name, payload_list: list, start, end, intervals, ...numbers }) {
  return {
    name,
    detail: list,
    href: href(["lists", list]),
    start: start && fromText(start),
    end: end && fromText(end),
    ...numbers,
    ...(intervals && { intervals: overridden(intervals.map(intervalOf)) }),
  };
}

function intervalOf({ start, end, ...payload }) {
  return { start: fromText(start), end: fromText(end), ...payload };
}

// What was put over another payload, which goes on behind it.
function overridden(intervals) {
  return intervals.map((each, index) => {
    const [before, next] = [intervals[index - 1], intervals[index + 1]];
    const isOverride =
      before &&
      next &&
      !isSame(each, before) &&
      isSame(before, next) &&
      touches(before, each) &&
      touches(each, next);
    return isOverride ? { ...each, isOverride } : each;
  });
}

/** Tell whether two intervals have the same payload. */
export function isSame(a, b) {
  return (
    a.payload_url === b.payload_url && a.checksum === b.checksum && a.revision === b.revision
  );
}

/** Tell whether there is nothing between an interval and the next one. */
export function touches(a, b) {
  return compare(a.end, b.start) === 0;
}

function reachOf(edges, lanes) {
  const ends = lanes.flatMap(({ intervals = [] }) =>
    intervals.flatMap(({ start, end }) => [start, end]),
  );
  const minors = [...edges, ...ends]
    .filter((each) => each.minor > 0n && each.minor < MAX && !isOpen(each))
    .map((each) => each.minor)
    .sort((a, b) => (a < b ? -1 : Number(a > b)));
  const usual = minors[Math.floor(0.95 * (minors.length - 1))];
  return minors.findLast((each) => each <= FAR * usual) ?? null;
}

const NOTHING_BEGINS = { count: 0, payloads: 0, covered: FULL };

/** Return what a lane shows at a point: `{ interval }`, `{ bucket }`, or neither in a gap. */
export function shownAt(picture, lane, at) {
  if (lane.intervals) {
    const interval = lane.intervals.findLast((each) => compare(each.start, at) <= 0);
    return interval && compare(at, interval.end) < 0 ? { interval } : {};
  }
  const number = picture.edges.findLastIndex((edge) => compare(edge, at) <= 0);
  if (number in lane.counts) {
    return { bucket: bucketOf(picture, lane, number) };
  }
  const goesOn = number >= 0 && compare(at, lane.end) < 0;
  const rest = { ...NOTHING_BEGINS, start: picture.edges.at(-1), end: lane.end };
  return goesOn ? { bucket: rest } : {};
}

/** Return a bucket of a lane by its number. */
export function bucketOf({ edges }, lane, number) {
  return {
    start: edges[number],
    end: edges[number + 1],
    count: lane.counts[number],
    payloads: lane.payloads[number],
    covered: lane.covered[number],
  };
}

/** Return the gaps between the intervals of a lane, in a window. */
export function gapsOf(lane, { from, until }) {
  const edges = [from, ...lane.intervals.flatMap(({ start, end }) => [start, end]), until];
  const found = [];
  for (let each = 0; each < edges.length; each += 2) {
    const start = compare(edges[each], from) < 0 ? from : edges[each];
    const end = compare(edges[each + 1], until) > 0 ? until : edges[each + 1];
    if (compare(start, end) < 0) {
      found.push({ start, end });
    }
  }
  return found;
}
