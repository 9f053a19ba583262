// A picture on the screen: what of it is seen, and when it is drawn again.
//
// While one zooms, what there is is drawn from memory, once a frame at most; when one pauses,
// `onWindow` is told of the window, so that it can be asked for.

import { axisOf, panned, placeOf, pointAt, selected, windowOf, zoomed } from "./axis.js";
import { coloursOf } from "./colours.js";
import { listen } from "./gestures.js";
import { paintAxis, paintOverlay, paintSelection } from "./overlay.js";
import { AXIS, paintLanes, surfaceOf } from "./paint.js";
import { ticksOf } from "./ticks.js";

// Milliseconds without a change after which one pauses.
const PAUSE = 160;

// CSS pixels from one tick to the next, about.
const TICKS = 130;

const MOST_MEASURES = 600;

/**
 * Return the view of a canvas inside of `frame`, which scrolls. `props()` are those of the
 * component, as they are when they are asked for.
 */
export function viewOf({ canvas, frame, legend }, props) {
  let axis = null;
  let surface = null;
  let size = null;
  let asked = 0;
  let pause = 0;
  let selection = null;
  let painted = 0;

  const draw = () => {
    cancelAnimationFrame(asked);
    asked = 0;
    const { picture, row } = props();
    if (!axis || !size?.width) {
      return;
    }
    const start = performance.now();
    surface ??= surfaceOf(canvas, coloursOf(legend), getComputedStyle(frame).font);
    const look = { ...props(), ...size, axis, top: frame.scrollTop };
    paintLanes(surface, { picture, axis, row, ratio: size.ratio, top: frame.scrollTop });
    const ticks = ticksOf(axis, props().notation, Math.max(size.width / TICKS, 1));
    paintAxis(surface, { ...look, ticks });
    paintOverlay(surface, look);
    paintSelection(surface, look, selection);
    measured(start);
  };

  // What a frame took, for whoever looks; of the last ones only.
  const measured = (start) => {
    painted += 1;
    if (painted % MOST_MEASURES === 0) {
      performance.clearMeasures("cdb:paint");
    }
    performance.measure("cdb:paint", { start, end: performance.now() });
  };

  const redraw = () => {
    asked ||= requestAnimationFrame(draw);
  };

  const resize = () => {
    const ratio = devicePixelRatio;
    const { width } = canvas.parentElement.getBoundingClientRect();
    const height = Math.min(frame.clientHeight, AXIS + props().picture.lanes.length * props().row);
    size = { width, height, ratio };
    canvas.width = Math.max(Math.round(width * ratio), 1);
    canvas.height = Math.max(Math.round(height * ratio), 1);
    canvas.style.height = `${height}px`;
    surface = null;
    // At once: with its size a canvas loses what is on it.
    draw();
  };

  const recolour = () => {
    surface = null;
    redraw();
  };

  const see = (next) => {
    axis = next;
    redraw();
    clearTimeout(pause);
    pause = setTimeout(() => {
      pause = 0;
      props().onWindow(windowOf(axis, size.width));
    }, PAUSE);
  };

  const show = (window, reach) => {
    // While one moves, one is ahead of what the page knows.
    if (!pause) {
      axis = axisOf(window, reach);
      draw();
    }
  };

  const on = {
    zoom: (factor, place) => see(zoomed(axis, factor, place)),
    pan: (by) => see(panned(axis, by)),
    select: (a, b) => a !== b && see(selected(axis, a, b)),
    selecting: (a, b) => {
      selection = a === null ? null : [a, b];
      redraw();
    },
    click: (place, y) => props().onAt?.(pointAt(axis, place), laneAt(y)?.name ?? null),
    hover: (place, y) => props().onHover(pointAt(axis, place), laneAt(y)),
    leave: () => props().onHover(null, null),
  };

  const laneAt = (y) => {
    const { picture, row } = props();
    const number = Math.floor((y - AXIS + frame.scrollTop) / row);
    return y < AXIS ? null : (picture.lanes[number] ?? null);
  };

  const stops = [
    listen(canvas, on),
    observed(resize, canvas.parentElement, frame),
    heard(frame, "scroll", redraw),
    heard(matchMedia("(prefers-color-scheme: dark)"), "change", recolour),
    heard(matchMedia("(forced-colors: active)"), "change", recolour),
  ];
  const stop = () => {
    stops.forEach((each) => each());
    cancelAnimationFrame(asked);
    clearTimeout(pause);
  };
  return {
    zoom: on.zoom,
    pan: on.pan,
    show,
    redraw,
    resize,
    recolour,
    stop,
    pointAt: (place) => pointAt(axis, place),
    placeOf: (at) => placeOf(axis, at),
  };
}

function heard(target, event, listener) {
  target.addEventListener(event, listener);
  return () => target.removeEventListener(event, listener);
}

function observed(listener, ...elements) {
  const observer = new ResizeObserver(listener);
  elements.forEach((each) => observer.observe(each));
  return () => observer.disconnect();
}
