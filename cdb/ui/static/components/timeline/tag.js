// The picture of a tag or a list, of what the URL says: from where to where, as of when, with which
// cursor.

import { apiUrl, get } from "../../service/api.js";
import { html, useMemo } from "../../html.js";
import { useLoaded } from "../../service/load.js";
import { usePoint } from "../../service/notation.js";
import { OPEN, fromText, isOpen, toText } from "../../conditions/points.js";
import { go, hereWith } from "../../url.js";
import { Failure } from "../states.js";
import { notationOf } from "./notation.js";
import { Timeline, pictureOf } from "./timeline.js";

// Milliseconds: to look at millions of intervals for the first time takes some seconds.
const TIME_LIMIT = 60_000;

const MOST_LANES = 1000;

// They fill a wide picture; there is no use in more of them than pixels.
const MOST_BUCKETS = 1000;

// Windows of about one size ask for the same buckets.
const WIDTHS = 200;

// The URL of the API for the picture of what has a path, in the window of the query.
function timelineUrl(path, { from, to, as_of: asOf }) {
  return apiUrl([...path, "timeline"], { asOf, ...lookOf({ from, to }) });
}

/** Return how closely a window is looked at, for the API. */
export function lookOf({ from, to }) {
  const wide = Math.ceil(innerWidth / WIDTHS) * WIDTHS;
  return { from, to, buckets: Math.min(wide, MOST_BUCKETS), lanes_limit: MOST_LANES };
}

/** Return the picture of a tag, or of what has another `path`, which asks for what it shows. */
export function TagTimeline({ tag, path = ["global-tags", tag], query, dimensions }) {
  return html`<${AskedTimeline}
    url=${timelineUrl(path, query)}
    read=${pictureOf}
    query=${query}
    dimensions=${dimensions}
    lane=${query.lane}
    caption=${`${tag} as lanes`}
    onAt=${(at, lane) => go(hereWith({ at: toText(at), lane: lane ?? query.lane }))}
    onLane=${(lane) => go(hereWith({ lane }), { replace: true })}
  />`;
}

/**
 * Return a picture in the window of the query, which is asked of a URL; `read` makes the picture of
 * the answer. The rest is as `Timeline` takes it.
 */
export function AskedTimeline({ url, read, query, dimensions, ...rest }) {
  const isWhole = !query.from && !query.to;
  const load = async (signal) => {
    const answer = await get(url, { signal, timeLimit: TIME_LIMIT });
    return { ...read(answer), isWhole };
  };
  const found = useLoaded(load, [url]);
  const notation = useMemo(() => notationOf(dimensions), [dimensions]);
  const { point } = usePoint(query.at ?? "", dimensions);
  const picture = found.data;
  if (found.error) {
    return html`<${Failure} error=${found.error} retry=${found.retry} />
      ${
        !isWhole &&
        html`<button type="button" onClick=${() => setWindow(null)}>Show all</button>`
      }`;
  }
  if (!picture) {
    return html`<p class="waiting" role="status">Loading the picture …</p>`;
  }
  return html`<${Timeline}
    ...${rest}
    picture=${picture}
    marks=${picture.marks}
    window=${windowOf(query, picture, found.isWaiting)}
    at=${point}
    notation=${notation}
    isWaiting=${found.isWaiting}
    onWindow=${setWindow}
  />`;
}

// What is written in a notation, and what is not said, the answer tells in numbers.
function windowOf({ from, to }, { edges, home, isWhole }, isWaiting) {
  const numbers = { from: fromText(from ?? ""), until: to || !from ? fromText(to ?? "") : OPEN };
  const isTold = !isWaiting || !(numbers.from && numbers.until);
  const told = isWhole ? home : { from: edges[0], until: edges.at(-1) };
  return isTold ? told : numbers;
}

function setWindow(window) {
  const to = window && !isOpen(window.until) ? toText(window.until) : null;
  go(hereWith({ from: window && toText(window.from), to }), { replace: true });
}
