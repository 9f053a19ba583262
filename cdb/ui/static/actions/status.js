// Another status for a global tag: locked, frozen, unlocked, or whatever the service has.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { StatusBadge, meaningOf } from "../components/status.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";

export const STATUS = {
  name: "Change status",
  meaning: "Lock, freeze or unlock it: what may be written to it",
  isOffered: ({ next }) => next.length > 0,
  Dialog: StatusDialog,
};

function StatusDialog({ tag, about, etag, statuses, next, onClose }) {
  const [name, setName] = useState("");
  const [typed, setTyped] = useState("");
  const status = statuses.find((each) => each.name === name);
  // What cannot be taken back is not done by a slip.
  const isMeant = status && (!status.final || typed === tag);
  const write = isMeant && {
    method: "PUT",
    url: apiUrl(["global-tags", tag, "change-status", name]),
    ifMatch: etag,
  };
  const badge = (each) => html`<${StatusBadge} name=${each} statuses=${statuses} isExplained />`;
  return html`<${WriteDialog}
    title=${`Change the status of ${tag}`}
    action="Change status"
    tag=${tag}
    write=${write}
    preview=${() => html`<p>${badge(about.status)} becomes ${badge(name)}</p>`}
    onClose=${onClose}
  >
    <p>It is ${badge(about.status)}</p>
    <${Field} name="status" label="New status" as="select" required value=${name} onInput=${setName}>
      <option value="">Choose …</option>
      ${statuses
        .filter((each) => next.includes(each.name))
        .map(
          (each) => html`<option key=${each.name} value=${each.name}>
            ${each.name} – ${meaningOf(each)}
          </option>`,
        )}
    <//>
    ${
      status?.final &&
      html`<${Field}
        name="confirmation"
        label=${`Type ${tag} to go on`}
        hint="This cannot be taken back. A clone of the tag can be changed."
        required
        spellcheck=${false}
        value=${typed}
        onInput=${setTyped}
      />`
    }
  <//>`;
}
