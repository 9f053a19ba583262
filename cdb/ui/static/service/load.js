// What a page waits for. An answer is shown only while its question is still the current one: a
// slow answer to an old question never overwrites a newer one.
//
// `reload()` lets all that is shown be asked for again.

import { useEffect, useReducer, useState } from "../html.js";

const WAITING = { data: undefined, error: undefined, isWaiting: true };

const asking = new Set();

/** Ask again for all that is shown: what the service says has changed, by a write or by who asks. */
export function reload() {
  [...asking].forEach((again) => again());
}

// Of an answer: the inputs that it is for.
const isFor = (state, inputs) => inputs.every((each, index) => each === state.inputs?.[index]);

/**
 * Return what `load(signal)` brings, whenever one of `inputs` changes.
 *
 * `data` is the last answer, also while a new one is awaited; `error` is why there is none;
 * `isWaiting` says that a request is on its way; `retry` asks again.
 */
export function useLoaded(load, inputs) {
  const [state, setState] = useState(WAITING);
  const [attempt, retry] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    asking.add(retry);
    return () => asking.delete(retry);
  }, []);
  useEffect(() => {
    const controller = new AbortController();
    const settle = (next) =>
      controller.signal.aborted || setState({ isWaiting: false, inputs, ...next });
    setState(({ data }) => ({ ...WAITING, data }));
    load(controller.signal).then(
      (data) => settle({ data }),
      (error) => settle({ error }),
    );
    return () => controller.abort();
  }, [...inputs, attempt]);
  // Between a change of the inputs and the request, what there is belongs to the old ones.
  return { ...state, isWaiting: state.isWaiting || !isFor(state, inputs), retry };
}
