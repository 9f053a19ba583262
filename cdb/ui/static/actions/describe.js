// What a global tag says of itself.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";

export const DESCRIBE = {
  name: "Edit description",
  meaning: "Change its description and its contact",
  // The service takes another description of a closed tag, too; here what is final looks final.
  isOffered: ({ permissions, mode }) => permissions.has("tag.write") && mode !== "closed",
  Dialog: DescribeDialog,
};

function DescribeDialog({ tag, about, etag, onClose }) {
  const [description, setDescription] = useState(about.description ?? "");
  const [contact, setContact] = useState(about.contact ?? "");
  const changed = Object.fromEntries(
    Object.entries({ description, contact })
      .map(([name, value]) => [name, value.trim() || null])
      .filter(([name, value]) => value !== about[name]),
  );
  const write = Object.keys(changed).length > 0 && {
    method: "PATCH",
    url: apiUrl(["global-tags", tag]),
    body: changed,
    ifMatch: etag,
  };
  return html`<${WriteDialog}
    title=${`Edit the description of ${tag}`}
    action="Save"
    tag=${tag}
    write=${write}
    preview=${() => html`<${Preview} of=${changed} about=${about} />`}
    onClose=${onClose}
  >
    <${Field}
      name="description"
      label="Description"
      as="textarea"
      rows="3"
      value=${description}
      onInput=${setDescription}
    />
    <${Field} name="contact" label="Contact" value=${contact} onInput=${setContact} />
  <//>`;
}

function Preview({ of, about }) {
  return Object.entries(of).map(
    ([name, value]) => html`<p key=${name}>
      Its ${name}: <del>${about[name] ?? "none"}</del> <ins>${value ?? "none"}</ins>
    </p>`,
  );
}
