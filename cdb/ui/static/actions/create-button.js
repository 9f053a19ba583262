// The button that makes one more of what a page lists.

import { Icon } from "../components/icons.js";
import { Quietly } from "../components/states.js";
import { html, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { whoami } from "../service/questions.js";
import { useSession } from "../service/session.js";

/**
 * Return the button; nothing for those who do not have the permission. `Dialog` is a WriteDialog
 * that gets `permissions`, the set of what one may do at all, and `onClose`.
 */
export function CreateButton({ permission, Dialog }) {
  const { token } = useSession();
  const who = useLoaded((signal) => whoami(signal), [token]);
  const [isOpen, setOpen] = useState(false);
  const permissions = new Set(who.data?.permissions);
  return html`
    <${Quietly} isWaiting=${who.isWaiting}>
      ${
        permissions.has(permission) &&
        html`<button type="button" aria-haspopup="dialog" onClick=${() => setOpen(true)}>
          <${Icon} name="edit" />Create
        </button>`
      }
    <//>
    ${isOpen && html`<${Dialog} permissions=${permissions} onClose=${() => setOpen(false)} />`}`;
}
