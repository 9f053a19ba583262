// What is in a payload, as a plugin of the service shows it: texts, tables and pictures.

import { apiUrl, get } from "../service/api.js";
import { html, useEffect, useId, useState } from "../html.js";
import { useLoaded } from "../service/load.js";
import { jsonText } from "./json.js";
import { Empty, Loaded } from "./states.js";

const IS_NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** Return the preview of a stored payload, which some plugin shows by its name. */
export function Preview({ checksum }) {
  const url = apiUrl(["payloads", checksum, "preview"]);
  const found = useLoaded((signal) => get(url, { signal }), [url]);
  // That a file is not what its name says is a fact about the file, not a failure.
  if (found.error?.code === "not-found") {
    return html`<${Empty} title="No preview">${found.error.message}<//>`;
  }
  return html`<${Loaded} of=${found} what="the preview">
    ${(preview) => html`<div class="parts">
      ${[preview, ...preview.parts].map((part, index) => html`<${Part} key=${index} of=${part} />`)}
    </div>`}
  <//>`;
}

function Part({ of }) {
  const id = useId();
  const Kind = { text: Text, table: Cells, svg: Picture }[of.kind];
  return html`<section class="part part-${of.kind}" aria-labelledby=${of.title && id}>
    ${of.title && html`<h3 id=${id}>${of.title}</h3>`}
    ${of.description && html`<p class="said quiet">${of.description}</p>`}
    <${Kind} of=${of} />
    ${of.is_truncated && html`<p class="cut">This is only the beginning: there is more in the file.</p>`}
  </section>`;
}

function Text({ of: { content, title } }) {
  return html`<pre class="preview-text" tabindex="0" role="region" aria-label=${title || "Text"}>
    ${jsonText(content) ?? content}</pre>`;
}

// The first row is the header. A column of numbers alone is set to the right.
function Cells({ of: { content, title } }) {
  const [header = [], ...rows] = content;
  const caption = title || "Table";
  const kinds = header.map((_, index) =>
    rows.every((row) => IS_NUMBER.test(row[index] ?? "0")) ? "number" : "name",
  );
  const cellsOf = (row) => row.map((cell, index) => html`<td class=${kinds[index]}>${cell}</td>`);
  return html`<div class="table-frame preview-table" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="unseen">${caption}</caption>
      <thead>
        <tr>
          ${header.map((cell, index) => html`<th scope="col" class=${kinds[index]}>${cell}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<tr>${cellsOf(row)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}

// As an image an SVG runs no script and loads nothing, whatever is in it.
function Picture({ of: { content, title, description } }) {
  const url = useBlob(content, "image/svg+xml");
  return url && html`<img class="picture" src=${url} alt=${description || title || "Picture"} />`;
}

function useBlob(content, type) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([content], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content, type]);
  return url;
}
