// How one writes: a dialog that asks why, shows first what would change, then does it, and at the
// end leads to the change that it made.
//
//   html`<${WriteDialog}
//     title="Edit CMS_2017"
//     action="Save"
//     tag="CMS_2017"
//     write=${{ method: "PATCH", url, body: { contact }, ifMatch: etag }}
//     preview=${(body) => html`<p>Its contact will be ${body.contact}.</p>`}
//     onClose=${close}
//   >
//     <${Field} name="contact" label="Contact" value=${contact} onInput=${setContact} />
//   <//>`

import { html, useLayoutEffect, useRef, useState } from "../html.js";
import { href } from "../url.js";
import { useWriting } from "../service/writing.js";
import { differenceOf } from "./changes.js";
import { Dialog } from "./dialog.js";
import { Field, Messages } from "./field.js";
import { Failure } from "./states.js";
import { Trial } from "./trial.js";

const IN_DOUBT = "It may have been done, or not. Sent again from here, it is done once.";

/**
 * Return the dialog, open.
 *
 * `title` says what is to be done, and `action` is the word on the button that does it. `write` is
 * what is sent: `method`, `url`, and where needed `body`, `ifMatch` and `headers`, as `send` of
 * api.js takes them; or null while the fields do not say it yet. The fields are the children.
 * `preview(answer)` shows what the dry run answered, above what would change in general, and
 * `done(body, change)` what was done. `tag` is the global tag whose history the change is in, or a
 * function of the answer that returns it. What `isPlain` is done at once, without being tried.
 * `dimensions` are those in whose notation points are shown.
 *
 * What was tried is done only as it was tried: another value in a field is tried again, and where
 * the answer of the dry run has an ETag, nothing may have come between. When it is done, the page
 * behind asks again for all that it shows. `onClose` is called when the dialog is left; the focus
 * is then where it was.
 */
export function WriteDialog({
  title,
  action,
  write,
  tag,
  preview = () => null,
  done = () => null,
  isPlain = false,
  dimensions = [],
  onClose,
  children,
}) {
  const [reason, setReason] = useState("");
  const { isBusy, trial, failure, result, submit } = useWriting(write, reason, isPlain);
  const form = (leave) => html`<form onSubmit=${submit} aria-busy=${String(Boolean(isBusy))}>
    <${Messages.Provider} value=${failure?.fields ?? {}}>
      ${children}
      <${Field}
        name="reason"
        label="Reason"
        hint="It stands in the change log."
        required
        pattern=".*\\S.*"
        maxlength="10000"
        value=${reason}
        onInput=${setReason}
      />
    <//>
    <div role="status">
      ${
        trial &&
        html`<div class="preview" ref=${intoView}>
          <p class="notice-title">This would be done</p>
          ${preview(trial.body.answer)}
          <${Trial} of=${trial.body} dimensions=${dimensions} />
          <p class="quiet">Nothing has been written yet.</p>
        </div>`
      }
    </div>
    ${failure && html`<${Failure} error=${failure} />`}
    ${failure?.isInDoubt && html`<p>${IN_DOUBT}</p>`}
    <div class="dialog-actions">
      <button type="button" onClick=${leave}>Cancel</button>
      <button type="submit" class="main" disabled=${!write}>
        ${trial || isPlain ? action : "Preview"}
      </button>
    </div>
  </form>`;
  return html`<${Dialog} title=${title} onClose=${onClose}>${(leave) =>
    result
      ? html`<${Result} of=${result} tag=${tag} leave=${leave}>${done(result.body, result.change)}<//>`
      : form(leave)}
  <//>`;
}

// What is below the edge of the dialog would not be seen.
function intoView(element) {
  element?.scrollIntoView({ block: "nearest" });
}

function Result({ of: { body, change, isSeen }, tag, leave, children }) {
  const heading = useRef(null);
  useLayoutEffect(() => heading.current.focus(), []);
  const name = typeof tag === "function" ? tag(body) : tag;
  const links = change && name;
  return html`<div>
    <p class="notice-title" role="status" tabindex="-1" ref=${heading}>
      ${change ? `Done: change ${change}` : "Nothing had to be changed"}
    </p>
    ${children}
    ${
      links &&
      html`<p onClick=${leave}>
        <a href=${href(["global-tags", name], { as_of: change })}>${name} as of this change</a>,
        ${isSeen && html`${" "}<a href=${differenceOf(name, change)}>what it changed</a>,`}
        ${" "}<a href=${href(["global-tags", name, "history"])}>its history</a>
      </p>`
    }
    <div class="dialog-actions"><button type="button" class="main" onClick=${leave}>Close</button></div>
  </div>`;
}
