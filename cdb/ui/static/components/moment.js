// A moment of a change, as people read it; the exact one is in the title.

import { html } from "../html.js";

const FORMAT = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});

/** Return a moment of the API, ISO 8601 in UTC. */
export function Moment({ at }) {
  return html`<time datetime=${at} title=${at}>
    ${FORMAT.format(new Date(at))}<span class="quiet"> UTC</span>
  </time>`;
}
