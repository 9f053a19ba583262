// Which part of a long list is shown, and the way to the others.

import { html } from "../html.js";
import { hereWith } from "../url.js";

const PAGE_SIZE = 50;

/** Return what to ask for a page of a list: `sort` is a column, with a `-` in front for descending. */
export function pageQuery(cursor, sort) {
  return {
    page: cursor,
    page_size: PAGE_SIZE,
    sort: sort.replace(/^-/, ""),
    order: sort.startsWith("-") ? "desc" : "asc",
  };
}

/** Return the way to the pages beside one; `of` is a page of the API. */
export function Pager({ of, noun }) {
  const first = (of.page - 1) * of.page_size + 1;
  const last = first + of.results.length - 1;
  const isWhole = of.results.length === of.count;
  if (isWhole) {
    return html`<p class="pager" role="status">${of.count} ${noun}</p>`;
  }
  return html`<nav class="pager" aria-label="Pages">
    <${Step} to=${of.page - 1} isThere=${of.page > 1}>← Previous<//>
    <span role="status">${of.results.length ? `${first}–${last} of ` : ""}${of.count} ${noun}</span>
    <${Step} to=${of.page + 1} isThere=${of.page < of.total_pages}>Next →<//>
  </nav>`;
}

function Step({ to, isThere, children }) {
  return isThere
    ? html`<a class="button" href=${hereWith({ cursor: to === 1 ? null : to })}>${children}</a>`
    : html`<span class="button is-off" aria-hidden="true">${children}</span>`;
}
