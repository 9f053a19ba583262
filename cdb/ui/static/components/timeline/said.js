// What a picture says at a point, in words.

import { shownAt } from "./lanes.js";

/** Return what a lane shows at a point, as one line. */
export function sentenceOf(picture, lane, at, notation) {
  const where = notation.write(at);
  if (!lane) {
    return where;
  }
  return `${where} · ${lane.name}: ${phraseOf(shownAt(picture, lane, at), notation)}`;
}

function phraseOf({ interval, bucket }, notation) {
  const span = ({ start, end }) => `${notation.write(start)} … ${notation.write(end)}`;
  if (interval) {
    const over = interval.isOverride ? ", over a payload that goes on after it" : "";
    return `${span(interval)}, ${interval.payload_url}${over}`;
  }
  if (bucket?.covered) {
    return `${span(bucket)}: ${countsOf(bucket)}, ${partOf(bucket.covered)}`;
  }
  return bucket ? `${span(bucket)}: gap` : "gap";
}

/** Return how many payload IOVs begin in a bucket, and with how many payloads. */
export function countsOf({ count, payloads }) {
  const begin = count === 1 ? "1 payload IOV begins" : `${count} payload IOVs begin`;
  return count > 1 ? `${begin}, ${payloads === 1 ? "1 payload" : `${payloads} payloads`}` : begin;
}

/** Return which part of a bucket is covered: all and nothing only where it is that. */
export function partOf(covered) {
  if (covered === 1000) {
    return "covered";
  }
  return covered ? `${(covered / 10).toFixed(1)} % covered` : "gap";
}
