// A new payload list, and where its type is new, too, that.

import { apiUrl, get } from "../service/api.js";
import { Field } from "../components/field.js";
import { ENDS } from "../components/intervals.js";
import { WriteDialog } from "../components/write.js";
import { html, useRef, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { href } from "../url.js";
import { CreateTypeDialog } from "./create-type.js";

export const CREATE_LIST = {
  name: "Create a payload list",
  meaning: "An empty list of this type, to be filled and attached",
  isOffered: ({ permissions }) => permissions.has("list.create"),
  Dialog: CreateListDialog,
};

const MOST_TYPES = 1000;

/** Return the dialog, for a type or any; `onClose` gets the list that was made, or nothing. */
export function CreateListDialog({ type = "", permissions, onClose }) {
  const [given, setGiven] = useState({ payload_type: type, ends: "", description: "" });
  const [isNew, setNew] = useState(false);
  const types = useLoaded((signal) => (type ? Promise.resolve([]) : load(signal)), [type]);
  const made = useRef();
  const fill = (changes) => setGiven((before) => ({ ...before, ...changes }));
  const filled = Object.entries(given).filter(([, value]) => value.trim() !== "");
  const body = Object.fromEntries(filled);
  const done = (list) => {
    made.current = list;
    return html`<p>
      <a class="name" href=${href(["lists", list.name])}>${list.name}</a> is there, and empty.
    </p>`;
  };
  const typeMade = (one) => {
    setNew(false);
    types.retry();
    fill({ payload_type: one?.name ?? given.payload_type });
  };
  return html`<${WriteDialog}
      title=${type ? `Create a payload list of type ${type}` : "Create a payload list"}
      action="Create"
      write=${given.payload_type && { method: "POST", url: apiUrl(["payload-lists"]), body }}
      preview=${(list) => html`<p>An empty list <span class="name">${list.name}</span>, in no tag.</p>`}
      done=${done}
      onClose=${() => onClose(made.current)}
    >
      ${
        !type &&
        html`<${Field} name="payload_type" label="Payload type" as="select" required
          value=${given.payload_type} onInput=${(name) => fill({ payload_type: name })}>
          <option value="">Choose …</option>
          ${(types.data ?? []).map(
            ({ name }) => html`<option key=${name} value=${name}>${name}</option>`,
          )}
        <//>`
      }
      ${
        !type &&
        permissions.has("type.create") &&
        html`<p><button type="button" onClick=${() => setNew(true)}>Make a new type …</button></p>`
      }
      <${Field} name="ends" label="What has no end holds" as="select" value=${given.ends}
        onInput=${(ends) => fill({ ends })}>
        <option value="">as the service decides</option>
        ${Object.entries(ENDS).map(
          ([ends, words]) => html`<option key=${ends} value=${ends}>${words}</option>`,
        )}
      <//>
      <${Field} name="description" label="Description" as="textarea" rows="2"
        value=${given.description} onInput=${(description) => fill({ description })} />
    <//>
    ${isNew && html`<${CreateTypeDialog} onClose=${typeMade} />`}`;
}

async function load(signal) {
  const page = { page: 1, page_size: MOST_TYPES, sort: "name" };
  return (await get(apiUrl(["payload-types"], page), { signal })).results;
}
