// What one may do with a global tag: a menu of what its status and one's permissions allow.
//
// Each entry has a `name`, its `meaning`, `isOffered(state)` and a `Dialog`. The state has
// `permissions`, the set of what one may do with this tag, `somewhere`, the set of what one may do
// at all, and of the status of the tag `mode` (open, append, closed) and `isFinal`. The dialog gets
// `tag`, `about` (the tag as the API shows it), `etag` (of that, for If-Match), `statuses` (all of
// the service), `who` and `onClose`; it is a WriteDialog.

import { Menu } from "../components/menu.js";
import { html, useState } from "../html.js";
import { useLoaded } from "../load.js";
import { whoami } from "../service.js";
import { useSession } from "../session.js";
import { CLONE } from "./clone.js";

const ENTRIES = [CLONE];

/**
 * Return the menu; nothing where nothing may be done. `of` has `about`, `etag` and `statuses`, or
 * is undefined until they are known.
 */
export function TagActions({ tag, of }) {
  const { token } = useSession();
  const who = useLoaded((signal) => whoami(signal, { globalTag: tag }), [tag, token]);
  const [chosen, choose] = useState(null);
  const offered = of && who.data ? ENTRIES.filter((each) => each.isOffered(stateOf(of, who.data))) : [];
  const left = () => choose(null);
  return html`
    ${offered.length > 0 && html`<${Menu} name="Actions" icon="edit">${(close) =>
      offered.map(
        (each) => html`<button
          type="button"
          class="entry"
          key=${each.name}
          onClick=${() => {
            close();
            choose(each);
          }}
        >
          <strong>${each.name} …</strong>
          <span class="quiet">${each.meaning}</span>
        </button>`,
      )}
    <//>`}
    ${chosen && html`<${chosen.Dialog} tag=${tag} ...${of} who=${who.data} onClose=${left} />`}`;
}

function stateOf({ about, statuses }, who) {
  const status = statuses.find((each) => each.name === about.status);
  return {
    permissions: new Set(who.here ?? who.permissions),
    somewhere: new Set(who.permissions),
    mode: status?.mode,
    isFinal: status?.final,
  };
}
