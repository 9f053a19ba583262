// The changes of the whole database, the newest first.

import { API } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Log, optionsOf, useLog } from "../components/log.js";
import { NothingYet } from "../components/states.js";
import { CsvLink } from "../components/table.js";
import { html } from "../html.js";

export function ChangesPage({ query }) {
  const log = useLog({ path: ["changes"], query });
  return html`
    <${Heading} title="Changes" actions=${html`
      <${CopyAs} url=${log.url} cli=${cdbOf(["log", ...optionsOf(query)], API)} />
      <${CsvLink} name="changes" columns=${log.columns} rows=${log.rows} />
      <a class="button" href=${log.url}>JSON</a>`} />
    <p class="lead">Every write to this database: who, what, when and why.</p>
    <${Log} log=${log} caption="Changes" empty=${html`<${NothingYet} />`} />`;
}
