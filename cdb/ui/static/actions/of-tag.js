// What one may do with a global tag: a menu of what its status and one's permissions allow.
//
// Each entry has a `name`, its `meaning`, `isOffered(state)` and a `Dialog`. The state has
// `permissions`, the set of what one may do in this tag as its status is now, `somewhere`, the set
// of what one may do at all, `next`, the names of the statuses that one may give it, and of its
// status the `mode` (open, append, closed). The dialog is a WriteDialog; it gets `tag`, `about`
// (the tag as the API shows it), `etag` (of that, for If-Match), `statuses` (all of the service),
// `next` and `onClose`, and whatever else the page knows of the tag.

import { Menu } from "../components/menu.js";
import { html, useRef, useState } from "../html.js";
import { useLoaded } from "../load.js";
import { whoami } from "../service.js";
import { useSession } from "../session.js";
import { CLONE } from "./clone.js";
import { DESCRIBE } from "./describe.js";
import { REVERT } from "./revert.js";
import { STATUS } from "./status.js";

const ENTRIES = [CLONE, STATUS, DESCRIBE, REVERT];

/**
 * Return the menu; nothing where nothing may be done. `of` is what the page knows of the tag, at
 * least `about`, `etag` and `statuses`; undefined until it does.
 */
export function TagActions({ tag, of }) {
  const { token } = useSession();
  const who = useLoaded((signal) => whoami(signal, { tag }), [tag, token]);
  const [chosen, choose] = useState(null);
  // What was known stays for who writes, while the page asks again.
  const known = useRef(of);
  known.current = of ?? known.current;
  const state = of && who.data && stateOf(of, who.data);
  const offered = state ? ENTRIES.filter((each) => each.isOffered(state)) : [];
  return html`
    ${offered.length > 0 && html`<${Entries} of=${offered} choose=${choose} />`}
    ${
      chosen &&
      html`<${chosen.Dialog}
        tag=${tag}
        ...${known.current}
        next=${state?.next ?? []}
        onClose=${() => choose(null)}
      />`
    }`;
}

function stateOf({ about, statuses }, { permissions, there }) {
  return {
    permissions: new Set(there.permissions),
    somewhere: new Set(permissions),
    next: there.statuses,
    mode: statuses.find((each) => each.name === about.status)?.mode,
  };
}

function Entries({ of, choose }) {
  const entry = (each, close) => {
    const open = () => {
      close();
      choose(each);
    };
    return html`<button type="button" class="entry" key=${each.name} onClick=${open}>
      <strong>${each.name} …</strong><span class="quiet">${each.meaning}</span>
    </button>`;
  };
  return html`<${Menu} name="Actions" icon="edit">
    ${(close) => of.map((each) => entry(each, close))}
  <//>`;
}
