// The picture of a global tag: a lane for each payload type, along the axis of its points.
//
// The lanes are drawn on a canvas; their names are links beside it, and a table below says the
// same as the picture to those who do not see it.

import { html, useId, useLayoutEffect, useRef, useState } from "../../html.js";
import { toText } from "../../conditions/points.js";
import { actionOf } from "./keys.js";
import { Legend } from "./legend.js";
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

/**
 * Return a picture.
 *
 * `picture` is what `pictureOf` makes of an answer, and `window` (`{ from, until }`) what of it
 * is shown; `onWindow` is told of another window when one has moved, and gets null for all that
 * the data fill. `at` is the point of the cursor, or null; `onAt(point, lane)` is told where one
 * clicks, with the name of the lane or null. `lane` is the name of the chosen lane, which
 * `onLane(name)` is told of. `marks` is a Map from the name of a lane to the intervals in which
 * it differs: `{ start, end, a, b }`. `notation` is that of `notationOf`; `isWaiting` says that
 * the picture of the window is on its way.
 */
export function Timeline(props) {
  const { picture, window, at, caption, lane, notation = PLAIN, isWaiting = false } = props;
  const [canvas, frame, legend, live] = [useRef(null), useRef(null), useRef(null), useRef(null)];
  const id = useId();
  const row = ROWS.find(([most]) => picture.lanes.length <= most)[1];
  live.current = { ...live.current, ...props, notation, row, chosen: lane };
  const view = useView({ canvas, frame, legend }, live);
  const sizes = { "--row": `${row}px`, "--axis": `${AXIS}px` };
  const onKeyDown = (event) => {
    const action = actionOf(event);
    if (action) {
      event.preventDefault();
      action(view.current, toldOf(view.current, live.current));
    }
  };
  return html`<figure class="timeline" aria-busy=${String(isWaiting)}>
    <div class="timeline-tools">
      <${Buttons} view=${view} onAll=${() => props.onWindow(null)} />
      <span class="timeline-window point">
        ${notation.write(window.from)} … ${notation.write(window.until)}
      </span>
      <${Legend} legend=${legend} hasMarks=${Boolean(props.marks)} />
    </div>
    <div class="timeline-frame" ref=${frame} style=${sizes}>
      <${Names} picture=${picture} lane=${lane} caption=${notation.caption} />
      <div
        class="timeline-picture"
        tabindex="0"
        role="application"
        aria-label=${caption}
        aria-describedby=${id}
        onKeyDown=${onKeyDown}
      >
        <canvas ref=${canvas}></canvas>
      </div>
    </div>
    <p class="unseen" id=${id}>
      Plus and minus zoom, the arrow keys to the left and right move the window, up and down
      choose a lane, Enter and Shift with an arrow key move the cursor, Home shows all.
    </p>
    <${Said} live=${live} picture=${picture} at=${at} lane=${lane} notation=${notation} />
    <${Twin}
      picture=${picture}
      window=${window}
      lane=${lane}
      notation=${notation}
      caption=${caption}
    />
  </figure>`;
}

function useView({ canvas, frame, legend }, live) {
  const view = useRef(null);
  const { picture, window, at, lane, marks, notation, row } = live.current;
  useLayoutEffect(() => {
    const elements = { canvas: canvas.current, frame: frame.current, legend: legend.current };
    view.current = viewOf(elements, () => live.current);
    return () => view.current.stop();
  }, []);
  useLayoutEffect(() => view.current.resize(), [picture.lanes.length, row]);
  const edges = [window.from, window.until].map(toText);
  useLayoutEffect(() => view.current.show(window, picture.reach), [...edges, picture]);
  // With other marks the legend has other colours.
  useLayoutEffect(() => view.current.recolour(), [Boolean(marks)]);
  useLayoutEffect(() => reveal(lane, picture, row, frame.current), [lane, picture.lanes.length]);
  useLayoutEffect(() => view.current.redraw(), [at && toText(at), lane, marks, notation]);
  return view;
}

// Scrolls, if it has to, until a lane is seen.
function reveal(lane, { lanes }, row, frame) {
  const index = lanes.findIndex((each) => each.name === lane);
  if (index >= 0) {
    const room = frame.clientHeight - AXIS - row;
    frame.scrollTop = Math.min(Math.max(frame.scrollTop, index * row - room), index * row);
  }
}

// What keys do beside moving the window.
function toldOf(view, { picture, at, lane, onAt, onLane, onWindow }) {
  return {
    home: () => onWindow(null),
    // From where the cursor is, or from the middle where it is not seen.
    cursor: (step) => {
      const place = at ? view.placeOf(at) : -1;
      const from = place >= 0 && place <= 1 && step ? place : 0.5;
      onAt?.(view.pointAt(Math.min(Math.max(from + step, 0), 1)), lane ?? null);
    },
    lane: (step) => {
      const index = picture.lanes.findIndex((each) => each.name === lane) + step;
      const next = Math.min(Math.max(index, 0), picture.lanes.length - 1);
      onLane?.(picture.lanes[next].name);
    },
  };
}

function Buttons({ view, onAll }) {
  const zoom = (factor) => () => view.current.zoom(factor, 0.5);
  return html`<span class="timeline-buttons">
    <button type="button" title="Key: +" aria-label="Zoom in" onClick=${zoom(0.5)}>+</button>
    <button type="button" title="Key: -" aria-label="Zoom out" onClick=${zoom(2)}>−</button>
    <button type="button" title="All that the data fill; key: Home" onClick=${onAll}>All</button>
  </span>`;
}

function Names({ picture, lane, caption }) {
  return html`<div class="timeline-names">
    <p class="timeline-caption">${caption}</p>
    <ul aria-label="Lanes">
      ${picture.lanes.map(
        (each) => html`<li key=${each.name} class=${each.name === lane ? "is-chosen" : ""}>
          <a href=${each.href} title=${`${each.name}: ${each.detail}`}>${each.name}</a>
          <span class="quiet">${each.iovs.toLocaleString("en")}</span>
        </li>`,
      )}
    </ul>
  </div>`;
}

// What is under the pointer, or else at the cursor. By itself, so that a pointer that moves draws
// no more than this line anew.
function Said({ live, picture, at, lane, notation }) {
  const [under, setUnder] = useState(null);
  live.current.onHover = (point, hit) => setUnder(point && { point, hit });
  const chosen = picture.lanes.find((each) => each.name === lane);
  const place = under ?? (at && { point: at, hit: chosen });
  return html`<output class="timeline-said">
    ${place ? sentenceOf(picture, place.hit, place.point, notation) : "A click sets the cursor."}
  </output>`;
}
