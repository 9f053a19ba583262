// A global tag as it was: one new change, which can be reverted itself.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";

const ACTIONS = { restore: "restored", add: "attached again", detach: "detached" };

export const REVERT = {
  name: "Revert",
  meaning: "Let it hold again what it held as of a change",
  isOffered: ({ permissions, mode }) =>
    permissions.has("tag.write") && permissions.has("list.attach") && mode !== "closed",
  Dialog: RevertDialog,
};

function RevertDialog({ tag, onClose }) {
  const [to, setTo] = useState("");
  const write = to.trim() && {
    method: "POST",
    url: apiUrl(["global-tags", tag, "revert"], { to: to.trim() }),
  };
  return html`<${WriteDialog}
    title=${`Revert ${tag}`}
    action="Revert"
    tag=${tag}
    write=${write}
    preview=${(told) => html`<${Steps} of=${told} />`}
    onClose=${onClose}
  >
    <p class="quiet">
      Its status and its description stay. What is taken back stays in its history, so that a revert
      can be reverted, too.
    </p>
    <${Field}
      name="to"
      label="As of which change"
      hint="The number of a change, or a time such as 2026-03-01T12:00:00Z."
      required
      spellcheck=${false}
      value=${to}
      onInput=${setTo}
    />
  <//>`;
}

function Steps({ of: { reverted_to: to, payload_lists: lists } }) {
  if (!lists.length) {
    return html`<p>Nothing: it holds what it held as of change ${to}.</p>`;
  }
  return html`<p>As of change ${to}, for these payload types:</p>
    <ul>
      ${lists.map(
        (each) => html`<li key=${each.payload_type}>
          <span class="name">${each.payload_type}</span>: its list is ${ACTIONS[each.action]},
          ${" "}${each.iovs_before} payload IOVs become ${each.iovs_after}
        </li>`,
      )}
    </ul>`;
}
