// One request to the service. Every answer is exact (64-bit integers), every failure is an ApiError,
// and every request ends: by an answer, a time limit, or by being given up.

import { parse } from "./exact.js";
import { refused } from "./session.js";
import { ROOT } from "../url.js";

/** Milliseconds after which a request is given up. */
export const TIME_LIMIT = 20_000;

const TOO_LARGE = 413;

/**
 * Why there is no answer. `code` is the service's own word, or one of these: `offline` (it
 * cannot be reached), `timeout`, `garbled` (the answer is no JSON). `status` is that of HTTP, or
 * 0; `fields` has lists of messages by the names of what was sent, where they belong to that.
 */
class ApiError extends Error {
  constructor(code, detail, status = 0, fields = {}) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.fields = fields;
  }
}

/** Fetch a URL with a token, if there is one; it goes to this service and nowhere else. */
export async function signed(url, init, token) {
  const isOurs = token && url.startsWith(ROOT.href);
  const headers = isOurs
    ? { ...init.headers, Authorization: `Bearer ${token}` }
    : init.headers;
  const response = await (init.onProgress ? watched : fetch)(url, { ...init, headers });
  if (isOurs && response.status === 401) {
    const { detail } = await response.clone().json().catch(() => ({}));
    refused(token, detail ?? "The service no longer takes the token.");
  }
  return response;
}

// What `fetch` does, with a body whose progress is told: `fetch` says nothing of that.
function watched(url, { method, headers, body, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    Object.entries(headers).forEach((each) => request.setRequestHeader(...each));
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 1);
    request.onload = () => resolve(responseOf(request));
    request.onerror = request.onabort = () => reject(new TypeError("There is no answer."));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function responseOf(request) {
  const lines = request.getAllResponseHeaders().trim().split("\r\n");
  const headers = lines.map((line) => line.match(/^([^:]+):\s*(.*)$/)?.slice(1)).filter(Boolean);
  return new Response(request.responseText, { status: request.status, headers });
}

/**
 * Return the answer that `fetched(signal)` brings: its `body` and its `headers`. `signal`,
 * `timeLimit` and `accepted` are those of `ask`.
 */
export async function answered(fetched, { signal, timeLimit = TIME_LIMIT, accepted = [] }) {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort("timeout"), timeLimit);
  const giveUp = () => own.abort("given up");
  signal?.addEventListener("abort", giveUp);
  try {
    signal?.throwIfAborted();
    const response = await fetched(own.signal);
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
    throw noJson(response.status);
  }
  if (!response.ok && !accepted.includes(response.status)) {
    const { code = "http", detail, ...fields } = body ?? {};
    throw new ApiError(code, sentence(detail, fields), response.status, fields);
  }
  return body;
}

// What no service answers, but a proxy before it.
function noJson(status) {
  return status === TOO_LARGE
    ? new ApiError("too-large", "A proxy on the way to the service takes nothing this large.", status)
    : new ApiError("garbled", `The answer is no JSON (status ${status}).`, status);
}

// An error has one sentence, or lists of messages by field.
function sentence(detail, fields) {
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

