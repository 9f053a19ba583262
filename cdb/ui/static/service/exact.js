// JSON with every integer as it was sent. JSON.parse rounds what lies above 2**53, and an
// interval without an end ends at 2**63-1.

// A string, or a number; both whole, so that digits inside of a string are not taken for one.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const LONG_INTEGER = /^-?\d{16,}$/;

// In front of an integer on its way through JSON.parse. Drawn for each page, so that no text of
// an answer can begin with it.
const MARK = Array.from(crypto.getRandomValues(new Uint32Array(4)), (each) =>
  each.toString(36),
).join("-");

/**
 * Return the value of a JSON text. Integers that a number cannot hold come as BigInt, all others
 * as numbers.
 *
 * Throws SyntaxError where the text is not JSON.
 */
export function parse(text) {
  let isMarked = false;
  const marked = text.replace(TOKEN, (token) => {
    if (!LONG_INTEGER.test(token)) {
      return token;
    }
    isMarked = true;
    return `"${MARK}${token}"`;
  });
  // Without long integers the usual way is right, and far quicker than one that looks at each value.
  return isMarked ? JSON.parse(marked, revived) : JSON.parse(text);
}

function revived(_key, value) {
  if (typeof value !== "string" || !value.startsWith(MARK)) {
    return value;
  }
  const exact = BigInt(value.slice(MARK.length));
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** Return a value as JSON, with integers as they are; the counterpart of `parse`. */
export function stringify(value, indent = 0) {
  const text = JSON.stringify(
    value,
    (_key, each) => (typeof each === "bigint" ? `${MARK}${each}` : each),
    indent,
  );
  return text.replaceAll(new RegExp(`"${MARK}(-?\\d+)"`, "g"), "$1");
}
