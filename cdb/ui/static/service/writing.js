// A write: tried, then done, once, however often a button is pressed or an answer is lost.

import { newKey, send } from "./api.js";
import { useRef, useState } from "../html.js";
import { reload } from "./load.js";
import { askToSignIn } from "./session.js";

/**
 * Return how far a write is, and `submit`, which goes one step on: first it is tried, then done.
 *
 * `write` and `isPlain` are those of `WriteDialog`. There is `isBusy` while an answer is awaited,
 * the `trial` as long as it is of this very write, the `failure` of the last step, and in the end
 * the `result`.
 */
export function useWriting(write, reason, isPlain) {
  const [state, setState] = useState({});
  const isSending = useRef(false);
  // A write that got no answer may have been done: sent again, it has the same key.
  const sent = useRef({});
  const signature = signatureOf(write);
  const isTried = isPlain || state.trial?.signature === signature;
  const submit = async (event) => {
    event.preventDefault();
    if (isSending.current || !write) {
      return;
    }
    isSending.current = true;
    setState(({ trial }) => ({ trial, isBusy: true }));
    if (isTried && sent.current.signature !== signature) {
      sent.current = { signature, idempotencyKey: newKey() };
    }
    setState(await outcome(write, reason, isTried ? sent.current : null, state.trial));
    isSending.current = false;
  };
  return { ...state, trial: isTried ? state.trial : null, submit };
}

async function outcome({ method, url, ...rest }, reason, sent, trial) {
  try {
    const how = sent
      ? { idempotencyKey: sent.idempotencyKey, ifMatch: rest.ifMatch ?? trial?.headers.get("ETag") }
      : { dryRun: true };
    const answer = await send(method, url, { ...rest, reason, ...how });
    if (!sent) {
      return { trial: { ...answer, signature: signatureOf({ method, url, ...rest }) } };
    }
    reload();
    return { result: { ...answer, isSeen: trial?.body.differences.length > 0 } };
  } catch (error) {
    if (error.status === 401) {
      askToSignIn();
    }
    if (error.code === "precondition") {
      // What is shown no longer holds, neither here nor on the page.
      reload();
      return { failure: error };
    }
    error.isInDoubt = sent && error.status === 0;
    return { failure: error, trial };
  }
}

// What makes two writes the same one. A file is none that can be compared, so it is told by these.
function signatureOf(write) {
  return JSON.stringify(write, (_key, value) => {
    if (value instanceof File) {
      return [value.name, value.size, value.lastModified];
    }
    return typeof value === "bigint" ? String(value) : value;
  });
}
