// The palette: to a page, to what has a name, or to a point of what one looks at, by a few letters.

import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { named, placesOf } from "./places.js";
import { go } from "../url.js";

const PROMPT = "A page, a name, or a point";

/** Return the palette, open; `onClose` is called when it is left. */
export function Palette({ onClose }) {
  const dialog = useRef(null);
  const [typed, setTyped] = useState("");
  const [index, setIndex] = useState(0);
  const listId = useId();
  const [isTaking, setTaking] = useState(false);
  const found = useLoaded((signal) => named(typed, signal), [typed]);
  const items = placesOf(typed, found.data ?? []);
  const chosen = Math.min(index, items.length - 1);
  // Before anything else happens: the next letter is for the palette.
  useLayoutEffect(() => dialog.current.showModal(), []);

  const take = (item) => {
    dialog.current.close();
    go(item.to);
  };
  // Who types and presses Enter at once means what is found, not what was found before.
  useEffect(() => {
    if (isTaking && !found.isWaiting) {
      setTaking(false);
      if (items[chosen]) {
        take(items[chosen]);
      }
    }
  }, [isTaking, found.isWaiting]);
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setIndex((chosen + step + items.length) % Math.max(items.length, 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      setTaking(true);
    }
  };
  // A dialog of the browser: it keeps the focus, closes on Escape, and gives the focus back.
  return html`<dialog class="palette" ref=${dialog} onClose=${onClose} aria-label="Go to"
      onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <input
      type="search"
      role="combobox"
      aria-label=${PROMPT}
      aria-expanded="true"
      aria-controls=${listId}
      aria-activedescendant=${items[chosen] && `${listId}-${chosen}`}
      aria-autocomplete="list"
      placeholder=${PROMPT}
      autocomplete="off"
      spellcheck=${false}
      autofocus
      value=${typed}
      onKeyDown=${onKeyDown}
      onInput=${(event) => {
        setTyped(event.target.value);
        setIndex(0);
      }}
    />
    <ul role="listbox" id=${listId} aria-label="Where to">
      ${items.map(
        (item, place) => html`<li role="option" id=${`${listId}-${place}`} key=${item.to}
        aria-selected=${place === chosen ? "true" : "false"} onClick=${() => take(item)}>
        <span>${item.name}</span><span class="quiet">${item.kind}</span></li>`,
      )}
    </ul>
    <p class="palette-said" role="status">${saidOf(found, items)}</p>
  </dialog>`;
}

function saidOf({ error, isWaiting }, items) {
  if (error) {
    return `${error.message} Only pages can be found.`;
  }
  return items.length || isWaiting ? "" : "Nothing has such a name.";
}
