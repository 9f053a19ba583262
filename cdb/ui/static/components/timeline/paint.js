// Draws the lanes of a picture, as one image.

import { placeOf } from "./axis.js";
import { between } from "./colours.js";
import { BEGINS, OVERRIDE, fillColumns, roomFor } from "./columns.js";
import { piecesOf } from "./pieces.js";

/** CSS pixels above the lanes that the axis takes. */
export const AXIS = 26;

// Shades for how much begins in a column, of which the first two are for single payloads.
const SHADES = 6;

// The distance of the lines that a gap is hatched with, in pixels.
const HATCH = 6;

// The part of a lane's height that what is covered in part has at least: less is not seen.
const LEAST = 0.3;

/** Return what a canvas is drawn with, and what is kept from one frame to the next. */
export function surfaceOf(canvas, colours, font) {
  const context = canvas.getContext("2d", { alpha: false });
  const { width, height } = canvas;
  const image = context.createImageData(width, height);
  return {
    context,
    image,
    colours,
    font,
    pixels: new Uint32Array(image.data.buffer),
    room: roomFor(width),
    shades: shadesOf(colours),
    hatch: hatched(width, colours),
  };
}

/**
 * Draw all lanes that can be seen, from `top` CSS pixels on; `row` is how high each is.
 */
export function paintLanes(surface, { picture, axis, ratio, top, row }) {
  const { context, image, pixels, room, colours } = surface;
  const from = Math.round(AXIS * ratio);
  const high = Math.round(row * ratio);
  pixels.fill(colours.ground);
  const first = Math.floor(top / row);
  const known = knownOf(picture, axis, image.width);
  for (let number = first; number < picture.lanes.length; number += 1) {
    const y = from + number * high - Math.round(top * ratio);
    if (y >= image.height) {
      break;
    }
    fillColumns(room, piecesOf(picture, picture.lanes[number], axis.scale), axis);
    const rows = rowsOf(image, y, high - Math.round(ratio), from);
    paintLane(surface, rows, known, picture.most);
  }
  context.putImageData(image, 0, 0, 0, from, image.width, image.height - from);
}

// The rows of a lane: from where it would begin, and what of it is inside of the image.
function rowsOf(image, y, high, from) {
  return { y, high, first: Math.max(y, from), last: Math.min(y + high, image.height) };
}

// Between which columns the picture says what there is: elsewhere nothing is known, not even that
// there is a gap, until the service is asked.
function knownOf({ edges, isWhole }, axis, width) {
  const places = isWhole ? [0, 1] : [placeOf(axis, edges[0]), placeOf(axis, edges.at(-1))];
  return places.map((each) => Math.round(Math.min(Math.max(each, 0), 1) * width));
}

function paintLane(surface, rows, [from, until], most) {
  const { room } = surface;
  const { width } = room;
  for (let y = rows.first; y < rows.last; y += 1) {
    surface.pixels.set(surface.hatch[y % HATCH].subarray(from, until), y * width + from);
  }
  let start = 0;
  let painted = look(room, 0, rows.high, most);
  for (let column = 1; column <= width; column += 1) {
    const next = column < width ? look(room, column, rows.high, most) : -1;
    if (next !== painted) {
      fillRun(surface, rows, { start, end: column, ...read(painted) });
      start = column;
      painted = next;
    }
  }
}

// What a column looks like, as one number: height, shade and mark; 0 where nothing is.
function look({ cover, isPart, counts, tones, marks }, column, high, most) {
  const filled = cover[column];
  if (!filled) {
    return 0;
  }
  const height = isPart[column]
    ? Math.min(Math.round((LEAST + (1 - LEAST) * filled) * high), high - 2)
    : high;
  const shade = shadeOf(counts[column], tones[column], most);
  return (height << 8) | (shade << 4) | marks[column];
}

function read(painted) {
  return { height: painted >> 8, shade: (painted >> 4) & 15, mark: painted & 15 };
}

function shadeOf(count, tone, most) {
  if (count <= 1) {
    return tone;
  }
  const part = Math.log(count) / Math.log(Math.max(most, 2));
  return Math.min(2 + Math.floor(part * (SHADES - 2)), SHADES - 1);
}

function fillRun({ pixels, image, shades, colours }, rows, { start, end, height, shade, mark }) {
  const { width } = image;
  const bottom = rows.y + rows.high;
  const colour = mark & BEGINS ? colours.edge : shades[shade];
  for (let y = Math.max(bottom - height, rows.first); y < Math.min(bottom, rows.last); y += 1) {
    if (end - start === 1) {
      // Most runs of a dense lane, of which each call would take longer than the pixel.
      pixels[y * width + start] = colour;
    } else {
      pixels.fill(colour, y * width + start, y * width + end);
    }
  }
  if (mark & OVERRIDE) {
    const top = Math.max(rows.y, rows.first);
    const under = Math.min(rows.y + Math.ceil(rows.high / 5), rows.last);
    for (let y = top; y < under; y += 1) {
      pixels.fill(colours.override, y * width + start, y * width + end);
    }
  }
}

function shadesOf({ one, next, few, many }) {
  const dense = Array.from({ length: SHADES - 2 }, (_, each) =>
    between(few, many, each / (SHADES - 3)),
  );
  return [one, next, ...dense];
}

// Rows of a gap: lines that go down to the left.
function hatched(width, { gap, hatch }) {
  return Array.from({ length: HATCH }, (_, y) =>
    Uint32Array.from({ length: width }, (__, x) => ((x + y) % HATCH ? gap : hatch)),
  );
}
