// A new global tag.

import { apiUrl } from "../api.js";
import { Field } from "../components/field.js";
import { Icon } from "../components/icons.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";
import { useLoaded } from "../load.js";
import { whoami } from "../service.js";
import { useSession } from "../session.js";
import { href } from "../url.js";

/** Return the button that makes a global tag; nothing for those who may not. */
export function CreateTag() {
  const { token } = useSession();
  const who = useLoaded((signal) => whoami(signal), [token]);
  const [isOpen, setOpen] = useState(false);
  return html`
    ${
      who.data?.permissions.includes("tag.create") &&
      html`<button type="button" aria-haspopup="dialog" onClick=${() => setOpen(true)}>
        <${Icon} name="edit" />Create
      </button>`
    }
    ${isOpen && html`<${CreateDialog} onClose=${() => setOpen(false)} />`}`;
}

function CreateDialog({ onClose }) {
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
