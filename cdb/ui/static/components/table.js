// Tables: sorted by the service, walked through by keyboard, and taken along as CSV.

import { html, useRef } from "../html.js";
import { hereWith } from "../url.js";
import { csvUrl } from "../elsewhere/csv.js";
import { Icon } from "./icons.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * Return a table.
 *
 * Each of `columns` has a `title` and `cell(row)`, what is shown; it may have `value(row)`, what
 * CSV gets if that is another thing, `sort`, the name by which the service sorts, and
 * `isNumber`. The first column names the row, as a link where there is a page for it: the arrow
 * keys go from one of those to the next. `sorted` is the column that the rows are sorted by, with
 * a `-` before it for descending ones.
 */
export function Table({ caption, columns, rows, sorted, keyOf }) {
  const body = useRef(null);
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="unseen">${caption}</caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<${Heading} column=${column} sorted=${sorted} />`)}
        </tr>
      </thead>
      <tbody ref=${body} onKeyDown=${(event) => walk(event, body.current)}>
        ${rows.map((row) => html`<tr key=${keyOf(row)}>${cellsOf(columns, row)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}

function cellsOf(columns, row) {
  return columns.map((column, index) =>
    index === 0
      ? html`<th scope="row" class=${kindOf(column)}>${column.cell(row)}</th>`
      : html`<td class=${kindOf(column)}>${column.cell(row)}</td>`,
  );
}

function kindOf({ isNumber, kind }) {
  return isNumber ? "number" : kind;
}

function Heading({ column, sorted = "" }) {
  const kind = kindOf(column);
  if (!column.sort) {
    return html`<th scope="col" class=${kind}>${column.title}</th>`;
  }
  const isDescending = sorted === `-${column.sort}`;
  const isSorted = isDescending || sorted === column.sort;
  const direction = isDescending ? "descending" : "ascending";
  const next = isSorted && !isDescending ? `-${column.sort}` : column.sort;
  return html`<th scope="col" class=${kind} aria-sort=${isSorted ? direction : "none"}>
    <a class="sort" href=${hereWith({ sort: next, cursor: null })}>${column.title}
      ${isSorted && html`<${Icon} name=${direction} />`}</a>
  </th>`;
}

function walk(event, body) {
  const links = [...body.querySelectorAll("th a")];
  const index = links.indexOf(document.activeElement);
  const next = links[index + (STEPS[event.key] ?? 0)];
  if (index >= 0 && event.key in STEPS && next) {
    event.preventDefault();
    next.focus();
  }
}

/** Return a link that brings the rows of a table as a file. */
export function CsvLink({ name, columns, rows }) {
  const bring = (event) => {
    event.currentTarget.href = csvUrl(columns, rows);
  };
  return html`<a class="button" href="#" download=${`${name}.csv`} onClick=${bring}>CSV</a>`;
}
