// A lane in pixels: how much of each column is covered, and what happens there.
//
// A column is as good as empty only where nothing is in it, and full only where no gap is, be it
// narrower than a pixel: a gap is never painted as covered, nor the other way round.

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

function add(room, pieces, number, { start, end, first, last }) {
  const { cover, isPart, counts, tones, marks } = room;
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
