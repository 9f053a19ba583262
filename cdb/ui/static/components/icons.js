// Small pictures beside words. They say nothing that the words do not, so they are hidden from
// those who listen to the page.

import { html } from "../html.js";

const PATHS = {
  open: "M5 7V5a3 3 0 0 1 5.8-1M4 7h8v6.5H4z",
  append: "M5 7V5a3 3 0 0 1 6 0v2M4 7h8v6.5H4zM8 8.7v3.2M6.4 10.3h3.2",
  closed:
    "M8 1.5v13M2.4 4.8l11.2 6.4M13.6 4.8L2.4 11.2M6.3 2.6L8 4.2l1.7-1.6M6.3 13.4L8 11.8l1.7 1.6",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3L14 14",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  ascending: "M8 12.5v-9M4.5 7L8 3.5 11.5 7",
  descending: "M8 3.5v9M4.5 9L8 12.5 11.5 9",
  warning: "M8 2.2L14.5 13.5h-13zM8 6.5v3.4M8 11.6v.4",
  person: "M8 8.2a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2.8 13.8a5.2 5.2 0 0 1 10.4 0",
  edit: "M10.5 3l2.5 2.5L6 12.5l-3 .5.5-3z",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.3 1.6",
};

/** Return a picture by its name. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
