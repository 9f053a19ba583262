// As of when one looks: a slider through the changes of a global tag or of a payload list.

import { apiUrl, get } from "../service/api.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { go, hereWith } from "../url.js";
import { Icon } from "./icons.js";
import { Moment } from "./moment.js";
import { Loaded } from "./states.js";

const MOST_CHANGES = 1000;

/**
 * Return the slider of a tag, or of what has its history below another `path` of the API; `asOf` is
 * the change or the time in the URL, or nothing for now.
 */
export function AsOf({ tag, path = ["global-tags", tag], asOf }) {
  const url = apiUrl([...path, "history"], { order: "desc", limit: MOST_CHANGES, light: 1 });
  const history = useLoaded((signal) => get(url, { signal }), [url]);
  return html`<${Loaded} of=${history} what="its changes">
    ${(page) => html`<${Slider} changes=${page.changes.toReversed()} asOf=${asOf} />`}
  <//>`;
}

function Slider({ changes, asOf }) {
  const index = asOf ? lastBy(changes, asOf) : changes.length - 1;
  const seen = changes[index];
  const choose = (event) => {
    const chosen = Number(event.target.value);
    const isNow = chosen === changes.length - 1;
    go(hereWith({ as_of: isNow ? null : changes[chosen].change }), { replace: true });
  };
  const backToNow = () => go(hereWith({ as_of: null }));
  return html`<div class="asof ${asOf ? "is-past" : ""}">
    ${
      seen &&
      html`<label><span><${Icon} name="clock" />As of</span>
      <input
        type="range"
        min="0"
        max=${changes.length - 1}
        value=${index}
        aria-valuetext=${textOf(seen)}
        onInput=${choose}
      /></label>`
    }
    <output>${
      asOf
        ? html`<strong>as of ${asOf}</strong>: ${seen ? said(seen) : "before all that is listed here"}`
        : html`now: ${said(seen)}`
    }</output>
    ${asOf && html`<button type="button" onClick=${backToNow}>Back to now</button>`}
  </div>`;
}

// The index of the last change that was made by then; -1 where there is none.
function lastBy(changes, asOf) {
  const isNumber = /^\d+$/.test(asOf);
  const isBy = (each) =>
    isNumber ? each.change <= Number(asOf) : new Date(each.at) <= new Date(asOf);
  return changes.findLastIndex(isBy);
}

function said(change) {
  return html`change ${change.change}, ${change.action}${" "}
    <span class="name">${change.object_name}</span> by ${change.actor},${" "}
    <${Moment} at=${change.at} />`;
}

function textOf(change) {
  return `change ${change.change}, ${change.action} ${change.object_name} by ${change.actor}`;
}
