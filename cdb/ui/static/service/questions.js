// What several pages ask of the service, by the names of what they get.

import { apiUrl, ask, get, serviceUrl } from "./api.js";
import { fromText } from "../conditions/points.js";

/** Return the name and the version of the service, and where things are. */
export function about(signal) {
  return get(serviceUrl(""), { signal });
}

/** Return whether the service is in order, also where it is not. */
export function ready(signal) {
  return get(serviceUrl("health/ready"), { signal, accepted: [503] });
}

/** Return the plugins. */
export function plugins(signal) {
  return get(apiUrl(["plugins"]), { signal });
}

/** Return dimensions by their names, each once, with what its two numbers are called. */
export function dimensionsNamed(names, installed) {
  return [...new Set(names)].map((name) => ({
    name,
    components: installed.find((each) => each.name === name)?.components ?? null,
  }));
}

/** Return the statuses that global tags can have. */
export function statuses(signal) {
  return get(apiUrl(["gtstatus"]), { signal });
}

/**
 * Return who the service takes one for, and what one may do somewhere; with `tag` also what of that
 * one may do `there`. `token` is another one than that of the session.
 */
export async function whoami(signal, { tag, token } = {}) {
  const url = apiUrl(["whoami"], { global_tag: tag });
  return (await ask(url, { signal, token, isSigned: true })).body;
}

/**
 * Return from where to where the answer at a point is the same, as its headers say: null where
 * they name no such part, or several.
 */
export function spanOf(headers) {
  const [from, until] = ["CDB-Valid-From", "CDB-Valid-Until"].map((name) =>
    fromText(headers.get(name) ?? ""),
  );
  return from && until ? { from, until } : null;
}
