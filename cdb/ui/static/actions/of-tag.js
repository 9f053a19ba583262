// What one may do with a global tag: a menu of what its status and one's permissions allow.
//
// The state of its entries has `permissions`, the set of what one may do in this tag as its status
// is now, `somewhere`, the set of what one may do at all, `next`, the names of the statuses that
// one may give it, of its status the `mode` (open, append, closed), and `hasLists`. The dialogs get
// `tag`, `about` (the tag as the API shows it), `etag` (of that, for If-Match), `statuses` (all of
// the service), `permissions` and `next`, and whatever else the page knows of the tag.

import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { whoami } from "../service/questions.js";
import { useSession } from "../service/session.js";
import { ATTACH } from "./attach.js";
import { CLONE } from "./clone.js";
import { DESCRIBE } from "./describe.js";
import { INSERT } from "./insert.js";
import { ActionMenu } from "./menu.js";
import { REVERT } from "./revert.js";
import { STATUS } from "./status.js";

const ENTRIES = [INSERT, ATTACH, CLONE, STATUS, DESCRIBE, REVERT];

/**
 * Return the menu; nothing where nothing may be done. `of` is what the page knows of the tag, at
 * least `about`, `etag`, `statuses` and `lists`; undefined until it does.
 */
export function TagActions({ tag, of }) {
  const { token } = useSession();
  const who = useLoaded((signal) => whoami(signal, { tag }), [tag, token]);
  const state = of && who.data && stateOf(of, who.data);
  const { permissions, next } = state ?? {};
  const known = state && { ...of, tag, permissions, next };
  return html`<${ActionMenu}
    entries=${ENTRIES}
    state=${state}
    isWaiting=${who.isWaiting}
    of=${known}
  />`;
}

function stateOf({ about, statuses, lists }, { permissions, there }) {
  return {
    permissions: new Set(there.permissions),
    somewhere: new Set(permissions),
    next: there.statuses,
    mode: statuses.find((each) => each.name === about.status)?.mode,
    hasLists: lists.length > 0,
  };
}
