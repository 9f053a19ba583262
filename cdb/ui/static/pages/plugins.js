// The plugins: what is installed, what this service enables, and what is wrong with one.

import { apiUrl } from "../service/api.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Loaded } from "../components/states.js";
import { CsvLink, Table } from "../components/table.js";
import { html } from "../html.js";
import { useLoaded } from "../service/load.js";
import { plugins as loadPlugins } from "../service/questions.js";

const URL_OF_ALL = apiUrl(["plugins"]);

const COLUMNS = [
  { title: "name", kind: "name", cell: (plugin) => plugin.name },
  { title: "kind", cell: (plugin) => wordsOf(plugin.kind), value: (plugin) => plugin.kind },
  {
    title: "state",
    cell: (plugin) => html`<span class="badge badge-${plugin.state}">${plugin.state}</span>`,
    value: (plugin) => plugin.state,
  },
  { title: "distribution", cell: (plugin) => plugin.distribution },
  { title: "version", cell: (plugin) => plugin.version },
  { title: "about", kind: "wide", cell: (plugin) => aboutOf(plugin) },
];

export function PluginsPage() {
  const plugins = useLoaded(loadPlugins, []);
  return html`
    <${Heading} title="Plugins" actions=${html`
      <${CopyAs} url=${URL_OF_ALL} />
      <${CsvLink} name="plugins" columns=${COLUMNS} rows=${plugins.data ?? []} />
      <a class="button" href=${URL_OF_ALL}>JSON</a>`} />
    <p class="lead">
      An experiment’s own rules come as plugins. Enabled ones are in use; the others are installed
      only.
    </p>
    <${Loaded} of=${plugins} what="the plugins">${(found) => html`
      <${Table}
        caption="Plugins"
        columns=${COLUMNS}
        rows=${found}
        keyOf=${(plugin) => `${plugin.kind} ${plugin.name}`}
      />`}
    <//>`;
}

function wordsOf(kind) {
  return kind.replaceAll("_", " ").replace("iov", "IOV");
}

function aboutOf({ error, components }) {
  const named = components?.filter((each) => each !== "none") ?? [];
  return error ?? (named.length ? `its numbers: ${named.join(", ")}` : "");
}
