// A new global tag.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";
import { href } from "../url.js";

/** Return the dialog. */
export function CreateTagDialog({ onClose }) {
  const [given, setGiven] = useState({ name: "", description: "", contact: "", author: "" });
  const filled = Object.entries(given).filter(([, value]) => value.trim() !== "");
  const body = Object.fromEntries(filled.map(([name, value]) => [name, value.trim()]));
  const field = (name, label, more) => html`<${Field}
    name=${name}
    label=${label}
    value=${given[name]}
    onInput=${(value) => setGiven({ ...given, [name]: value })}
    ...${more}
  />`;
  return html`<${WriteDialog}
    title="Create a global tag"
    action="Create"
    tag=${(made) => made.name}
    write=${body.name && { method: "POST", url: apiUrl(["gt"]), body }}
    preview=${(made) => html`<p>An empty global tag <span class="name">${made.name}</span>.</p>`}
    done=${(made) => html`<p><a href=${href(["global-tags", made.name])}>${made.name}</a> is there.</p>`}
    onClose=${onClose}
  >
    ${field("name", "Name", { required: true, spellcheck: false })}
    ${field("description", "Description", { as: "textarea", rows: "2" })}
    ${field("author", "Author")} ${field("contact", "Contact")}
  <//>`;
}
