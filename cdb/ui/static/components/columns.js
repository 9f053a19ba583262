// Columns that tables have in common: what is shown, and what CSV gets. `of(row)` is the value;
// `more` is the rest of the column, such as the name that the service sorts by.

import { html } from "../html.js";
import { Moment } from "./moment.js";

/** Return a column of numbers. */
export function count(title, of, more) {
  return {
    title,
    isNumber: true,
    cell: (row) => of(row)?.toLocaleString("en"),
    value: of,
    ...more,
  };
}

/** Return a column of moments, where there is one. */
export function moment(title, of, more) {
  const cell = (row) => of(row) && html`<${Moment} at=${of(row)} />`;
  return { title, cell, value: of, ...more };
}

/** Return a column of names that lead to `to(row)`. */
export function link(title, of, to, more) {
  return {
    title,
    kind: "name",
    cell: (row) => html`<a href=${to(row)}>${of(row)}</a>`,
    value: of,
    ...more,
  };
}
