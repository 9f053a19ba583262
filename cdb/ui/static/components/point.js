// The point that one looks at: in numbers, or in the notation of a dimension; and the steps to
// where something else begins to be valid.

import { html, useEffect, useState } from "../html.js";
import { MAX, before, fromText, isCoordinate, isOpen, toText } from "../points.js";
import { go, hereWith } from "../url.js";

/**
 * Return the form. `at` is the point as the URL has it, `dimensions` are those of the types that
 * are looked at, and `span` is from where to where the answer at the point is the same one.
 */
export function PointForm({ at, dimensions, span }) {
  const numbers = fromText(at);
  const [major, setMajor] = useState("");
  const [minor, setMinor] = useState("");
  const [notation, setNotation] = useState("");
  const names = namesOf(dimensions);
  useEffect(() => {
    setMajor(numbers ? String(numbers.major) : "");
    setMinor(numbers ? String(numbers.minor) : "");
    setNotation(numbers ? "" : at);
  }, [at]);
  const isWrong = (text) => text !== "" && !isCoordinate(text);
  const submit = (event) => {
    event.preventDefault();
    const given = major === "" && minor === "" ? null : `${major || 0},${minor || 0}`;
    if (!isWrong(major) && !isWrong(minor)) {
      go(hereWith({ at: notation || given }));
    }
  };
  const box = (name, value, set) => html`<label>${name}
    <input
      class="coordinate"
      inputmode="numeric"
      value=${value}
      aria-invalid=${isWrong(value) ? "true" : undefined}
      onInput=${(event) => {
        set(event.target.value.trim());
        setNotation("");
      }} /></label>`;
  return html`<form class="point-form" onSubmit=${submit} aria-label="Valid here">
    ${box(names[0], major, setMajor)} ${box(names[1], minor, setMinor)}
    <span class="quiet">or</span>
    <label>as ${dimensions.map((each) => each.name ?? "the service writes it").join(", ")}
      <input class="notation" value=${notation} spellcheck=${false} autocomplete="off"
        onInput=${(event) => {
          setNotation(event.target.value.trim());
          setMajor("");
          setMinor("");
        }} /></label>
    <button type="submit" class="main">Valid here?</button>
    ${
      (isWrong(major) || isWrong(minor)) &&
      html`<span class="wrong" role="alert">A number has only digits, and is at most ${MAX}.</span>`
    }
    ${at && html`<${Steps} span=${span} />`}
  </form>`;
}

// The names that a dimension gives to its two numbers, where there is one for all.
function namesOf(dimensions) {
  const named = dimensions.length === 1 ? dimensions[0].components : null;
  return named && !named.includes("none") ? named : ["major", "minor"];
}

function Steps({ span }) {
  const earlier = span && before(span.from);
  const later = span && !isOpen(span.until) ? span.until : null;
  const step = (to, text, why) =>
    html`<button
      type="button"
      disabled=${!to}
      title=${why}
      onClick=${() => go(hereWith({ at: toText(to) }))}
    >
      ${text}
    </button>`;
  return html`<span class="steps">
    ${step(earlier, "‹ Earlier", "The last point before this, at which something else is valid")}
    ${step(later, "Later ›", "The next point at which something else is valid")}
    <button type="button" onClick=${() => go(hereWith({ at: null }))}>Clear</button>
  </span>`;
}
