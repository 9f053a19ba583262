// The point that one looks at: in numbers, or in the notation of a dimension; and the steps to
// where something else begins to be valid.

import { html, useEffect, useState } from "../html.js";
import { usePoint } from "../service/notation.js";
import { MAX, before, fromText, isCoordinate, isOpen, toText } from "../conditions/points.js";
import { go, hereWith } from "../url.js";

/**
 * Return the form. `at` is the point as the URL has it, `dimensions` are those of the types that
 * are looked at, and `span` is from where to where the answer at the point is the same one: null
 * until that is known.
 */
export function PointForm({ at, dimensions, span }) {
  const read = usePoint(at, dimensions);
  // What one types, until it is sent or the point is another one; else what the point is.
  const [typed, setTyped] = useState(null);
  const { major, minor, notation } = typed ?? written(at, read);
  const names = namesOf(dimensions);
  useEffect(() => setTyped(null), [at]);
  const isWrong = (text) => text !== "" && !isCoordinate(text);
  const submit = (event) => {
    event.preventDefault();
    const given = major === "" && minor === "" ? null : `${major || 0},${minor || 0}`;
    if (typed && !isWrong(major) && !isWrong(minor)) {
      go(hereWith({ at: notation || given }));
    }
  };
  const box = (name, field, value) => html`<label>${name}
    <input
      class="coordinate"
      inputmode="numeric"
      value=${value}
      aria-invalid=${isWrong(value) ? "true" : undefined}
      onInput=${(event) =>
        setTyped({ major, minor, [field]: event.target.value.trim(), notation: "" })}
    /></label>`;
  return html`<form class="point-form" onSubmit=${submit} aria-label="Valid here">
    ${box(names[0], "major", major)} ${box(names[1], "minor", minor)}
    <span class="quiet">or</span>
    <label>as ${dimensions.map((each) => each.name ?? "the service writes it").join(", ")}
      <input class="notation" value=${notation} spellcheck=${false} autocomplete="off"
        onInput=${(event) =>
          setTyped({ major: "", minor: "", notation: event.target.value.trim() })}
      /></label>
    <button type="submit" class="main">Valid here?</button>
    ${
      (isWrong(major) || isWrong(minor)) &&
      html`<span class="wrong" role="alert">A number has only digits, and is at most ${MAX}.</span>`
    }
    ${at && html`<${Steps} span=${span} />`}
  </form>`;
}

// A point in all three boxes, as far as it is known.
function written(at, { point, notation }) {
  return {
    major: point ? String(point.major) : "",
    minor: point ? String(point.minor) : "",
    notation: notation ?? (fromText(at) ? "" : at),
  };
}

// The names that a dimension gives to its two numbers, where there is one for all.
function namesOf(dimensions) {
  const named = dimensions.length === 1 ? dimensions[0].components : null;
  return named && !named.includes("none") ? named : ["major", "minor"];
}

function Steps({ span }) {
  const earlier = span && before(span.from);
  const later = span && !isOpen(span.until) ? span.until : null;
  // Not `disabled`: while the next answer is awaited, the focus stays where it is.
  const step = (to, text, why) =>
    html`<button
      type="button"
      aria-disabled=${to ? undefined : "true"}
      title=${why}
      onClick=${() => to && go(hereWith({ at: toText(to) }))}
    >
      ${text}
    </button>`;
  return html`<span class="steps">
    ${step(earlier, "‹ Earlier", "The last point before this, at which something else is valid")}
    ${step(later, "Later ›", "The next point at which something else is valid")}
    <button type="button" onClick=${() => go(hereWith({ at: null }))}>Clear</button>
  </span>`;
}
