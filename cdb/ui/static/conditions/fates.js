// What becomes of payload IOVs by a change: which are cut, split, replaced, and which are new. The
// change log tells what was there before and what is there after it; this puts the two together.

import { compare, endOf, startOf } from "./points.js";

const WORDS = {
  new: "is new",
  gone: "goes",
  cut: "is cut",
  split: "is split",
  longer: "gets longer",
  same: "stays",
};

/**
 * Return what becomes of the payload IOVs that a change tells of, by their starts. Each has its
 * `fate`, that in `words`, the `iov`, and the intervals that it has `now` and `then`.
 */
export function fatesOf({ before, after }) {
  const left = new Set(after?.payload_iovs ?? []);
  const old = (before?.payload_iovs ?? []).map((iov) => {
    const then = [...left].filter((piece) => isOf(piece, iov));
    then.forEach((piece) => left.delete(piece));
    return fate(nameOf(iov, then), iov, [iov], then);
  });
  const added = [...left].map((iov) => fate("new", iov, [], [iov]));
  return [...old, ...added].sort((a, b) => compare(startOf(a.iov), startOf(b.iov)));
}

function fate(name, iov, now, then) {
  return { fate: name, words: WORDS[name], iov, now, then };
}

function nameOf(iov, then) {
  if (then.length !== 1) {
    return then.length ? "split" : "gone";
  }
  if (contains(then[0], iov)) {
    return contains(iov, then[0]) ? "same" : "longer";
  }
  return "cut";
}

// A payload IOV after the change is one of before, if it has its payload and its place.
function isOf(piece, iov) {
  const isSame = ["payload_list", "payload_url", "checksum", "size", "revision"].every(
    (name) => piece[name] === iov[name],
  );
  return isSame && (contains(piece, iov) || contains(iov, piece));
}

function contains(outer, inner) {
  return (
    compare(startOf(outer), startOf(inner)) <= 0 && compare(endOf(outer), endOf(inner)) >= 0
  );
}
