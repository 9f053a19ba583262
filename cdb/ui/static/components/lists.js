// The columns of payload lists.

import { html } from "../html.js";
import { href } from "../url.js";
import { count, link, moment } from "./columns.js";
import { ENDS } from "./intervals.js";

/** Return the columns of payload lists, with those of their types where they have several. */
export function listColumns({ hasTypes }) {
  return [
    link(
      "payload list",
      (list) => list.name,
      (list) => href(["lists", list.name]),
      { sort: "name" },
    ),
    ...(hasTypes ? [TYPE] : []),
    {
      title: "global tag",
      sort: "global_tag",
      cell: (list) => tagOf(list),
      value: (list) => list.global_tag,
    },
    count("payload IOVs", (list) => list.iov_count, { sort: "iov_count" }),
    {
      title: "what has no end holds",
      cell: (list) => ENDS[list.ends],
      value: (list) => list.ends,
    },
    moment("created", (list) => list.created, { sort: "created" }),
  ];
}

const TYPE = link(
  "payload type",
  (list) => list.payload_type,
  (list) => href(["types", list.payload_type]),
  { sort: "payload_type" },
);

function tagOf({ global_tag: tag }) {
  return tag === null
    ? html`<span class="quiet">none</span>`
    : html`<a href=${href(["global-tags", tag])}>${tag}</a>`;
}
