// Points: two integers, 0 … 2**63-1, compared as a pair. They are BigInt throughout: a number
// would round them.

export const MAX = 2n ** 63n - 1n;

/** The first point of the axis, and its end, which is no point. */
export const ORIGIN = { major: 0n, minor: 0n };
export const OPEN = { major: MAX, minor: MAX };

const DIGITS = /^[0-9]{1,19}$/;

/** Return the point of two integers, whether they came as numbers or as BigInt. */
export function point(major, minor) {
  return { major: BigInt(major), minor: BigInt(minor) };
}

/** Return the point that a text names as `major,minor`, or null. */
export function fromText(text) {
  const [major, minor, ...rest] = text.split(",").map((each) => each.trim());
  if (minor === undefined || rest.length || ![major, minor].every(isCoordinate)) {
    return null;
  }
  return point(major, minor);
}

/** Tell whether a text is a coordinate, in decimal digits. */
export function isCoordinate(text) {
  return DIGITS.test(text) && BigInt(text) <= MAX;
}

/** Return a point as `major,minor`, as URLs and the API have it. */
export function toText({ major, minor }) {
  return `${major},${minor}`;
}

/** Return a negative number, 0 or a positive one: the order of two points. */
export function compare(a, b) {
  const [left, right] = a.major === b.major ? [a.minor, b.minor] : [a.major, b.major];
  return left < right ? -1 : Number(left > right);
}

/** Return the last point before another one; the first of all has none: null. */
export function before({ major, minor }) {
  if (minor > 0n) {
    return { major, minor: minor - 1n };
  }
  return major > 0n ? { major: major - 1n, minor: MAX } : null;
}

/** Return the point after another one. */
export function after({ major, minor }) {
  return minor < MAX ? { major, minor: minor + 1n } : { major: major + 1n, minor: 0n };
}

/** Return what lies on the axis: the point itself, or the end of the axis that it is beyond. */
export function clamped(at) {
  if (at.major < 0n) {
    return ORIGIN;
  }
  return at.major > MAX || at.minor > MAX ? OPEN : at;
}

/** Tell whether this end is none: the interval holds for ever. */
export function isOpen({ major, minor }) {
  return major === MAX && minor === MAX;
}

/** Return a coordinate for people: the largest one is infinity. */
export function shownCoordinate(value) {
  return BigInt(value) === MAX ? "∞" : String(value);
}

/** Return a point for people. An end that is none is infinity, once. */
export function shown(at) {
  return isOpen(at) ? "∞" : `${shownCoordinate(at.major)}, ${shownCoordinate(at.minor)}`;
}

/** Return the start of a payload IOV as the API has it. */
export function startOf(iov) {
  return point(iov.major_iov, iov.minor_iov);
}

/** Return the end of a payload IOV as the API has it: in a discrete service, its last point. */
export function endOf(iov) {
  return point(iov.major_iov_end, iov.minor_iov_end);
}
