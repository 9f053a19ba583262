// The same answer elsewhere: as a command, a program, a document.

import { html, useRef, useState } from "../html.js";
import { curlOf, pythonOf } from "../elsewhere/commands.js";
import { useSession } from "../service/session.js";
import { Menu } from "./menu.js";

/**
 * Return the ways to get what a page shows without it. `url` is what the page asked; `cli` and
 * `python` are given where the client has a way of its own.
 */
export function CopyAs({ url, cli, python }) {
  const { needsTokenToRead } = useSession();
  const ways = [
    ["curl", curlOf(url, needsTokenToRead)],
    ["Python", python ?? pythonOf(url, needsTokenToRead)],
    ...(cli ? [["Command line", cli]] : []),
  ];
  return html`<${Menu} name="Copy as" icon="copy">
    ${ways.map(([name, text]) => html`<${Way} key=${name} name=${name} text=${text} />`)}
  <//>`;
}

function Way({ name, text }) {
  const code = useRef(null);
  const [said, say] = useState("");
  const copy = async () => say(await copied(text, code.current));
  return html`<section class="way" aria-label=${name}>
    <div class="way-head">
      <span class="way-name">${name}</span>
      <span class="quiet" role="status">${said}</span>
      <button type="button" onClick=${copy}>Copy<span class="unseen"> as ${name}</span></button>
    </div>
    <pre tabindex="0" aria-label=${`As ${name}`} ref=${code}>${text}</pre>
  </section>`;
}

// Browsers let pages write to the clipboard over https only; without it, the text is marked.
async function copied(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(shown);
    return "Marked: copy it by keyboard";
  }
}
