// The payload types.

import { CreateButton } from "../actions/create-button.js";
import { CreateTypeDialog } from "../actions/create-type.js";
import { Browse } from "../components/browse.js";
import { link, moment } from "../components/columns.js";
import { html } from "../html.js";
import { href } from "../url.js";

const COLUMNS = [
  link(
    "payload type",
    (type) => type.name,
    (type) => href(["types", type.name]),
    { sort: "name" },
  ),
  {
    title: "points are written as",
    cell: (type) => type.dimension ?? "the service’s default",
    value: (type) => type.dimension,
  },
  {
    title: "validator",
    cell: (type) => type.validator ?? "the service’s default",
    value: (type) => type.validator,
  },
  moment("created", (type) => type.created, { sort: "created" }),
  { title: "description", kind: "wide", cell: (type) => type.description },
];

export function TypesPage({ query }) {
  return html`<${Browse} title="Payload types" path="payload-types" command="pt" columns=${COLUMNS}
    nouns=${["payload type", "payload types"]} where="Name" first="cdb pt create"
    create=${html`<${CreateButton} permission="type.create" Dialog=${CreateTypeDialog} />`}
    query=${query} />`;
}
