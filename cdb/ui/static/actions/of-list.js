// What one may do with a payload list.

import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { whoami } from "../service/questions.js";
import { useSession } from "../service/session.js";
import { INSERT } from "./insert.js";
import { ActionMenu } from "./menu.js";

/** Return the menu; `about` is the list as the API shows it, `dimensions` is that of its type. */
export function ListActions({ of }) {
  const { token } = useSession();
  const tag = of?.about.global_tag;
  const who = useLoaded(
    (signal) => (of ? whoami(signal, { tag }) : Promise.resolve()),
    [Boolean(of), tag, token],
  );
  const permissions = who.data && new Set((who.data.there ?? who.data).permissions);
  const known = of && { tag, lists: [of.about], dimensions: of.dimensions, permissions };
  return html`<${ActionMenu}
    entries=${[INSERT]}
    state=${of && permissions && { permissions, hasLists: true }}
    isWaiting=${who.isWaiting}
    of=${permissions && known}
  />`;
}
