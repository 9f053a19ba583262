// Changes: who did what, when and why.

import { html } from "../html.js";
import { href } from "../url.js";
import { moment } from "./columns.js";
import { Table } from "./table.js";

/** The columns of a table of changes; `tag` is the one whose history it is, or none. */
export function changeColumns(tag) {
  return [
    {
      title: "change",
      isNumber: true,
      cell: (each) => numberOf(each, tag),
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

// What a change of the content made different: the tag as of the change before, and as of this
// one. Other changes are of what the tag is called, or of its status.
function differenceColumn(tag) {
  const urlOf = ({ change }) =>
    href(["diff"], { a: tag, a_as_of: change - 1, b: tag, b_as_of: change });
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
export function Changes({ changes, caption, tag }) {
  return html`<${Table}
    caption=${caption}
    columns=${changeColumns(tag)}
    rows=${changes}
    keyOf=${(each) => each.change}
  />`;
}

// In the history of a tag, the way to the tag as it was after the change.
function numberOf({ change }, tag) {
  return tag
    ? html`<a href=${href(["global-tags", tag], { as_of: change })}>${change}</a>`
    : change;
}

function whatOf(each) {
  const kind = each.object_type.replaceAll("_", " ");
  return html`${each.action} <span class="quiet">${kind}</span>
    ${" "}<span class="name">${each.object_name}</span>${countOf(each)}`;
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
