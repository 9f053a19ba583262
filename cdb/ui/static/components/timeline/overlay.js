// What is drawn above and over the lanes, and is few: ticks, the cursor, the chosen lane, what
// differs, and ends that are none.

import { isOpen } from "../../conditions/points.js";
import { placeOf } from "./axis.js";
import { css } from "./colours.js";
import { AXIS } from "./paint.js";

const SIGNS = { added: "+", removed: "−", changed: "~" };

/** Draw all that; places are in CSS pixels. */
export function paintOverlay({ context, colours }, look) {
  const { picture, width, height, top, row, chosen, marks } = look;
  context.save();
  context.beginPath();
  context.rect(0, AXIS, width, height - AXIS);
  context.clip();
  const last = Math.min(picture.lanes.length, Math.ceil((top + height - AXIS) / row));
  for (let number = Math.floor(top / row); number < last; number += 1) {
    const lane = picture.lanes[number];
    const y = AXIS + number * row - top;
    paintMarks(context, colours, look, marks?.get(lane.name) ?? [], y);
    if (lane.name === chosen) {
      context.strokeStyle = css(colours.cursor);
      context.strokeRect(0.5, y - 0.5, width - 1, row);
    }
    if (lane.end && isOpen(lane.end)) {
      paintOpen(context, colours, width, y, row);
    }
  }
  context.restore();
  paintCursor(context, colours, look);
}

function paintOpen(context, colours, width, y, row) {
  context.fillStyle = css(colours.ground);
  context.fillRect(width - 16, y, 16, row - 1);
  context.fillStyle = css(colours.ink);
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillText("∞", width - 8, y + row / 2);
  context.textAlign = "start";
}

function paintMarks(context, colours, { axis, width, row }, marks, y) {
  for (const { start, end, a, b } of marks) {
    const [left, right] = [start, end].map((each) => placeOf(axis, each) * width);
    if (right < 0 || left > width) {
      continue;
    }
    const kind = a && b ? "changed" : a ? "removed" : "added";
    const from = Math.max(left, 0);
    const wide = Math.max(Math.min(right, width) - from, 2);
    context.fillStyle = css(colours[kind]);
    context.fillRect(from, y, wide, row - 1);
    if (wide > 9) {
      context.fillStyle = css(colours.ground);
      context.textBaseline = "middle";
      context.fillText(SIGNS[kind], from + wide / 2 - 4, y + row / 2);
    }
  }
}

function paintCursor(context, colours, { axis, at, width, height }) {
  const place = at && placeOf(axis, at);
  if (!at || place < 0 || place > 1) {
    return;
  }
  const x = Math.min(Math.round(place * width), width - 1);
  context.fillStyle = css(colours.cursor);
  context.fillRect(x - 0.5, AXIS - 6, 1.5, height);
  context.beginPath();
  context.moveTo(x - 5, AXIS - 8);
  context.lineTo(x + 5.5, AXIS - 8);
  context.lineTo(x + 0.25, AXIS - 1);
  context.fill();
}

/** Draw what one selects by dragging, between two places. */
export function paintSelection({ context, colours }, { width, height }, selection) {
  if (!selection) {
    return;
  }
  const [left, right] = selection.map((each) => each * width).sort((a, b) => a - b);
  context.globalAlpha = 0.2;
  context.fillStyle = css(colours.cursor);
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 1;
}

/** Draw the axis: its ticks in the notation of the data, kept apart from one another. */
export function paintAxis({ context, colours, font }, { ticks, ratio, width }) {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = css(colours.ground);
  context.fillRect(0, 0, width, AXIS);
  context.font = font;
  context.textBaseline = "middle";
  let free = 0;
  for (const { place, text } of ticks) {
    const x = Math.round(place * width) + 0.5;
    const wide = context.measureText(text).width;
    const left = Math.min(Math.max(x - wide / 2, 2), width - wide - 2);
    const isClear = left >= free;
    context.fillStyle = css(isClear ? colours.ink : colours.line);
    context.fillRect(x - 0.5, AXIS - (isClear ? 6 : 3), 1, isClear ? 6 : 3);
    if (isClear) {
      context.fillText(text, left, (AXIS - 6) / 2 + 1);
      free = left + wide + 14;
    }
  }
  context.fillStyle = css(colours.line);
  context.fillRect(0, AXIS - 1, width, 1);
}
