// What is around every page: its name, the way to the others, and the palette.

import { html, useEffect, useRef, useState } from "../html.js";
import { ROOT, href } from "../url.js";
import { Palette } from "./palette.js";
import { Icon } from "./icons.js";
import { Who } from "./signin.js";

// Whether a page was shown already: the first one leaves the focus where the browser puts it.
let isReached = false;

const PLACES = [
  ["Overview", []],
  ["Global tags", ["global-tags"]],
  ["Compare", ["diff"]],
  ["Changes", ["changes"]],
  ["Plugins", ["plugins"]],
  ["About", ["about"]],
];

/** Return a page in its frame. `segments` is where one is. */
export function Frame({ segments, children }) {
  // Which palette is open, or 0. A browser tells late that one was closed: by then there may be
  // another one, which is not meant.
  const [palette, setPalette] = useState(0);
  const open = () => setPalette((number) => number + 1);
  const close = (closed) => setPalette((number) => (number === closed ? 0 : number));
  useEffect(() => {
    const onKeyDown = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open();
      }
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
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
        onClick=${open}
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+K"
      >
        <${Icon} name="search" />Go to … <kbd>Ctrl K</kbd>
      </button>
      <${Who} />
    </header>
    <main>${children}</main>
    <footer class="bottom">
      <a href=${`${ROOT.pathname}docs`}>HTTP API</a>
      <span class="quiet">Times are in UTC.</span>
    </footer>
    ${palette > 0 && html`<${Palette} key=${palette} onClose=${() => close(palette)} />`}`;
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
