// The history of a global tag: every change of it, the newest first.

import { API, apiUrl, get } from "../api.js";
import { cdbOf } from "../commands.js";
import { Changes, changeColumns } from "../components/changes.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Empty, Loaded } from "../components/states.js";
import { CsvLink } from "../components/table.js";
import { html } from "../html.js";
import { useLoaded } from "../load.js";
import { hereWith, href } from "../url.js";

const LIMIT = 100;

export function HistoryPage({ tag, query }) {
  const { before = "" } = query;
  const url = apiUrl(["global-tags", tag, "history"], { order: "desc", limit: LIMIT, before });
  const history = useLoaded((signal) => get(url, { signal }), [url]);
  return html`
    <${Heading} title=${`History of ${tag}`} kicker="Global tag" actions=${html`
      <${CopyAs} url=${url} cli=${cdbOf(["gt", "history", tag], API)} />
      <${CsvLink}
        name=${`${tag}-history`}
        columns=${changeColumns(tag)}
        rows=${history.data?.changes ?? []}
      />
      <a class="button" href=${url}>JSON</a>
      <a class="button" href=${href(["global-tags", tag])}>The tag</a>`} />
    <p class="lead">Nothing is overwritten. A change leads to the tag as it was after it.</p>
    <${Loaded} of=${history} what="the history">${({ changes }) => html`
      ${
        changes.length
          ? html`<${Changes} changes=${changes} caption=${`Changes of ${tag}`} tag=${tag} />`
          : html`<${Empty} title="No earlier changes">
              This is where the history begins.${" "}
              <a href=${hereWith({ before: null })}>Show the newest</a>
            <//>`
      }
      <nav class="pager" aria-label="Pages">
        ${before && html`<a class="button" href=${hereWith({ before: null })}>← Newest</a>`}
        ${
          changes.length === LIMIT &&
          html`<a class="button" href=${hereWith({ before: changes.at(-1).change })}>Earlier →</a>`
        }
      </nav>`}
    <//>`;
}
