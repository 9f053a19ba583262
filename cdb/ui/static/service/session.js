// Who one is, for as long as this tab is open: the token, and whether reading needs it. The token
// is in sessionStorage and nowhere else; api.js takes it from here, and shows it to nobody.

import { useEffect, useState } from "../html.js";
import { ROOT } from "../url.js";

// Another service may share the origin, behind a prefix of its own.
const TOKEN = `cdb.token ${ROOT.pathname}`;
const READS = `cdb.reads ${ROOT.pathname}`;

// What a header can carry, and so what can be a token.
const FORM = /^[!-~]+$/;

/** Whether what one sends can be read on its way: plain HTTP, to another machine than this one. */
export const IS_OVERHEARD = !isSecureContext;

const listeners = new Set();

let state = {
  token: sessionStorage.getItem(TOKEN),
  needsTokenToRead: sessionStorage.getItem(READS) !== null,
  // Why the service refused the last token, or null.
  refusal: null,
  // How often somebody was asked to sign in: the dialog is open for each time once.
  asked: 0,
};

/** Return the state: `token`, `needsTokenToRead`, `refusal`, `asked`. */
export function session() {
  return state;
}

/** Return the state, anew whenever it changes. */
export function useSession() {
  const [seen, setSeen] = useState(state);
  useEffect(() => {
    const update = () => setSeen(state);
    listeners.add(update);
    update();
    return () => listeners.delete(update);
  }, []);
  return seen;
}

/** Return the token in a text that somebody pasted, or that a file has; null where it is none. */
export function tokenIn(text) {
  const token = text.trim().replace(/^bearer\s+/i, "");
  return FORM.test(token) ? token : null;
}

/** Keep a token, which the service has accepted, for this tab. */
export function signIn(token) {
  sessionStorage.setItem(TOKEN, token);
  set({ token, refusal: null });
}

/** Forget the token. */
export function signOut() {
  sessionStorage.removeItem(TOKEN);
  set({ token: null, refusal: null });
}

/** Forget a token that the service no longer takes, and remember why. */
export function refused(token, reason) {
  // An answer to an old request says nothing about the token of now.
  if (state.token === token) {
    signOut();
    set({ refusal: reason });
  }
}

/** Remember that this service asks who reads: from then on the token goes with reads. */
export function noteReadingNeedsToken() {
  sessionStorage.setItem(READS, "token");
  set({ needsTokenToRead: true });
}

/** Ask whoever is there to sign in; what they were about to do stays as it is. */
export function askToSignIn() {
  set({ asked: state.asked + 1 });
}

function set(changes) {
  state = { ...state, ...changes };
  listeners.forEach((listener) => listener());
}
