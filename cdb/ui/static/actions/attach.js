// A payload list that a global tag gets, in place of the one that it has of that type.

import { apiUrl, get } from "../service/api.js";
import { Field } from "../components/field.js";
import { Failure } from "../components/states.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { CreateListDialog } from "./create-list.js";

export const ATTACH = {
  name: "Attach a list",
  meaning: "Let it hold a payload list, in place of the one of that type",
  isOffered: ({ permissions }) => permissions.has("list.attach"),
  Dialog: AttachDialog,
};

const SHOWN = 20;

function AttachDialog({ tag, lists, permissions, onClose }) {
  const [typed, setTyped] = useState("");
  const [chosen, choose] = useState("");
  const [isCreating, setCreating] = useState(false);
  const found = useLoaded((signal) => get(searchUrl(typed), { signal }), [typed]);
  const others = (found.data?.results ?? []).filter((each) => each.global_tag !== tag);
  const list = others.find((each) => each.name === chosen);
  const created = (made) => {
    setCreating(false);
    if (made) {
      setTyped(made.name);
      choose(made.name);
    }
  };
  const write = list && {
    method: "PUT",
    url: apiUrl(["payload-lists", "attach"]),
    body: { global_tag: tag, payload_list: list.name },
  };
  return html`<${WriteDialog}
      title=${`Attach a list to ${tag}`}
      action="Attach"
      tag=${tag}
      write=${write}
      preview=${() => html`<${Preview} tag=${tag} list=${list} lists=${lists} />`}
      onClose=${onClose}
    >
      <${Field}
        name="search"
        label="Find"
        hint="A part of the name of a list, of its type or of its global tag."
        type="search"
        spellcheck=${false}
        value=${typed}
        onInput=${setTyped}
      />
      ${found.error && html`<${Failure} error=${found.error} retry=${found.retry} />`}
      <${Field}
        name="payload_list"
        label="Payload list"
        as="select"
        size="6"
        required
        value=${chosen}
        hint=${saidOf(found, others)}
        onInput=${choose}
      >
        ${others.map(
          (each) => html`<option key=${each.name} value=${each.name}>${optionOf(each)}</option>`,
        )}
      <//>
      ${
        permissions.has("list.create") &&
        html`<p>
          <button type="button" onClick=${() => setCreating(true)}>Make a new list …</button>
        </p>`
      }
    <//>
    ${isCreating && html`<${CreateListDialog} permissions=${permissions} onClose=${created} />`}`;
}

function searchUrl(typed) {
  const page = { page: 1, page_size: SHOWN, sort: "payload_type", search: typed.trim() };
  return apiUrl(["payload-lists"], page);
}

function optionOf({ name, payload_type: type, global_tag: tag, iov_count: count }) {
  return `${name} (${type}), ${tag === null ? "in no tag" : `in ${tag}`}, ${count} payload IOVs`;
}

function saidOf({ data, isWaiting }, others) {
  if (isWaiting || !data) {
    return "";
  }
  if (!others.length) {
    return "No other payload list is called like that.";
  }
  return data.count > SHOWN ? `The first ${SHOWN} of ${data.count}.` : "";
}

function Preview({ tag, list, lists }) {
  const replaced = lists.find((each) => each.payload_type === list.payload_type);
  const name = (text) => html`<span class="name">${text}</span>`;
  return html`<p>
    ${name(list.name)} is attached to ${name(tag)}
    ${replaced ? html` in place of ${name(replaced.name)}, which is in no tag from then on` : ""}
    ${list.global_tag === null ? "." : html`, and taken out of ${name(list.global_tag)}.`}
  </p>`;
}
