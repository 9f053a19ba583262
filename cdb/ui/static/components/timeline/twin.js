// What a picture shows, as a table: its lanes, and of the chosen one what is in it.

import { html, useState } from "../../html.js";
import { compare, toText } from "../../conditions/points.js";
import { count } from "../columns.js";
import { Table } from "../table.js";
import { bucketOf, gapsOf } from "./lanes.js";
import { countsOf, partOf } from "./said.js";

const GAP = "gap: nothing is valid";

/** Return a button that shows the table, and the table. */
export function Twin({ picture, window, lane, notation, caption }) {
  const [isOpen, setOpen] = useState(false);
  const chosen = picture.lanes.find((each) => each.name === lane);
  return html`<div class="timeline-twin">
    <button type="button" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}>
      As a table
    </button>
    ${
      isOpen &&
      html`
        <${Table}
          caption=${`${caption}, as a table`}
          columns=${laneColumns(picture, window, notation)}
          rows=${picture.lanes}
          keyOf=${(each) => each.name}
        />
        ${
          chosen
            ? html`<${Chosen}
                picture=${picture}
                window=${window}
                lane=${chosen}
                notation=${notation}
              />`
            : html`<p class="quiet">What is in a lane stands here once one has chosen it.</p>`
        }`
    }
  </div>`;
}

function laneColumns(picture, window, notation) {
  return [
    { title: "lane", kind: "name", cell: (lane) => lane.name },
    { title: "payload list", kind: "name", cell: (lane) => lane.detail },
    count("payload IOVs", (lane) => lane.iovs),
    { title: "shown as", cell: (lane) => (lane.intervals ? "intervals" : "buckets") },
    pointColumn("first starts", (lane) => lane.start, notation),
    pointColumn("last ends", (lane) => lane.end, notation),
    count("gaps", (lane) => gapsIn(picture, window, lane).length),
  ];
}

function gapsIn(picture, window, lane) {
  return lane.intervals
    ? gapsOf(lane, window)
    : bucketsOf(picture, lane).filter((each) => !each.covered);
}

/** Return the buckets of a lane; those in which nothing begins, and as much holds, are one. */
export function bucketsOf(picture, lane) {
  const found = [];
  lane.counts.forEach((_, number) => {
    const bucket = bucketOf(picture, lane, number);
    const last = found.at(-1);
    if (last && !bucket.count && !last.count && last.covered === bucket.covered) {
      last.end = bucket.end;
    } else {
      found.push(bucket);
    }
  });
  return found;
}

function Chosen({ picture, window, lane, notation }) {
  const rows = lane.intervals ? intervalRows(lane, window) : bucketRows(picture, lane);
  const columns = [
    pointColumn("from", (row) => row.start, notation),
    pointColumn("until", (row) => row.end, notation),
    { title: "what", kind: "wide", cell: whatOf },
  ];
  return html`
    <${Table}
      caption=${`${lane.name}: ${lane.detail}`}
      columns=${columns}
      rows=${rows}
      keyOf=${(row) => toText(row.start)}
    />
    ${
      lane.counts &&
      html`<p class="quiet">
        Gaps that are narrower than these parts are in those that are not covered whole. They have
        their own edges closer to, and on the page of <a href=${lane.href}>${lane.detail}</a>.
      </p>`
    }`;
}

function pointColumn(title, of, notation) {
  return {
    title,
    kind: "point",
    cell: (row) =>
      of(row) && html`<span title=${toText(of(row))}>${notation.write(of(row))}</span>`,
  };
}

function whatOf({ isGap, text }) {
  return isGap ? html`<span class="gap">${text}</span>` : text;
}

function intervalRows(lane, window) {
  const gaps = gapsOf(lane, window).map((each) => ({ ...each, isGap: true, text: GAP }));
  const intervals = lane.intervals.map((each) => ({
    ...each,
    text: each.isOverride ? `${each.payload_url} (override)` : each.payload_url,
  }));
  return [...intervals, ...gaps].sort((a, b) => compare(a.start, b.start));
}

function bucketRows(picture, lane) {
  return bucketsOf(picture, lane).map((each) => ({
    ...each,
    isGap: !each.covered,
    text: each.covered ? `${countsOf(each)}, ${partOf(each.covered)}` : GAP,
  }));
}
