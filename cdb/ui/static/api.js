// All requests to the service. Every answer is exact (64-bit integers), every failure is an
// ApiError, and every request ends: by an answer, a time limit, or by being given up.

import { parse } from "./exact.js";
import { ROOT, search } from "./url.js";

const BASE = new URL(`${document.querySelector('meta[name="cdb-api"]').content}/`, ROOT);

/** The base URL of the API, as the client takes it. */
export const API = BASE.href.slice(0, -1);

/** Milliseconds after which a request is given up. */
export const TIME_LIMIT = 20_000;

/**
 * Why there is no answer. `code` is the service's own word, or one of these: `offline` (it
 * cannot be reached), `timeout`, `garbled` (the answer is no JSON). `status` is that of HTTP, or 0.
 */
export class ApiError extends Error {
  constructor(code, detail, status = 0) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
  }
}

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
 * is not told of one. `accepted` are statuses beside those of success that are no failure.
 */
export async function ask(url, { signal, timeLimit = TIME_LIMIT, accepted = [] } = {}) {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort("timeout"), timeLimit);
  const giveUp = () => own.abort("given up");
  signal?.addEventListener("abort", giveUp);
  try {
    signal?.throwIfAborted();
    const response = await fetch(url, {
      headers: { Accept: "application/json" },
      signal: own.signal,
    });
    return { body: bodyOf(response, await response.text(), accepted), headers: response.headers };
  } catch (error) {
    throw own.signal.reason === "timeout" ? tooLate(timeLimit) : failureOf(error, signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

function bodyOf(response, text, accepted) {
  let body;
  try {
    body = parse(text);
  } catch {
    throw new ApiError(
      "garbled",
      `The answer is no JSON (status ${response.status}).`,
      response.status,
    );
  }
  if (!response.ok && !accepted.includes(response.status)) {
    throw new ApiError(body?.code ?? "http", sentences(body), response.status);
  }
  return body;
}

// An error has one sentence, or lists of messages by field.
function sentences({ code: _, detail, ...fields }) {
  if (typeof detail === "string") {
    return detail;
  }
  const named = Object.entries(fields).map(
    ([field, messages]) => `${field}: ${[messages].flat().join(" ")}`,
  );
  return named.join(" ") || "The service said no more than that.";
}

function tooLate(timeLimit) {
  return new ApiError("timeout", `There was no answer within ${timeLimit / 1000} seconds.`);
}

function failureOf(error, signal) {
  if (error instanceof ApiError || signal?.aborted) {
    return error;
  }
  return new ApiError("offline", "The service cannot be reached.");
}
