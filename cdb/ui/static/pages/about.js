// The service: its version, whether it is well, and how it writes intervals.

import { API, apiUrl, get, serviceUrl } from "../service/api.js";
import { shellWord } from "../elsewhere/commands.js";
import { CopyAs } from "../components/copy.js";
import { Facts } from "../components/facts.js";
import { Heading } from "../components/frame.js";
import { Loaded } from "../components/states.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { about, ready, whoami } from "../service/questions.js";
import { ROOT, href } from "../url.js";

const MODES = {
  continuous: "continuous: an end is the first point that is no longer valid",
  discrete: "discrete: an end is the last point that is valid",
};

export function AboutPage() {
  const found = useLoaded(load, []);
  return html`
    <${Heading}
      title="About this service"
      actions=${html`
        <${CopyAs} url=${serviceUrl("")} cli=${`cdb doctor ${shellWord(API)}`} />
        <a class="button" href=${serviceUrl("openapi.json")}>OpenAPI</a>
      `}
    />
    <${Loaded} of=${found} what="what the service says">${({ what, how, mode, who }) => html`
      <${Facts} isLong of=${[
        ["Version", `${what.name} ${what.version}`],
        ["Address of the API", html`<code>${API}</code>`],
        ["Intervals", MODES[mode.CDB_IOV_MODE]],
        ["You are", `${who.subject} (by ${who.method})`],
        ["Plugins", html`<a href=${href(["plugins"])}>what is installed and enabled</a>`],
        [
          "HTTP API",
          html`<a href=${`${ROOT.pathname}docs`}>every request, to browse and to try</a>`,
        ],
      ]} />
      <section aria-labelledby="checks">
        <h2 id="checks">Checks: ${how.status}</h2>
        <${Facts} of=${Object.entries(how.checks)} />
      </section>`}
    <//>`;
}

async function load(signal) {
  const [what, how, mode, who] = await Promise.all([
    about(signal),
    ready(signal),
    get(apiUrl(["settings", "CDB_IOV_MODE"]), { signal }),
    whoami(signal),
  ]);
  return { what, how, mode, who };
}
