// One difference: what kind it is, by a sign and in words, and the two payloads with what is
// not alike in them marked.

import { html } from "../../html.js";
import { href } from "../../url.js";

// The signs are those of the command `cdb gt diff`, and of pictures.
const ADDED = { sign: "+", words: "only in b", kind: "added" };
const REMOVED = { sign: "−", words: "only in a", kind: "removed" };
const CHANGED = [
  ["payload_url", "another payload"],
  ["checksum", "another checksum"],
  ["revision", "another revision"],
];

/** Return what a difference is: its `sign`, its `words`, and its `kind`, as pictures name it. */
export function kindOf({ a, b }) {
  if (!a || !b) {
    return a ? REMOVED : ADDED;
  }
  const [, words] = CHANGED.find(([name]) => a[name] !== b[name]);
  return { sign: "~", words, kind: "changed" };
}

/** Return what a difference is, for people. */
export function Difference({ of }) {
  const { sign, words, kind } = kindOf(of);
  return html`<span class="what what-${kind}"
    ><span class="sign" aria-hidden="true">${sign}</span>${words}</span
  >`;
}

/** Return the payload of one side of a difference; what the other side has not is marked. */
export function Payload({ of, side }) {
  const payload = of[side];
  const other = of[side === "a" ? "b" : "a"];
  if (!payload) {
    return html`<span class="gap">nothing</span>`;
  }
  const marked = (name, content) =>
    other && payload[name] !== other[name] ? html`<mark>${content}</mark>` : content;
  return html`${marked("payload_url", payload.payload_url)}
    <span class="more">
      ${marked("revision", revisionOf(payload))} · ${marked("checksum", checksumOf(payload))}
    </span>`;
}

function revisionOf({ revision }) {
  return revision === null ? "no revision" : `revision ${revision}`;
}

function checksumOf({ checksum }) {
  return checksum
    ? html`<a href=${href(["payloads", checksum])} title=${checksum}>${checksum.slice(0, 8)}</a>`
    : "no checksum";
}
