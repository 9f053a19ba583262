// The status of a global tag: a word, a picture, and what it means for those who write.

import { html } from "../html.js";
import { Icon } from "./icons.js";

const MEANINGS = {
  open: "everything can be changed",
  append: "only additions, where nothing is valid yet",
  closed: "nothing can be changed",
};

/** Return what a status lets be written, as a phrase. */
export function meaningOf({ mode, final }) {
  return MEANINGS[mode] + (final ? ", for ever" : "");
}

/** Return the badge of a status by its name; `statuses` are those that the service has. */
export function StatusBadge({ name, statuses, isExplained = false }) {
  const status = statuses.find((each) => each.name === name);
  if (!status) {
    return html`<span class="badge">${name}</span>`;
  }
  const meaning = meaningOf(status);
  return html`<span class="badge badge-${status.mode}" title=${meaning}>
    <${Icon} name=${status.mode} />${name}
    <span class=${isExplained ? "badge-meaning" : "unseen"}>${" "}– ${meaning}</span>
  </span>`;
}
