// A point as the URL has it, in numbers and in the notation of a dimension: the service knows
// both.

import { apiUrl, get } from "./api.js";
import { useLoaded } from "./load.js";
import { fromText, point } from "../conditions/points.js";

// What a notation means never changes: it is asked for once.
const known = new Map();

/**
 * Return the `point` that a text names, as soon as that is known, and its `notation`; both are
 * null until then, and where it names none. `dimensions` are those of the types that are looked at.
 */
export function usePoint(at, dimensions) {
  const dimension = dimensions.length === 1 ? dimensions[0].name : null;
  const { data } = useLoaded(() => read(at, dimension), [at, dimension]);
  const isAnswer = data?.at === at;
  return {
    point: fromText(at) ?? (isAnswer ? data.point : null),
    notation: isAnswer ? data.notation : null,
  };
}

// Not given up with the page: others wait for it, too.
function read(at, dimension) {
  const url = apiUrl(["points"], { at, dimension });
  if (at && !known.has(url)) {
    const asked = get(url).then(([{ major, minor, notation }]) => ({
      at,
      point: point(major, minor),
      notation,
    }));
    known.set(url, asked);
    asked.catch(() => known.delete(url));
  }
  return known.get(url) ?? Promise.resolve(null);
}
