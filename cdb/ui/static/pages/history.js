// The history of a global tag or of a payload list: every change of it, the newest first.

import { API } from "../service/api.js";
import { cdbOf } from "../elsewhere/commands.js";
import { CopyAs } from "../components/copy.js";
import { Heading } from "../components/frame.js";
import { Log, optionsOf, useLog } from "../components/log.js";
import { CsvLink } from "../components/table.js";
import { html } from "../html.js";
import { pathOf } from "../components/rows.js";
import { href } from "../url.js";

export function HistoryPage({ tag, query }) {
  const log = useLog({
    path: ["global-tags", tag, "history"],
    of: ["global-tags", tag],
    query,
  });
  return html`
    <${Head} name=${tag} kind="Global tag" log=${log}
      cli=${cdbOf(["gt", "history", tag, ...optionsOf(query)], API)} />
    <p class="lead">Nothing is overwritten. A change leads to the tag as it was after it.</p>
    <${Log} log=${log} caption=${`Changes of ${tag}`} />`;
}

export function ListHistoryPage({ list, query }) {
  const log = useLog({ path: [...pathOf(list), "history"], of: ["lists", list], query });
  return html`
    <${Head} name=${list} kind="Payload list" log=${log} />
    <p class="lead">
      Nothing is overwritten. A change leads to the list as it was after it. What a clone shows of
      its source was changed there.
    </p>
    <${Log} log=${log} caption=${`Changes of ${list}`} hasTypes=${false} />`;
}

function Head({ name, kind, log, cli }) {
  return html`<${Heading} title=${`History of ${name}`} kicker=${kind} actions=${html`
    <${CopyAs} url=${log.url} cli=${cli} />
    <${CsvLink} name=${`${name}-history`} columns=${log.columns} rows=${log.rows} />
    <a class="button" href=${log.url}>JSON</a>
    <a class="button" href=${href(log.of)}>The ${kind.split(" ")[1]}</a>`} />`;
}
