// What a pointer does to a picture: wheel, drag, pinch, double click; each becomes a call.

import { AXIS } from "./paint.js";

// Pixels that a pointer may move, and it is still a click.
const STILL = 4;

const PER_WHEEL = 1.0015;

// Pixels that a line of a wheel is, where a browser counts in those.
const LINE = 16;

/**
 * Listen to what a pointer does on an element, until the function that is returned is called.
 *
 * Places are fractions of the width. `on` has `zoom(factor, place)`, `pan(by)`, `select(a, b)`,
 * `selecting(a, b)` while one drags (null when it ends), `click(place, y)`, `hover(place, y)` and
 * `leave()`.
 */
export function listen(element, on) {
  const pointers = new Map();
  let drag = null;
  const look = (event) => {
    const box = element.getBoundingClientRect();
    return { place: (event.clientX - box.left) / box.width, y: event.clientY - box.top };
  };

  const down = (event) => {
    if (event.button !== 0) {
      return;
    }
    const at = look(event);
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at);
    const isSelecting = at.y < AXIS || event.shiftKey;
    drag = { from: at, x: event.clientX, isSelecting, isMoved: pointers.size > 1 };
  };

  const move = (event) => {
    const at = look(event);
    const before = pointers.get(event.pointerId);
    if (!before || !drag) {
      on.hover(at.place, at.y);
      return;
    }
    drag.isMoved ||= Math.abs(event.clientX - drag.x) > STILL;
    if (pointers.size === 2) {
      pinch(event.pointerId, at);
    } else if (drag.isMoved && drag.isSelecting) {
      on.selecting(drag.from.place, at.place);
    } else if (drag.isMoved) {
      on.pan(before.place - at.place);
    }
    if (drag.isMoved || pointers.size === 2) {
      pointers.set(event.pointerId, at);
    }
  };

  const pinch = (id, at) => {
    const [[, other]] = [...pointers].filter(([each]) => each !== id);
    const before = pointers.get(id);
    const apart = (place) => Math.max(Math.abs(place - other.place), 0.01);
    on.zoom(apart(before.place) / apart(at.place), (at.place + other.place) / 2);
  };

  const up = (event) => {
    const at = look(event);
    if (!pointers.delete(event.pointerId) || !drag || pointers.size) {
      return;
    }
    on.selecting(null);
    if (event.type === "pointerup" && !drag.isMoved) {
      on.click(at.place, at.y);
    } else if (event.type === "pointerup" && drag.isSelecting) {
      on.select(drag.from.place, at.place);
    }
    drag = null;
  };

  const wheel = (event) => {
    const at = look(event);
    const lines = event.deltaMode === 1 ? LINE : 1;
    const aside = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey || (at.y < AXIS && !event.shiftKey)) {
      event.preventDefault();
      on.zoom(PER_WHEEL ** (event.deltaY * lines), at.place);
    } else if (Math.abs(aside) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      on.pan((aside * lines) / element.clientWidth);
    }
  };

  const twice = (event) => on.zoom(event.shiftKey ? 2 : 0.5, look(event).place);
  const listeners = {
    pointerdown: down,
    pointermove: move,
    pointerup: up,
    pointercancel: up,
    pointerleave: () => on.leave(),
    dblclick: twice,
  };
  for (const [name, listener] of Object.entries(listeners)) {
    element.addEventListener(name, listener);
  }
  element.addEventListener("wheel", wheel, { passive: false });
  return () => {
    for (const [name, listener] of Object.entries({ ...listeners, wheel })) {
      element.removeEventListener(name, listener);
    }
  };
}
