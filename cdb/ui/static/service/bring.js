// Links to the API where reading needs a token: a link has none, so what it leads to is fetched,
// and brought as a file.

import { API } from "./api.js";
import { signed } from "./http.js";
import { askToSignIn, session } from "./session.js";

/** Let links to the API work for those who have signed in to read. */
export function bringWithToken(event) {
  const link = event.target.closest?.("a[href]");
  const { token, needsTokenToRead } = session();
  if (token && needsTokenToRead && link?.href.startsWith(`${API}/`) && !event.defaultPrevented) {
    event.preventDefault();
    bring(link.href, token);
  }
}

async function bring(url, token) {
  const response = await signed(url, {}, token).catch(() => null);
  if (response?.ok) {
    save(await response.blob(), nameOf(response, url));
  } else if (response?.status === 401) {
    askToSignIn();
  } else {
    alert(response ? await response.text() : "The service cannot be reached.");
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has begun by then to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// A payload says what it is called; an answer is called as what was asked.
function nameOf({ headers }, url) {
  const named = /filename\*=UTF-8''(\S+)/.exec(headers.get("Content-Disposition") ?? "");
  const last = new URL(url).pathname.split("/").findLast(Boolean);
  const ending = /json/.test(headers.get("Content-Type")) ? ".json" : "";
  return decodeURIComponent(named?.[1] ?? last + ending);
}
