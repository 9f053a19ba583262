// What of a payload list is valid at the point of the cursor, and the way to where something else is.

import { apiUrl, ask } from "../service/api.js";
import { html } from "../html.js";
import { INTERVALS, pathOf } from "./rows.js";
import { useLoaded } from "../service/load.js";
import { spanOf } from "../service/questions.js";
import { PointForm } from "./point.js";
import { Loaded } from "./states.js";
import { Table } from "./table.js";

/** Return the form for the point, and what is valid there. */
export function ValidHere({ list, at, asOf, dimensions }) {
  const asked = useLoaded((signal) => load(list, at, asOf, signal), [list, at, asOf]);
  const span = at && asked.data && !asked.isWaiting ? spanOf(asked.data.headers) : null;
  return html`<${PointForm} at=${at} dimensions=${dimensions} span=${span} />
    ${
      at &&
      html`<${Loaded} of=${asked} what="what is valid here">
        ${(answer) => answer && html`<${Answer} iovs=${answer.body} at=${answer.at} />`}
      <//>`
    }`;
}

// With the point that it is for: while one waits for the next answer, this one is still shown.
async function load(list, at, asOf, signal) {
  const url = apiUrl([...pathOf(list), "iovs"], { at, asOf });
  return at ? { at, ...(await ask(url, { signal })) } : null;
}

function Answer({ iovs, at }) {
  return iovs.length
    ? html`<${Table}
        caption=${`What is valid at ${at}`}
        columns=${INTERVALS}
        rows=${iovs}
        keyOf=${(row) => row.id}
      />`
    : html`<p class="gap" role="status">Gap: nothing is valid at ${at}.</p>`;
}
