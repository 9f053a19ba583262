// The colours of a picture are those of its legend: the style sheet says each of them once.

/** Return the colours that the swatches inside of an element have, by their names. */
export function coloursOf(element) {
  const swatches = [...element.querySelectorAll("[data-colour]")];
  return Object.fromEntries(
    swatches.map((each) => [each.dataset.colour, packed(getComputedStyle(each).color)]),
  );
}

/** Return a colour for the canvas. */
export function css(colour) {
  return `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
}

/** Return a colour between two others: `part` of the way from the first. */
export function between(a, b, part) {
  const mixed = [0, 8, 16].map((shift) =>
    Math.round(((a >> shift) & 255) * (1 - part) + ((b >> shift) & 255) * part),
  );
  return join(mixed);
}

// As a pixel of image data has it: red in the lowest byte.
function packed(text) {
  return join(text.match(/[\d.]+/g).map(Number));
}

function join([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
