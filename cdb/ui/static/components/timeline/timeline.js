// The picture of a global tag: a lane for each payload type, along the axis of its points.
//
// The lanes are drawn on a canvas; their names are links beside it, and a table below says the
// same as the picture to those who do not see it.

import { html, useId, useLayoutEffect, useRef, useState } from "../../html.js";
import { actionOf } from "./keys.js";
import { notationOf } from "./notation.js";
import { AXIS } from "./paint.js";
import { sentenceOf } from "./said.js";
import { Twin } from "./twin.js";
import { viewOf } from "./view.js";

export { pictureOf } from "./lanes.js";

const PLAIN = notationOf([]);

// CSS pixels that a lane is high, by how many there are.
const ROWS = [
  [12, 22],
  [40, 18],
  [Infinity, 15],
];

const LEGEND = [
  ["one", "a payload"],
  ["next", "the next"],
  ["few", "several begin"],
  ["many", "many begin"],
  ["gap", "gap: nothing is valid"],
  ["override", "override"],
];

const UNSEEN = ["ground", "edge", "hatch", "line", "ink", "cursor", "added", "removed", "changed"];

/**
 * Return a picture.
 *
 * `picture` is what `pictureOf` makes of an answer, and `window` (`{ from, until }`) what of it is
 * shown; `onWindow` is told of another window when one has moved, and gets null for all that the
 * data fill. `at` is the point of the cursor, or null; `onAt(point, lane)` is told where one
 * clicks, with the name of the lane or null. `lane` is the name of the chosen lane, which
 * `onLane(name)` is told of. `marks` is a Map from the name of a lane to the intervals in which it
 * differs: `{ start, end, a, b }`. `notation` is that of `notationOf`.
 */
export function Timeline(props) {
  const { picture, window, at, caption, lane, notation = PLAIN, isWaiting = false } = props;
  const [canvas, frame, legend, live] = [useRef(null), useRef(null), useRef(null), useRef(null)];
  const [said, say] = useState("");
  const id = useId();
  const row = ROWS.find(([most]) => picture.lanes.length <= most)[1];
  live.current = {
    ...props,
    notation,
    row,
    chosen: lane,
    onPick: (point, hit) => props.onAt?.(point, hit?.name ?? null),
    onHover: (point, hit) => say(point ? sentenceOf(picture, hit, point, notation) : ""),
  };
  const view = useView({ canvas, frame, legend }, live, picture);
  useLayoutEffect(() => view.current.show(window, picture.reach), [
    window.from.major, window.from.minor, window.until.major, window.until.minor, picture,
  ]);
  useLayoutEffect(() => view.current.redraw(), [at?.major, at?.minor, lane, props.marks, notation]);

  const told = {
    home: () => props.onWindow(null),
    cursor: (step) => moveCursor(view.current, live.current, step),
    lane: (step) => stepLane(live.current, step, frame.current),
  };
  const onKeyDown = (event) => {
    const action = actionOf(event);
    if (action) {
      event.preventDefault();
      action(view.current, told);
    }
  };
  return html`<figure class="timeline" aria-busy=${String(isWaiting)}>
    <div class="timeline-tools">
      <span class="timeline-buttons">
        <button type="button" title="Zoom in (+)" onClick=${() => view.current.zoom(0.5, 0.5)}>
          +<span class="unseen"> Zoom in</span></button>
        <button type="button" title="Zoom out (−)" onClick=${() => view.current.zoom(2, 0.5)}>
          −<span class="unseen"> Zoom out</span></button>
        <button type="button" title="All that the data fill (Home)" onClick=${told.home}>All</button>
      </span>
      <span class="timeline-window point">
        ${notation.write(window.from)} … ${notation.write(window.until)}
      </span>
      <${Legend} legend=${legend} picture=${picture} hasMarks=${Boolean(props.marks)} />
    </div>
    <div class="timeline-frame" ref=${frame} style=${{ "--row": `${row}px`, "--axis": `${AXIS}px` }}>
      <div class="timeline-names">
        <p class="timeline-caption">${notation.caption}</p>
        <ul aria-label="Lanes">${picture.lanes.map(
          (each) => html`<li key=${each.name} class=${each.name === lane ? "is-chosen" : ""}>
            <a href=${each.href} title=${`${each.name}: ${each.detail}`}>${each.name}</a>
            <span class="quiet">${each.iovs.toLocaleString("en")}</span>
          </li>`,
        )}</ul>
      </div>
      <div class="timeline-picture" tabindex="0" role="application" aria-label=${caption}
        aria-describedby=${id} onKeyDown=${onKeyDown}>
        <canvas ref=${canvas}></canvas>
      </div>
    </div>
    <p class="unseen" id=${id}>
      Plus and minus zoom, the arrow keys to the left and right move the window, up and down choose a
      lane, Enter and Shift with an arrow key move the cursor, Home shows all.
    </p>
    <output class="timeline-said">${said || hintOf(picture, at, notation)}</output>
    <${Twin} picture=${picture} window=${window} lane=${lane} notation=${notation} caption=${caption} />
  </figure>`;
}

function useView(elements, live, picture) {
  const view = useRef(null);
  useLayoutEffect(() => {
    const { canvas, frame, legend } = elements;
    view.current = viewOf(
      { canvas: canvas.current, frame: frame.current, legend: legend.current },
      () => live.current,
    );
    return () => view.current.stop();
  }, []);
  useLayoutEffect(() => view.current.resize(), [picture.lanes.length]);
  return view;
}

// From where the cursor is, or from the middle where it is not seen.
function moveCursor(view, { at, lane, onAt }, step) {
  const place = at ? view.placeOf(at) : -1;
  const from = place >= 0 && place <= 1 && step ? place : 0.5;
  onAt?.(view.pointAt(Math.min(Math.max(from + step, 0), 1)), lane ?? null);
}

function stepLane({ picture, lane, onLane, row }, step, frame) {
  const index = picture.lanes.findIndex((each) => each.name === lane);
  const next = picture.lanes[Math.min(Math.max(index + step, 0), picture.lanes.length - 1)];
  if (next) {
    const y = picture.lanes.indexOf(next) * row;
    const room = frame.clientHeight - AXIS - row;
    frame.scrollTop = Math.min(Math.max(frame.scrollTop, y - room), y);
    onLane?.(next.name);
  }
}

function hintOf(picture, at, notation) {
  const lanes = picture.lanes.length === 1 ? "1 lane" : `${picture.lanes.length} lanes`;
  return at ? `${lanes}; cursor at ${notation.write(at)}` : `${lanes}; a click sets the cursor`;
}

function Legend({ legend, hasMarks }) {
  const marks = hasMarks ? [["added", "+ added"], ["removed", "− removed"], ["changed", "~ changed"]] : [];
  const told = [...LEGEND, ...marks];
  const hidden = UNSEEN.filter((name) => !told.some(([each]) => each === name));
  return html`<span class="timeline-legend" ref=${legend}>
    ${told.map(([name, text]) => html`<span><${Swatch} name=${name} />${text}</span>`)}
    ${hidden.map((name) => html`<${Swatch} name=${name} isHidden />`)}
  </span>`;
}

function Swatch({ name, isHidden = false }) {
  return html`<i class="swatch swatch-${name}" data-colour=${name} hidden=${isHidden} aria-hidden="true"></i>`;
}
