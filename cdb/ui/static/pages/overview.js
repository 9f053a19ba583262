// Where one comes in: how much there is, what changed last, and whether the service is well.

import { API, apiUrl, get } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { Changes, changeColumns } from "../components/changes.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Loaded, NothingYet } from "../components/states.js";
import { CsvLink } from "../components/table.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { about, plugins, ready } from "../service/questions.js";
import { href } from "../url.js";

const LISTS = [
  ["global tags", "global-tags", href(["global-tags"])],
  ["payload types", "payload-types", href(["types"])],
  ["payload lists", "payload-lists", href(["lists"])],
  ["payload IOVs", "payload-iovs"],
];

const LIMIT = 15;

const RECENT = apiUrl(["changes"], { order: "desc", limit: LIMIT, light: 1 });

export function OverviewPage() {
  const counts = useLoaded(loadCounts, []);
  const changes = useLoaded((signal) => get(RECENT, { signal }), []);
  const service = useLoaded(loadService, []);
  return html`
    <${Heading} title="Conditions database" actions=${html`
      <${CopyAs} url=${RECENT} cli=${cdbOf(["log", "--limit", String(LIMIT)], API)} />
      <${CsvLink} name="changes" columns=${changeColumns()} rows=${changes.data?.changes ?? []} />
      <a class="button" href=${RECENT}>JSON</a>`} />
    <${Loaded} of=${counts} what="the counts">${(found) => html`<${Counts} of=${found} />`}<//>
    <section aria-labelledby="recent">
      <h2 id="recent">Recent changes</h2>
      <${Loaded} of=${changes} what="the changes">
        ${(found) => html`<${Recent} changes=${found.changes} />`}
      <//>
    </section>
    <section aria-labelledby="service">
      <h2 id="service">Service</h2>
      <${Loaded} of=${service} what="what the service says">
        ${(found) => html`<${Service} of=${found} />`}
      <//>
    </section>`;
}

function Counts({ of }) {
  return html`<ul class="counts">${LISTS.map(([noun, path, to]) => {
    const number = html`<span class="count">${of[path].toLocaleString("en")}</span> ${noun}`;
    return html`<li>${to ? html`<a href=${to}>${number}</a>` : number}</li>`;
  })}</ul>`;
}

function Recent({ changes }) {
  return changes.length
    ? html`<${Changes} changes=${changes} caption="Recent changes" />
        <p><a href=${href(["changes"])}>All changes</a></p>`
    : html`<${NothingYet} />`;
}

function Service({ of: { what, how, installed } }) {
  const enabled = installed.filter((each) => each.state === "enabled").length;
  const isWell = how.status === "ok";
  const failing = installed.filter((each) => each.error).length;
  return html`<ul class="plain">
    <li><strong>${what.name} ${what.version}</strong>, ${isWell ? "in order" : how.status}</li>
    <li>
      <a href=${href(["plugins"])}>${enabled} plugins enabled</a>
      ${failing > 0 && `, ${failing} with an error`}
    </li>
  </ul>`;
}

// A page with one row has the count of all: it comes from the database, whatever the size.
async function loadCounts(signal) {
  const counted = LISTS.map(async ([, path]) => {
    const page = await get(apiUrl([path], { page: 1, page_size: 1 }), { signal });
    return [path, page.count];
  });
  return Object.fromEntries(await Promise.all(counted));
}

async function loadService(signal) {
  const [what, how, installed] = await Promise.all([
    about(signal),
    ready(signal),
    plugins(signal),
  ]);
  return { what, how, installed };
}
