// A payload that becomes valid from one point to another: in a payload list, or in the list that a
// global tag has of a type. What it cuts is shown before it is done.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { fromText, isCoordinate } from "../conditions/points.js";
import { about as aboutService } from "../service/questions.js";
import { here, href } from "../url.js";
import { UploadDialog } from "./upload.js";

export const INSERT = {
  name: "Insert a payload",
  meaning: "Let a payload be valid from a point on; what it cuts is shown first",
  isOffered: ({ permissions, hasLists }) => permissions.has("iov.attach") && hasLists,
  Dialog: InsertDialog,
};

const ENDS = {
  explicit: "Without one, it is valid for ever.",
  "next-start": "Without one, it is valid until the next start.",
};

// What the API calls the two points, where they are numbers.
const STARTS = ["major_iov", "minor_iov"];
const STOPS = ["major_iov_end", "minor_iov_end"];

const NOTHING = { payload_url: "", checksum: "", size: "", revision: "", end: "" };

/**
 * Return the dialog. `lists` are those that a payload can go into; `tag` is the global tag that they
 * are in, or null. `dimensions` are those of their types.
 */
function InsertDialog({ tag, lists, dimensions, permissions, onClose }) {
  const { at = "", lane = "" } = here().query;
  const [given, setGiven] = useState({ ...NOTHING, begin: at, list: chosenOf(lists, lane) });
  const [isUploading, setUploading] = useState(false);
  const service = useLoaded(aboutService, []);
  const list = lists.find((each) => each.name === given.list);
  const fill = (changes) => setGiven((before) => ({ ...before, ...changes }));
  const field = (name, label, more) => html`<${Field}
    name=${name}
    label=${label}
    value=${given[name]}
    onInput=${(value) => fill({ [name]: value })}
    spellcheck=${false}
    ...${more}
  />`;
  const stored = (payload) => {
    setUploading(false);
    if (payload) {
      const { payload_url: url, checksum, size, revision } = payload;
      fill({ payload_url: url, checksum, size: String(size), revision: revision ?? "" });
    }
  };
  const hint = hintOf(dimensions);
  return html`<${WriteDialog}
      title=${tag ? `Insert a payload into ${tag}` : `Insert a payload into ${given.list}`}
      action="Insert"
      tag=${tag}
      write=${writeOf(given)}
      dimensions=${dimensions}
      done=${(_, change) => html`<${Changed} list=${given.list} change=${change} />`}
      onClose=${onClose}
    >
      ${
        lists.length > 1 &&
        html`<${Field} name="payload_type" label="Payload type" as="select" required
          value=${given.list} onInput=${(name) => fill({ list: name })}>
          <option value="">Choose …</option>
          ${lists.map(
            (each) => html`<option key=${each.name} value=${each.name}>
              ${each.payload_type} (${each.name})
            </option>`,
          )}
        <//>`
      }
      ${
        service.data?.payload_store &&
        permissions.has("payload.write") &&
        html`<p>
          <button type="button" disabled=${!list} onClick=${() => setUploading(true)}>
            Upload a file …
          </button>
          <span class="quiet"> or name a payload that is somewhere already:</span>
        </p>`
      }
      <div class="field-row">
        ${field("payload_url", "Payload URL", { required: true, class: "name", others: ["payload"] })}
        ${field("checksum", "Checksum", { required: true, class: "name" })}
      </div>
      <div class="field-row">
        ${field("begin", "Valid from", { required: true, class: "name", hint, others: STARTS })}
        ${field("end", "Until", { class: "name", hint: list && ENDS[list.ends], others: STOPS })}
      </div>
      <div class="field-row">
        ${field("size", "Size in bytes", { inputmode: "numeric", pattern: "[0-9]*" })}
        ${field("revision", "Revision")}
      </div>
    <//>
    ${isUploading && html`<${UploadDialog} type=${list.payload_type} onClose=${stored} />`}`;
}

function Changed({ list, change }) {
  return html`<p>
    <a class="name" href=${href(["lists", list], { as_of: change })}>${list}</a> as of this change
  </p>`;
}

function chosenOf(lists, lane) {
  const [only] = lists;
  return (lists.find((each) => each.payload_type === lane) ?? (lists.length === 1 && only)).name ?? "";
}

function hintOf(dimensions) {
  const names = dimensions.map((each) => each.name ?? "the service writes it").join(", ");
  return `As major,minor or as ${names}.`;
}

function writeOf({ list, begin, end, size, ...payload }) {
  const texts = trimmed(payload);
  if (!list || !begin.trim() || !texts.payload_url || !texts.checksum) {
    return null;
  }
  const row = { ...texts, ...pointOf(begin, "begin", ""), ...pointOf(end, "end", "_end") };
  const sized = isCoordinate(size.trim()) ? { ...row, size: BigInt(size.trim()) } : row;
  return { method: "POST", url: apiUrl(["payload-lists", list, "iovs"]), body: [sized] };
}

function trimmed(texts) {
  const filled = Object.entries(texts).map(([name, text]) => [name, text.trim()]);
  return Object.fromEntries(filled.filter(([, text]) => text !== ""));
}

// As numbers, or in the notation of the dimension; nothing where it is not given.
function pointOf(text, notation, suffix) {
  const at = text.trim();
  const numbers = fromText(at);
  if (numbers) {
    return { [`major_iov${suffix}`]: numbers.major, [`minor_iov${suffix}`]: numbers.minor };
  }
  return at === "" ? {} : { [notation]: at };
}
