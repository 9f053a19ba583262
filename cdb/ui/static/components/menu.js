// A button that opens what is behind it. Escape closes it, and gives the focus back.

import { html, useRef } from "../html.js";
import { Icon } from "./icons.js";

/** Return a menu, closed; `children` is what it opens, or a function of `close` that returns it. */
export function Menu({ name, icon, children }) {
  const menu = useRef(null);
  const close = () => {
    menu.current.open = false;
    menu.current.querySelector("summary").focus();
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape" && menu.current.open) {
      event.stopPropagation();
      close();
    }
  };
  return html`<details class="menu" ref=${menu} onKeyDown=${onKeyDown}>
    <summary class="button"><${Icon} name=${icon} />${name}</summary>
    <div class="menu-body">${typeof children === "function" ? children(close) : children}</div>
  </details>`;
}
