// A global tag with the content of another one.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";
import { href } from "../url.js";

export const CLONE = {
  name: "Clone",
  meaning: "Make a global tag with the same content",
  isOffered: ({ somewhere }) => somewhere.has("tag.create"),
  Dialog: CloneDialog,
};

function CloneDialog({ tag, etag, onClose }) {
  const [name, setName] = useState("");
  const [then, setThen] = useState("");
  const target = name.trim();
  const asOf = then.trim();
  const write = target && {
    method: "POST",
    url: apiUrl(["global-tags", tag, "clone", target], { asOf }),
    // What the tag was stays what it was.
    ifMatch: asOf ? undefined : etag,
  };
  return html`<${WriteDialog}
    title=${`Clone ${tag}`}
    action="Clone"
    tag=${(made) => made.name}
    write=${write}
    preview=${(made) => html`<${Preview} of=${made} />`}
    done=${(made) => html`<p>
      <a href=${href(["global-tags", made.name])}>${made.name}</a> is ${made.status}.
    </p>`}
    onClose=${onClose}
  >
    <p class="quiet">
      Nothing is copied, so a clone takes no time. What is written to one of the two from then on is
      not in the other.
    </p>
    <${Field}
      name="target"
      label="Name of the new global tag"
      required
      spellcheck=${false}
      value=${name}
      onInput=${setName}
    />
    <${Field}
      name="asOf"
      label="As of"
      hint="The number of a change, or a time such as 2026-03-01T12:00:00Z; nothing for now."
      spellcheck=${false}
      value=${then}
      onInput=${setThen}
    />
  <//>`;
}

function Preview({ of: made }) {
  return html`<p>
    A global tag <span class="name">${made.name}</span>, ${made.status}, with
    ${" "}${made.payload_lists_count} payload lists and${" "}
    ${made.payload_iov_count.toLocaleString("en")} payload IOVs.
  </p>`;
}
