// A field of a form, with its hint, and what the service says is wrong with it.

import { createContext, html, useContext, useId } from "../html.js";

/** The messages of the service by the names of fields; `WriteDialog` gives them to its fields. */
export const Messages = createContext({});

/**
 * Return a labelled field. `name` is that of the API, so that its messages find it, and so do those
 * of `others`, what else of the API the field stands for; `onInput` gets the value, of a field with
 * `type="file"` the file or null. `as` is another element than an input, such as `select`, whose
 * options are the children; whatever else is given is an attribute.
 */
export function Field({
  name,
  others = [],
  label,
  hint,
  as: Element = "input",
  onInput,
  children,
  ...rest
}) {
  const id = useId();
  const given = useContext(Messages);
  const messages = [name, ...others].flatMap((each) => given[each] ?? []).map(withoutRow);
  const isFile = rest.type === "file";
  const change = ({ target }) => onInput(isFile ? (target.files[0] ?? null) : target.value);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <${Element}
      id=${id}
      name=${name}
      autocomplete="off"
      aria-describedby=${`${id}-hint ${id}-wrong`}
      aria-invalid=${messages.length ? "true" : undefined}
      onInput=${change}
      ...${rest}
    >${children}<//>
    <span class="quiet" id=${`${id}-hint`}>${hint}</span>
    <span class="wrong" id=${`${id}-wrong`}>${messages.join(" ")}</span>
  </div>`;
}

// A form sends one row where the API takes many, so that it is not named here.
function withoutRow(message) {
  return message.replace(/^row 0: /, "");
}
