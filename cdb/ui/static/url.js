// Where one is, and where links lead. All state of a page is in its URL, so that a reload, a
// copied link and the browser's buttons restore it.

import { useEffect, useState } from "./html.js";

/** The root of the service, below whatever prefix: this file is in static/<version>/. */
export const ROOT = new URL("../../", import.meta.url);

const HOME = new URL("ui/", ROOT);

const listeners = new Set();

/** Return the path of a page, from its segments and the state in its query string. */
export function href(segments, query = {}) {
  const path = segments.map(encodeURIComponent).join("/");
  return HOME.pathname + path + search(query);
}

/** Return a query string, which leaves out what is null, undefined or empty. */
export function search(query) {
  const given = Object.entries(query).filter(([, value]) => (value ?? "") !== "");
  const pairs = given.flatMap(([name, value]) =>
    [value].flat().map((each) => [name, String(each)]),
  );
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

/** Return where one is: the segments of the path below `/ui/`, and the query. */
export function here() {
  const below = location.pathname.slice(HOME.pathname.length).replace(/\/$/, "");
  return {
    segments: below === "" ? [] : below.split("/").map(decoded),
    query: Object.fromEntries(new URLSearchParams(location.search)),
  };
}

// A path of which a part is not UTF-8 is none that a link leads to; it is shown as it stands.
function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Return the path of the page that one is on, with some of its state changed. */
export function hereWith(changes) {
  const { segments, query } = here();
  return href(segments, { ...query, ...changes });
}

/**
 * Go to a page of the interface. With `replace` no step back leads to where one was: for state
 * that changes while one types or drags.
 */
export function go(path, { replace = false } = {}) {
  if (path === location.pathname + location.search) {
    return;
  }
  history[replace ? "replaceState" : "pushState"](null, "", path);
  listeners.forEach((listener) => listener());
}

/** Return where one is, anew whenever that changes. */
export function useHere() {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = () => setPlace(here());
    listeners.add(update);
    addEventListener("popstate", update);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", update);
    };
  }, []);
  return place;
}

/** Let links to pages of the interface change what is shown, without loading it again. */
export function followLinks(event) {
  const link = event.target.closest?.("a[href]");
  const isPlain =
    event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (
    !link ||
    !isPlain ||
    event.defaultPrevented ||
    link.target ||
    link.hasAttribute("download")
  ) {
    return;
  }
  const to = new URL(link.href);
  if (to.origin === location.origin && to.pathname.startsWith(HOME.pathname)) {
    event.preventDefault();
    go(to.pathname + to.search);
  }
}
