// The payload lists, in tags or not.

import { CreateButton } from "../actions/create-button.js";
import { CreateListDialog } from "../actions/create-list.js";
import { Browse } from "../components/browse.js";
import { listColumns } from "../components/lists.js";
import { html } from "../html.js";

const COLUMNS = listColumns({ hasTypes: true });

export function ListsPage({ query }) {
  return html`<${Browse} title="Payload lists" path="payload-lists" command="pl" columns=${COLUMNS}
    nouns=${["payload list", "payload lists"]} where="Name of the list, its tag or its type"
    first="cdb pl create"
    create=${html`<${CreateButton} permission="list.create" Dialog=${CreateListDialog} />`}
    query=${query} />`;
}
