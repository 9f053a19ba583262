// The ticks of an axis: round points in the notation of what is drawn.

import { MAX, point } from "../../conditions/points.js";
import { distance, placeOf, pointAt } from "./axis.js";

// Ticks closer than this part of a major stand at minors.
const WHOLE = 0.6;

/** Return about `count` round points of an axis: `{ place, text }` for each, in order. */
export function ticksOf(axis, notation, count) {
  return roundPoints(axis, notation, count)
    .map(([at, withMinor]) => ({ place: placeOf(axis, at), text: notation.write(at, withMinor) }))
    .filter(({ place }) => place >= 0 && place <= 1);
}

function roundPoints(axis, notation, count) {
  const { reach } = axis.scale;
  const step = axis.length / count;
  const [first, last] = [pointAt(axis, 0), pointAt(axis, 1)];
  if (notation.isMinorAlone || (first.major === last.major && reach !== null)) {
    const minors = span(first.minor, last.minor, count, notation.times);
    return minors.map((minor) => [{ major: first.major, minor }, true]);
  }
  if (step >= WHOLE || reach === null || notation.times) {
    return span(first.major, last.major, count, notation.times).map((major) => [
      point(major, 0),
      false,
    ]);
  }
  return withinMajors(first, last, roundStep(step * Number(reach)), axis);
}

// Round minors of each major, and at least its first one.
function withinMajors(first, last, width, axis) {
  const found = [];
  for (let { major } = first; major <= last.major; major += 1n) {
    for (let minor = 0n; minor <= axis.scale.reach; minor += width) {
      // A tick close to the next major would be in its way.
      const isClear = minor === 0n || minor + width / 2n <= axis.scale.reach;
      if (isClear && distance(axis.scale, { major, minor }) >= axis.start) {
        found.push([{ major, minor }, true]);
      }
    }
  }
  return found;
}

function span(low, high, count, times) {
  const wide = Number(high - low) / count;
  return times ? times(low, high, wide) : multiples(low, high, roundStep(wide));
}

/** Return the multiples of a number from one integer to another. */
export function multiples(low, high, step) {
  const found = [];
  for (let each = ((low + step - 1n) / step) * step; each <= high && each <= MAX; each += step) {
    found.push(each);
  }
  return found;
}

// 1, 2 or 5 with noughts: the first that is not smaller.
function roundStep(wanted) {
  const size = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)));
  const digit = [1, 2, 5, 10].find((each) => each * size >= wanted) ?? 10;
  return BigInt(digit * size);
}
