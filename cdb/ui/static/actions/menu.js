// A menu of what one may do, each of which opens a dialog.
//
// Each entry has a `name`, its `meaning`, `isOffered(state)` and a `Dialog`, which is a WriteDialog
// that gets `of`, whatever the page knows, and `onClose`.

import { Menu } from "../components/menu.js";
import { Quietly } from "../components/states.js";
import { html, useRef, useState } from "../html.js";

/**
 * Return the menu of those of the `entries` that are offered; nothing where none is. `state` says
 * what one may do, and is undefined until that is known; `isWaiting` says that it is asked for.
 */
export function ActionMenu({ entries, state, isWaiting, of }) {
  const [chosen, choose] = useState(null);
  // What was known stays for who writes, while the page asks again.
  const known = useRef(of);
  known.current = of ?? known.current;
  const offered = state ? entries.filter((each) => each.isOffered(state)) : [];
  return html`
    <${Quietly} isWaiting=${isWaiting}>
      ${offered.length > 0 && html`<${Entries} of=${offered} choose=${choose} />`}
    <//>
    ${chosen && html`<${chosen.Dialog} ...${known.current} onClose=${() => choose(null)} />`}`;
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
