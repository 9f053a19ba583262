// What is around every page: its name, the way to the others, and the palette.

import { html, useEffect, useRef, useState } from "../html.js";
import { ROOT, href } from "../url.js";
import { Palette } from "./palette.js";
import { Icon } from "./icons.js";

// Whether a page was shown already: the first one leaves the focus where the browser puts it.
let isReached = false;

const PLACES = [
  ["Overview", []],
  ["Global tags", ["global-tags"]],
  ["Plugins", ["plugins"]],
  ["About", ["about"]],
];

/** Return a page in its frame. `segments` is where one is. */
export function Frame({ segments, children }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const open = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen(true);
      }
    };
    addEventListener("keydown", open);
    return () => removeEventListener("keydown", open);
  }, []);
  return html`
    <button type="button" class="skip" onClick=${skip}>Skip to the content</button>
    <header class="top">
      <a class="brand" href=${href([])}>cdb</a>
      <nav aria-label="Main">
        ${PLACES.map(([name, to]) => html`<${Place} name=${name} to=${to} segments=${segments} />`)}
      </nav>
      <button
        type="button"
        class="find"
        onClick=${() => setOpen(true)}
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+K"
      >
        <${Icon} name="search" />Go to … <kbd>Ctrl K</kbd>
      </button>
    </header>
    <main>${children}</main>
    <footer class="bottom">
      <a href=${`${ROOT.pathname}docs`}>HTTP API</a>
      <span class="quiet">Times are in UTC.</span>
    </footer>
    ${isOpen && html`<${Palette} onClose=${() => setOpen(false)} />`}`;
}

function skip() {
  document.querySelector("h1")?.focus();
}

function Place({ name, to, segments }) {
  const isHere = to[0] === segments[0];
  return html`<a href=${href(to)} aria-current=${isHere ? "page" : undefined}>${name}</a>`;
}

/**
 * Return the head of a page: its one `h1`, which is also the title of the window, and what can
 * be done with the page. It takes the focus where one comes from another page, so that those who
 * listen hear where they are.
 */
export function Heading({ title, kicker, children, actions }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = [title, kicker, "cdb"].filter(Boolean).join(" – ");
  }, [title, kicker]);
  useEffect(() => {
    if (isReached) {
      heading.current.focus();
    }
    isReached = true;
  }, []);
  return html`<div class="heading">
    <div>
      ${kicker && html`<p class="kicker">${kicker}</p>`}
      <h1 tabindex="-1" ref=${heading}>${title}</h1>
      ${children}
    </div>
    ${actions && html`<div class="actions">${actions}</div>`}
  </div>`;
}
