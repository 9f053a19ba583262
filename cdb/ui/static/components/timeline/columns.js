// A lane in pixels: how much of each column is covered, and what happens there.
//
// A column is as good as empty only where nothing is in it, and full only where no gap is, be it
// narrower than a pixel: a gap is never painted as covered, nor the other way round.

import { compare } from "../../points.js";
import { distance } from "./axis.js";
import { FULL, isSame, touches } from "./lanes.js";

// Of each scale: what it was asked for. An axis that moves keeps its scale, so that integers are
// computed with once, and not for each frame.
const known = new WeakMap();

function once(scale, key, make) {
  const kept = known.get(scale) ?? known.set(scale, new Map()).get(scale);
  return kept.get(key) ?? kept.set(key, make()).get(key);
}

/** Return distances of points on a scale. */
function distances(scale, points) {
  return Float64Array.from(points, (each) => distance(scale, each));
}

/**
 * Return the pieces of a lane, of which there are `size`: `starts` and `ends` as distances on a scale, the part of each that
 * is covered (`fills`), how many payload IOVs begin in it (`counts`), whether there is nothing
 * between it and the one before it (`joined`), and which of two colours it has (`tones`).
 */
export function piecesOf(picture, lane, scale) {
  return once(scale, lane, () =>
    lane.intervals ? fromIntervals(lane.intervals, scale) : fromBuckets(picture, lane, scale),
  );
}

function fromIntervals(intervals, scale) {
  let tone = 0;
  return {
    size: intervals.length,
    starts: distances(scale, intervals.map((each) => each.start)),
    ends: distances(scale, intervals.map((each) => each.end)),
    fills: new Float64Array(intervals.length).fill(1),
    counts: new Uint32Array(intervals.length).fill(1),
    joined: Uint8Array.from(intervals, (each, n) => n > 0 && touches(intervals[n - 1], each)),
    tones: Uint8Array.from(
      intervals,
      (each, n) => (tone ^= Number(n > 0 && !isSame(each, intervals[n - 1]))),
    ),
    overrides: Uint8Array.from(intervals, (each) => Number(each.isOverride ?? false)),
    isWhole: true,
  };
}

function fromBuckets({ edges }, { start, end, counts, covered }, scale) {
  const places = once(scale, edges, () => distances(scale, edges));
  const found = emptyPieces(covered.length + 2);
  // What reaches over an edge of the buckets goes on behind it, until its end.
  if (start && compare(start, edges[0]) < 0) {
    put(found, distance(scale, start), places[0], 1, 0);
  }
  for (let number = 0; number < covered.length; number += 1) {
    if (covered[number]) {
      put(found, places[number], places[number + 1], covered[number] / FULL, counts[number]);
    }
  }
  if (end && compare(end, edges.at(-1)) > 0) {
    put(found, places.at(-1), distance(scale, end), 1, 0);
  }
  return found;
}

function emptyPieces(most) {
  return {
    size: 0,
    starts: new Float64Array(most),
    ends: new Float64Array(most),
    fills: new Float64Array(most),
    counts: new Uint32Array(most),
    joined: new Uint8Array(most),
    tones: new Uint8Array(most),
    overrides: new Uint8Array(most),
    isWhole: false,
  };
}

function put(pieces, start, end, fill, count) {
  const { size, starts, ends, fills, counts, joined, tones } = pieces;
  [starts[size], ends[size], fills[size], counts[size]] = [start, end, fill, count];
  joined[size] = Number(size > 0 && ends[size - 1] === start);
  tones[size] = (size && tones[size - 1]) ^ (count & 1);
  pieces.size += 1;
}

/** Make room for the columns of a lane. */
export function roomFor(width) {
  return {
    width,
    cover: new Float32Array(width),
    isPart: new Uint8Array(width),
    counts: new Uint32Array(width),
    tones: new Uint8Array(width),
    marks: new Uint8Array(width),
  };
}

export const BEGINS = 1;
export const OVERRIDE = 2;

const ROUNDING = 1e-6;

// Columns that an interval has to be wide for its start to be marked.
const WIDE = 4;

/** Fill in the columns of a lane whose axis is as wide as the room. */
export function fillColumns(room, pieces, axis) {
  const { width, cover, isPart, counts, tones, marks } = room;
  for (const each of [cover, isPart, counts, tones, marks]) {
    each.fill(0);
  }
  const pixels = width / axis.length;
  const placed = (away) => within((away - axis.start) * pixels, width);
  let free = 0;
  for (let number = firstOf(pieces, axis.start); number < pieces.size; number += 1) {
    const start = placed(pieces.starts[number]);
    if (pieces.starts[number] > axis.start + axis.length) {
      break;
    }
    const end = placed(pieces.ends[number]);
    const first = Math.min(Math.floor(start), width - 1);
    const last = Math.max(Math.ceil(end) - 1, first);
    if (!pieces.joined[number] && pieces.starts[number] > axis.start) {
      isPart.fill(1, Math.floor(free), Math.max(Math.ceil(start), Math.floor(free) + 1));
    }
    free = end;
    add(room, pieces, number, { start, end, first, last });
  }
  isPart.fill(1, Math.floor(free));
}

function add({ cover, isPart, counts, tones, marks }, pieces, number, { start, end, first, last }) {
  const fill = pieces.fills[number];
  for (let column = first; column <= last; column += 1) {
    cover[column] += (Math.min(end, column + 1) - Math.max(start, column)) * fill;
  }
  tones.fill(pieces.tones[number], first, last + 1);
  if (fill < 1) {
    isPart.fill(1, first, last + 1);
  }
  counts[first] += pieces.counts[number];
  // What is too narrow for a pixel is seen all the same.
  cover[first] = Math.max(cover[first], 0.001);
  if (pieces.isWhole && start > 0 && last - first >= WIDE) {
    marks[first] |= BEGINS;
  }
  if (pieces.overrides[number]) {
    marks.fill(OVERRIDE, first, last + 1);
  }
}

function within(place, width) {
  // What ends with the picture ends there, and not a rounding before.
  return place > width - ROUNDING ? width : Math.max(place, 0);
}

// The first piece that does not end before a place.
function firstOf({ ends, size }, place) {
  let [low, high] = [0, size];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] < place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
