// What stands where data would be: that it is awaited, why it is not there, that there is none.

import { html } from "../html.js";
import { askToSignIn } from "../service/session.js";
import { Icon } from "./icons.js";

const TITLES = {
  offline: "The service cannot be reached",
  timeout: "The service does not answer",
  unavailable: "The service is busy",
  unconfirmed: "Nobody knows whether this was written",
  "not-found": "Not found",
  unauthenticated: "This service asks who reads",
  "invalid-credentials": "The credentials do not hold",
  forbidden: "Not permitted",
  precondition: "Changed meanwhile",
  invalid: "The request is wrong",
  "name-taken": "The name is taken",
  "too-large": "Too large",
  "payload-refused": "The payload is refused",
  overlap: "Something is valid there already",
  closed: "The global tag is closed",
  "append-only": "The global tag only takes additions",
  "tag-policy": "The tag policy refuses",
  internal: "The service failed",
};

/**
 * Return why there is no answer, with the service's word for it; a way to ask again, where there
 * is one, and to say who asks, where that is what is missing.
 */
export function Failure({ error, retry }) {
  const title = TITLES[error.code] ?? "The service refused";
  return html`<div class="notice notice-failure" role="alert">
    <p class="notice-title"><${Icon} name="warning" />${title}</p>
    <p>${error.message}</p>
    <p class="notice-actions">
      ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
      ${error.status === 401 && html`<button type="button" onClick=${askToSignIn}>Sign in</button>`}
      <span class="quiet">error <code>${error.code ?? error.name}</code></span>
    </p>
  </div>`;
}

/** Return that there is nothing, and what that means. */
export function Empty({ title, children }) {
  return html`<div class="notice"><p class="notice-title">${title}</p><p>${children}</p></div>`;
}

/** Return that nothing was ever written to the database. */
export function NothingYet() {
  return html`<${Empty} title="This database is empty">
    Nothing was written to it yet. Its first global tag is made by <code>cdb gt create</code>, or
    by <code>POST gt</code>.
  <//>`;
}

/**
 * Return what `children` makes of the data, and until then that they are awaited, or why there
 * are none. Data of an earlier question are shown as such while the next answer is on its way.
 */
export function Loaded({ of, what, children }) {
  if (of.error) {
    return html`<${Failure} error=${of.error} retry=${of.retry} />`;
  }
  if (of.data === undefined) {
    return html`<p class="waiting" role="status">Loading ${what} …</p>`;
  }
  return html`<div class="loaded" aria-busy=${String(of.isWaiting)}>${children(of.data)}</div>`;
}

/** Return what is shown of something at once, and says nothing while that is awaited. */
export function Quietly({ isWaiting, children }) {
  return html`<div class="quietly" aria-busy=${String(isWaiting)}>${children}</div>`;
}
