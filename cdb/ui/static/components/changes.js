// Changes: who did what, when and why.

import { html } from "../html.js";
import { href } from "../url.js";
import { moment } from "./columns.js";
import { Table } from "./table.js";

const PAGES = { global_tag: "global-tags", payload_list: "lists", payload_type: "types" };

/**
 * Return the columns of a table of changes; `of` is the path of the page of the tag or the list
 * whose history it is, or none.
 */
export function changeColumns(of) {
  const tag = of?.[0] === "global-tags" ? of[1] : null;
  return [
    {
      title: "change",
      isNumber: true,
      cell: (each) => numberOf(each, of),
      value: (each) => each.change,
    },
    moment("when", (each) => each.at),
    { title: "who", cell: (each) => each.actor },
    {
      title: "what",
      kind: "wide",
      cell: (each) => whatOf(each),
      value: (each) => sentenceOf(each),
    },
    ...(tag ? [] : [OF_TAGS]),
    { title: "why", kind: "wide", cell: (each) => each.comment },
    ...(tag ? [differenceColumn(tag)] : []),
  ];
}

const OF_TAGS = {
  title: "global tag",
  cell: (each) => tagsOf(each),
  value: (each) => each.global_tags.join(" "),
};

/** Return where one sees what a change made different: a tag as of the one before and as of it. */
export function differenceOf(tag, change) {
  return href(["diff"], { a: tag, a_as_of: change - 1, b: tag, b_as_of: change });
}

// What a change of the content made different. Other changes are of what the tag is called, or of
// its status.
function differenceColumn(tag) {
  const urlOf = ({ change }) => differenceOf(tag, change);
  return {
    title: "difference",
    cell: (each) => changesContent(each) && html`<a href=${urlOf(each)}>what it changed</a>`,
    value: (each) => (changesContent(each) ? urlOf(each) : ""),
  };
}

function changesContent({ object_type: kind, action }) {
  return kind === "global_tag" ? ["merge", "revert"].includes(action) : action !== "describe";
}

/** Return a table of changes. */
export function Changes({ changes, caption, of }) {
  return html`<${Table}
    caption=${caption}
    columns=${changeColumns(of)}
    rows=${changes}
    keyOf=${(each) => each.change}
  />`;
}

// In the history of a tag or a list, the way to what it was after the change.
function numberOf({ change }, of) {
  return of ? html`<a href=${href(of, { as_of: change })}>${change}</a>` : change;
}

function whatOf(each) {
  const kind = each.object_type.replaceAll("_", " ");
  return html`${each.action} <span class="quiet">${kind}</span>
    ${" "}<span class="name">${nameOf(each)}</span>${countOf(each)}`;
}

// The way to what was changed, where it has a page, and is not gone since.
function nameOf({ action, object_type: kind, object_name: name, after }) {
  // A payload is called by its path, and found by its checksum.
  const place = kind === "payload" ? ["payloads", after?.checksum] : [PAGES[kind], name];
  const isThere = action !== "delete" && place.every(Boolean);
  return isThere ? html`<a href=${href(place)}>${name}</a>` : name;
}

function sentenceOf(each) {
  return `${each.action} ${each.object_type} ${each.object_name}`;
}

function countOf({ before, after }) {
  const counted = (after ?? before)?.payload_iovs_count;
  return counted > 1 ? html`<span class="quiet"> (${counted} payload IOVs)</span>` : "";
}

function tagsOf({ change, global_tags: tags }) {
  const to = (name) => href(["global-tags", name], { as_of: change });
  return tags.map((name) => html`<a key=${name} href=${to(name)}>${name}</a> `);
}
