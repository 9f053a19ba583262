// What can be asked of the service, and how to write to it. http.js sends it.
//
// The token of session.js goes with writes; and with reads where the service asks who reads, since
// no cache on the way keeps an answer to a request that has one.

import { stringify } from "./exact.js";
import { TIME_LIMIT, answered, signed } from "./http.js";
import { noteReadingNeedsToken, session } from "./session.js";
import { ROOT, search } from "../url.js";

const BASE = new URL(`${document.querySelector('meta[name="cdb-api"]').content}/`, ROOT);

/** The base URL of the API, as the client takes it. */
export const API = BASE.href.slice(0, -1);

// Of a file: how many bytes a slow line takes in a millisecond.
const BYTES_A_MILLISECOND = 100;

// The last change that was made here, which no answer from then on may lack.
let written = 0;

/** Return the URL of a path of the API, such as `["global-tags", name]`, with its parameters. */
export function apiUrl(segments, query = {}) {
  return new URL(segments.map(encodeURIComponent).join("/") + search(query), BASE).href;
}

/** Return the URL of what the service has outside of the API, such as `health/ready`. */
export function serviceUrl(path) {
  return new URL(path, ROOT).href;
}

/** Return the body of the answer to a GET; the options are those of `ask`. */
export async function get(url, options) {
  return (await ask(url, options)).body;
}

/**
 * Return the answer to a GET: its `body`, and its `headers`.
 *
 * `signal` gives it up, which rejects with the reason of that: whoever no longer wants an answer
 * is not told of one. `accepted` are statuses beside those of success that are no failure. With
 * `isSigned` the token goes with it in any case; `token` is another one than that of the session.
 */
export function ask(url, { isSigned = false, token, ...waiting } = {}) {
  const headers = { Accept: "application/json" };
  const init = written
    ? { headers: { ...headers, "CDB-Min-Change": String(written) }, cache: "no-cache" }
    : { headers };
  return answered((signal) => read(url, { ...init, signal }, isSigned, token), waiting);
}

/**
 * Send a write, which is done whole or not at all, and return its `body`, its `headers` and the
 * number of the `change` that it made: null for none, as of a dry run.
 *
 * `body` is a value, which becomes JSON, or a Blob, which is sent as it is; `reason` stands in the
 * change log; `ifMatch` is the ETag of an answer about the global tag, which fails with
 * `precondition` where that has changed since. With the same `idempotencyKey` the same write is
 * done once, however often it is sent. With `dryRun` nothing is done: `body` is what would change,
 * with the `answer` that there would be. `onProgress` is told which part of the body is sent, from
 * 0 to 1. Of a failure `fields` has the messages by field.
 */
export async function send(
  method,
  url,
  {
    body,
    reason,
    ifMatch,
    idempotencyKey,
    dryRun = false,
    headers = {},
    onProgress,
    ...waiting
  } = {},
) {
  const isFile = body instanceof Blob;
  const given = {
    Accept: "application/json",
    "CDB-Comment": asBytes(reason?.replace(/\s+/g, " ").trim()),
    "If-Match": ifMatch,
    "Idempotency-Key": idempotencyKey,
    "Content-Type": body === undefined || isFile ? undefined : "application/json",
    ...headers,
  };
  const init = {
    method,
    headers: Object.fromEntries(Object.entries(given).filter(([, value]) => value)),
    body: isFile || body === undefined ? body : stringify(body),
    onProgress,
  };
  const target = dryRun ? tried(url) : url;
  const timeLimit = TIME_LIMIT + (isFile ? body.size / BYTES_A_MILLISECOND : 0);
  const answer = await answered(
    (signal) => signed(target, { ...init, signal }, session().token),
    { timeLimit, ...waiting },
  );
  const change = Number(answer.headers.get("CDB-Change")) || null;
  written = Math.max(written, change ?? 0);
  return { ...answer, change };
}

/** Return a name for a write, by which it is done once. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (each) => each.toString(36)).join(
    "-",
  );
}

async function read(url, init, isSigned, given) {
  const { token, needsTokenToRead } = session();
  const sent = given ?? (isSigned || needsTokenToRead ? token : null);
  const response = await signed(url, init, sent);
  if (response.status !== 401 || sent) {
    return response;
  }
  noteReadingNeedsToken();
  return token ? signed(url, init, token) : response;
}

// A header has bytes, and the service takes those of UTF-8.
function asBytes(text) {
  return text && String.fromCharCode(...new TextEncoder().encode(text));
}

function tried(url) {
  const trial = new URL(url);
  trial.searchParams.set("dry_run", "change");
  return trial.href;
}
