// A new payload type.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useRef, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { plugins } from "../service/questions.js";
import { href } from "../url.js";

/** Return the dialog; `onClose` gets the type that was made, or nothing. */
export function CreateTypeDialog({ onClose }) {
  const [given, setGiven] = useState({ name: "", dimension: "", validator: "", description: "" });
  const installed = useLoaded(plugins, []);
  const made = useRef();
  const filled = Object.entries(given).map(([name, value]) => [name, value.trim()]);
  const body = Object.fromEntries(filled.filter(([, value]) => value !== ""));
  const done = (type) => {
    made.current = type;
    return html`<p><a href=${href(["types", type.name])}>${type.name}</a> is there.</p>`;
  };
  const field = (name, label, more, children) => html`<${Field}
    name=${name}
    label=${label}
    value=${given[name]}
    onInput=${(value) => setGiven({ ...given, [name]: value })}
    ...${more}
  >${children}<//>`;
  const choice = (name, label, kind) =>
    field(name, label, { as: "select" }, [
      html`<option value="">as the service decides</option>`,
      ...(installed.data ?? [])
        .filter((each) => each.kind === kind && each.state === "enabled")
        .map((each) => html`<option key=${each.name} value=${each.name}>${each.name}</option>`),
    ]);
  return html`<${WriteDialog}
    title="Create a payload type"
    action="Create"
    write=${body.name && { method: "POST", url: apiUrl(["payload-types"]), body }}
    done=${done}
    onClose=${() => onClose(made.current)}
  >
    ${field("name", "Name", { required: true, spellcheck: false })}
    ${choice("dimension", "Points are written as", "iov_dimension")}
    ${choice("validator", "Validator", "payload_validator")}
    ${field("description", "Description", { as: "textarea", rows: "2" })}
  <//>`;
}
