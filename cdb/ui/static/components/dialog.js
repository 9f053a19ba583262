// A dialog of the browser: it keeps the focus, closes on Escape, and gives the focus back.

import { html, useId, useLayoutEffect, useRef } from "../html.js";

/** Return the dialog, open. `children(leave)` is what is in it; `onClose` is called when it is left. */
export function Dialog({ title, onClose, children }) {
  const id = useId();
  const dialog = useRef(null);
  const isLeft = useRef(false);
  useLayoutEffect(() => dialog.current.showModal(), []);
  // At once: the browser tells of it late, when there may be another dialog already.
  const leave = () => {
    if (!isLeft.current) {
      isLeft.current = true;
      dialog.current.close();
      onClose();
    }
  };
  const cancel = (event) => {
    // Who chooses no file leaves only the choice of files.
    if (event.target === dialog.current) {
      event.preventDefault();
      leave();
    }
  };
  return html`<dialog
    class="dialog"
    ref=${dialog}
    aria-labelledby=${id}
    onCancel=${cancel}
    onClose=${leave}
  >
    <h2 id=${id}>${title}</h2>
    ${children(leave)}
  </dialog>`;
}
