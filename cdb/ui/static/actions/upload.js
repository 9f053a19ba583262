// A file for the payload store of the service.

import { apiUrl } from "../service/api.js";
import { Field } from "../components/field.js";
import { WriteDialog } from "../components/write.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { href } from "../url.js";

export const UPLOAD = {
  name: "Upload a payload",
  meaning: "Keep a file of this type in the payload store",
  isOffered: ({ permissions, hasStore }) => permissions.has("payload.write") && hasStore,
  Dialog: UploadDialog,
};

/** Bytes above which a file is not read twice, to say with it what its digest is. */
const DIGESTED_AT_MOST = 256 * 2 ** 20;

/** Return the dialog for a payload of a type; `onClose` gets what was stored, or nothing. */
export function UploadDialog({ type, onClose }) {
  const [file, setFile] = useState(null);
  const [name, setName] = useState("");
  const [sent, setSent] = useState(0);
  const digest = useDigest(file);
  const stored = useRef();
  const choose = (chosen) => {
    setFile(chosen);
    setName(chosen?.name ?? "");
    setSent(0);
  };
  const write = file &&
    name.trim() &&
    digest.isKnown && {
      method: "PUT",
      url: apiUrl(["payloads", type, name.trim()]),
      body: file,
      headers: digest.headers,
      onProgress: setSent,
    };
  const done = (payload) => {
    stored.current = payload;
    return html`<${Stored} of=${payload} />`;
  };
  return html`<${WriteDialog}
    title=${`Upload a payload of type ${type}`}
    action="Upload"
    write=${write}
    isPlain
    done=${done}
    onClose=${() => onClose(stored.current)}
  >
    <${Field} name="file" label="File" type="file" required onInput=${choose} />
    <${Field}
      name="file_name"
      label="Name"
      hint="What it is called in the store."
      required
      spellcheck=${false}
      class="name"
      value=${name}
      onInput=${setName}
    />
    ${
      file &&
      html`<p class="quiet">
        ${file.size.toLocaleString("en")} bytes${
          digest.sha256 && html`, SHA-256 <code>${digest.sha256.slice(0, 16)} …</code>`
        }
      </p>`
    }
    ${sent > 0 && sent < 1 && html`<progress max="1" value=${sent} aria-label="Sent" />`}
  <//>`;
}

function Stored({ of }) {
  return html`<p>
    ${of.stored ? "Stored as" : "It was there already, as"}${" "}
    <a class="name" href=${href(["payloads", of.checksum])}>${of.payload_url}</a>
  </p>`;
}

// What the service compares with what arrives. Browsers compute it on https only.
function useDigest(file) {
  const [found, setFound] = useState({});
  useEffect(() => {
    let isWanted = true;
    digestOf(file).then((digest) => isWanted && setFound({ file, ...digest }));
    return () => {
      isWanted = false;
    };
  }, [file]);
  return found.file === file ? { ...found, isKnown: true } : { isKnown: false };
}

async function digestOf(file) {
  if (!file || !crypto.subtle || file.size > DIGESTED_AT_MOST) {
    return {};
  }
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const sha256 = Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
  const base64 = btoa(String.fromCharCode(...bytes));
  return { sha256, headers: { "Content-Digest": `sha-256=:${base64}:` } };
}
