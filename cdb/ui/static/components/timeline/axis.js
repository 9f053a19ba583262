// The axis of a picture: where exact points stand in its width, from 0 to 1, and back.
//
// A major (a run, an experiment) is one unit wide. Its minors fill nearly all of that as far as
// the data reach; the rest of its 2**63 minors shares what is left. Distances are taken between
// integers, and only then become numbers: however large points are, what lies close together is
// told apart.

import { MAX, OPEN, ORIGIN, after, clamped, compare } from "../../conditions/points.js";

// The part of a major that the minors have which the data reach.
const BODY = 0.98;

// Pixels that a major has to be wide for a window to begin or end inside of one.
const WIDE = 4;

/**
 * Return the axis that shows a window, `{ from, until }`, in all of its width.
 *
 * `reach` is the largest minor that the data reach, or null where that is not known: then majors
 * are not looked into. The axis measures from `scale.origin`, also when it is moved.
 */
export function axisOf({ from, until }, reach) {
  const scale = { origin: from, reach };
  return { scale, start: 0, length: distance(scale, until) };
}

/** Return how far a point is from the origin of a scale, in units. */
export function distance({ origin, reach }, { major, minor }) {
  if (major === origin.major && reach !== null && minor <= reach && origin.minor <= reach) {
    return (Number(minor - origin.minor) / Number(reach)) * BODY;
  }
  return Number(major - origin.major) + part(minor, reach) - part(origin.minor, reach);
}

/** Return the place of a point: from 0 to 1 where it is in the picture. */
export function placeOf(axis, at) {
  return (distance(axis.scale, at) - axis.start) / axis.length;
}

/** Return the point at a place: the exact one, as near as the axis goes into majors. */
export function pointAt({ scale, start, length }, place) {
  const { origin, reach } = scale;
  const away = start + place * length;
  if (reach === null) {
    return clamped({ major: origin.major + whole(away + part(origin.minor, reach)), minor: 0n });
  }
  const near = origin.minor + whole((away / BODY) * Number(reach));
  if (origin.minor <= reach && near >= 0n && near <= reach) {
    return { major: origin.major, minor: near };
  }
  const units = away + part(origin.minor, reach);
  const major = Math.floor(units);
  return clamped({ major: origin.major + BigInt(major), minor: minorAt(units - major, reach) });
}

/** Return the window that an axis shows in so many pixels, with edges as round as can be seen. */
export function windowOf(axis, pixels) {
  const [from, until] = [pointAt(axis, 0), pointAt(axis, 1)].map((edge) =>
    axis.length * WIDE > pixels ? roundedToMajor(edge, axis.scale) : edge,
  );
  return compare(from, until) < 0 ? { from, until } : { from, until: after(from) };
}

/** Return the axis with another part of it in the picture, as far as there is one. */
function moved({ scale }, start, length) {
  const first = distance(scale, ORIGIN);
  const last = distance(scale, OPEN);
  const shortest = scale.reach === null ? 1 : BODY / Number(scale.reach);
  const kept = Math.min(Math.max(length, shortest), last - first);
  return { scale, start: Math.min(Math.max(start, first), last - kept), length: kept };
}

/** Return the axis after a zoom: `factor` times as much to see, around a place that stays. */
export function zoomed(axis, factor, place = 0.5) {
  const length = axis.length * factor;
  return moved(axis, axis.start + place * (axis.length - length), length);
}

/** Return the axis after a step aside, by a part of what it shows. */
export function panned(axis, by) {
  return moved(axis, axis.start + by * axis.length, axis.length);
}

/** Return the axis of a part of what is shown, between two places. */
export function selected(axis, a, b) {
  return moved(axis, axis.start + Math.min(a, b) * axis.length, Math.abs(b - a) * axis.length);
}

function part(minor, reach) {
  if (reach === null) {
    return Number(minor) / Number(MAX);
  }
  return minor <= reach
    ? (Number(minor) / Number(reach)) * BODY
    : BODY + (Number(minor - reach) / Number(MAX - reach)) * (1 - BODY);
}

function minorAt(units, reach) {
  const minor =
    units <= BODY
      ? whole((units / BODY) * Number(reach))
      : reach + whole(((units - BODY) / (1 - BODY)) * Number(MAX - reach));
  return minor < MAX ? minor : MAX;
}

function whole(number) {
  return BigInt(Math.round(number));
}

function roundedToMajor({ major, minor }, { reach }) {
  return clamped({ major: major + (minor > (reach ?? 0n) / 2n ? 1n : 0n), minor: 0n });
}
