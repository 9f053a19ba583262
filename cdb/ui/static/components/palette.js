// The palette: to a page, a global tag or a payload type by a few letters of its name.

import { apiUrl, get } from "../api.js";
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../html.js";
import { useLoaded } from "../load.js";
import { go, href } from "../url.js";

const PAGES = [
  { kind: "Page", name: "Overview", to: href([]) },
  { kind: "Page", name: "Global tags", to: href(["global-tags"]) },
  { kind: "Page", name: "Compare two tags", to: href(["diff"]) },
  { kind: "Page", name: "Plugins", to: href(["plugins"]) },
  { kind: "Page", name: "About", to: href(["about"]) },
];

const PROMPT = "A page, a global tag or a payload type";

const OF_EACH = 8;

/** Return the palette, open; `onClose` is called when it is left. */
export function Palette({ onClose }) {
  const dialog = useRef(null);
  const [typed, setTyped] = useState("");
  const [index, setIndex] = useState(0);
  const listId = useId();
  const [isTaking, setTaking] = useState(false);
  const found = useLoaded((signal) => named(typed, signal), [typed]);
  const items = [...pagesWith(typed), ...(found.data ?? [])];
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

function pagesWith(typed) {
  const text = typed.trim().toLowerCase();
  return PAGES.filter(({ name }) => name.toLowerCase().includes(text));
}

async function named(typed, signal) {
  const page = { page: 1, page_size: OF_EACH, search: typed.trim(), sort: "name" };
  const [tags, types] = await Promise.all([
    get(apiUrl(["global-tags"], page), { signal }),
    get(apiUrl(["payload-types"], page), { signal }),
  ]);
  return [
    ...tags.results.map(({ name }) => ({
      kind: "Global tag",
      name,
      to: href(["global-tags", name]),
    })),
    ...types.results.map(({ name }) => ({
      kind: "Payload type",
      name,
      to: href(["types", name]),
    })),
  ];
}
