// A path that leads to no page.

import { html } from "../html.js";
import { Heading } from "../components/frame.js";
import { Empty } from "../components/states.js";
import { href } from "../url.js";

export function MissingPage() {
  return html`<${Heading} title="No such page" />
    <${Empty} title="There is nothing at this address">
      The link may be mistyped. Good places to start from are the${" "}
      <a href=${href([])}>overview</a> and the${" "}
      <a href=${href(["global-tags"])}>global tags</a>.
    <//>`;
}
