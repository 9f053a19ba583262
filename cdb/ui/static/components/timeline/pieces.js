// A lane as pieces along the axis, in numbers that are quick to draw with.

import { compare } from "../../conditions/points.js";
import { distance } from "./axis.js";
import { FULL, isSame, touches } from "./lanes.js";

// Of each scale: what it was asked for. An axis that moves keeps its scale, so that integers are
// computed with once, and not for each frame.
const known = new WeakMap();

function once(scale, key, make) {
  if (!known.has(scale)) {
    known.set(scale, new Map());
  }
  const kept = known.get(scale);
  if (!kept.has(key)) {
    kept.set(key, make());
  }
  return kept.get(key);
}

/** Return distances of points on a scale. */
function distances(scale, points) {
  return Float64Array.from(points, (each) => distance(scale, each));
}

/**
 * Return the pieces of a lane, of which there are `size`: `starts` and `ends` as distances on a
 * scale, the part of each that is covered (`fills`), how many payload IOVs begin in it (`counts`),
 * whether there is nothing between it and the one before it (`joined`), and which of two colours
 * it has (`tones`).
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
