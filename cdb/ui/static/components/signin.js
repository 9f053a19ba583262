// Who one is: a button at the top of every page, and the dialog behind it, where one signs in with
// a token, sees what one may do, and signs out.

import { html, useState } from "../html.js";
import { reload, useLoaded } from "../service/load.js";
import { whatOneMayDo } from "../service/permissions.js";
import { whoami } from "../service/questions.js";
import { IS_OVERHEARD, askToSignIn, signIn, signOut, tokenIn, useSession } from "../service/session.js";
import { here } from "../url.js";
import { Dialog } from "./dialog.js";
import { Field } from "./field.js";
import { Icon } from "./icons.js";
import { Moment } from "./moment.js";
import { Facts } from "./facts.js";

const NO_TOKEN = "This is no token: it is one word, of letters that a keyboard in English has.";

/** Return the button, and while somebody is asked to sign in the dialog. */
export function Who() {
  const { token, refusal, asked } = useSession();
  const [left, setLeft] = useState(0);
  const who = useLoaded((signal) => whoami(signal), [token]);
  const known = who.data ?? null;
  return html`
    <button type="button" class="who" onClick=${askToSignIn} aria-haspopup="dialog">
      <${Icon} name=${refusal ? "warning" : "person"} />
      <span>${nameOf(known)}</span>
    </button>
    ${
      asked > left &&
      html`<${SignIn} key=${left} who=${known} onClose=${() => setLeft(asked)} />`
    }`;
}

function nameOf(who) {
  if (!who || (isAnonymous(who) && !mayWrite(who))) {
    return "Sign in";
  }
  return isAnonymous(who)
    ? html`anonymous<span class="who-more">, everyone may write</span>`
    : html`<span class="unseen">Signed in as </span>${who.subject}`;
}

const isAnonymous = ({ method }) => method === "anonymous";

// What is permitted may be so in some global tags only; everything is permitted everywhere.
const isPartly = (who) => mayWrite(who) && !who.permissions.includes("admin");

const mayWrite = ({ permissions }) => permissions.some((each) => each !== "read");

function SignIn({ who, onClose }) {
  const { token, refusal } = useSession();
  const isSomebody = who && !isAnonymous(who);
  const forget = () => {
    signOut();
    reload();
  };
  return html`<${Dialog} title=${isSomebody ? "Who you are" : "Sign in"} onClose=${onClose}>
    ${(leave) => html`
      ${who && html`<${About} who=${who} />`}
      ${refusal && html`<p class="wrong" role="alert">${refusal} Sign in with another token.</p>`}
      ${
        token
          ? html`<div class="dialog-actions">
              <button type="button" onClick=${forget}>Sign out</button>
              <button type="button" class="main" autofocus onClick=${leave}>Close</button>
            </div>`
          : html`<${TokenForm} onClose=${leave} />`
      }`}
  <//>`;
}

function About({ who }) {
  const tag = tagOfPage();
  const inTag = useLoaded(async (signal) => tag && whoami(signal, { tag }), [tag, who.subject]);
  return html`<${Facts} isLong of=${[
    ["You are", isAnonymous(who) ? "anonymous: you have not said who you are" : who.subject],
    ["Known by", isAnonymous(who) ? null : who.method],
    ["Until", who.expires && html`<${Moment} at=${who.expires} />`],
    [isPartly(who) ? "Somewhere you may" : "You may", whatOneMayDo(who.permissions)],
    [`In ${tag}`, inTag.data && whatOneMayDo(inTag.data.there.permissions)],
    ["Scopes", who.scopes?.length && html`<code>${who.scopes.join(" ")}</code>`],
  ]} />
  ${
    isAnonymous(who) &&
    mayWrite(who) &&
    html`<p>Everyone who reaches this service as you do may write to it.</p>`
  }`;
}

// The global tag whose page one is on.
function tagOfPage() {
  const [place, name] = here().segments;
  return place === "global-tags" ? name : undefined;
}

function TokenForm({ onClose }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const load = async (file) => file && setText((await file.text()).trim());
  const submit = async (event) => {
    event.preventDefault();
    const token = tokenIn(text);
    setProblem(token ? "" : NO_TOKEN);
    if (token) {
      try {
        await whoami(undefined, { token });
        signIn(token);
        reload();
        onClose();
      } catch (error) {
        setProblem(error.message);
      }
    }
  };
  return html`<form onSubmit=${submit}>
    <${Field}
      name="token"
      label="Token"
      class="secret"
      hint="It is kept for this tab only, and gone when the tab is closed."
      spellcheck=${false}
      required
      value=${text}
      onInput=${setText}
    />
    <${Field} name="file" label="or a file that has it" type="file" onInput=${load} />
    ${
      IS_OVERHEARD &&
      html`<p class="wrong">
        This page did not come over HTTPS: whoever is on the way can read the token, and use it.
      </p>`
    }
    ${problem && html`<p class="wrong" role="alert">${problem}</p>`}
    <div class="dialog-actions">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button type="submit" class="main">Sign in</button>
    </div>
  </form>`;
}
