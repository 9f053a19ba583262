// The web interface: which page a path shows. A page is a module in pages/, and gets the names in
// its path and the query string; it asks api.js, and keeps no state of its own outside of the URL.

import { html, render } from "./html.js";
import { bringWithToken } from "./service/bring.js";
import { Frame } from "./components/frame.js";
import { AboutPage } from "./pages/about.js";
import { ChangesPage } from "./pages/changes.js";
import { DiffPage } from "./pages/diff.js";
import { HistoryPage, ListHistoryPage } from "./pages/history.js";
import { ListPage } from "./pages/list.js";
import { ListsPage } from "./pages/lists.js";
import { MissingPage } from "./pages/missing.js";
import { OverviewPage } from "./pages/overview.js";
import { PayloadPage } from "./pages/payload.js";
import { PluginsPage } from "./pages/plugins.js";
import { TagPage } from "./pages/tag.js";
import { TagsPage } from "./pages/tags.js";
import { TypePage } from "./pages/type.js";
import { TypesPage } from "./pages/types.js";
import { followLinks, useHere } from "./url.js";

// Of two segments, a name with a colon in front stands for any one, which the page gets.
const ROUTES = [
  ["", OverviewPage],
  ["global-tags", TagsPage],
  ["global-tags/:tag", TagPage],
  ["global-tags/:tag/history", HistoryPage],
  ["changes", ChangesPage],
  ["lists", ListsPage],
  ["lists/:list", ListPage],
  ["lists/:list/history", ListHistoryPage],
  ["types", TypesPage],
  ["types/:type", TypePage],
  ["diff", DiffPage],
  ["payloads/:checksum", PayloadPage],
  ["plugins", PluginsPage],
  ["about", AboutPage],
];

function App() {
  const { segments, query } = useHere();
  const [Page, names] = pageOf(segments);
  // With the path as its key, a page never shows what it has loaded for another one.
  return html`<${Frame} segments=${segments}>
    <${Page} key=${segments.join("/")} ...${names} query=${query} />
  <//>`;
}

function pageOf(segments) {
  for (const [pattern, Page] of ROUTES) {
    const names = matched(pattern === "" ? [] : pattern.split("/"), segments);
    if (names) {
      return [Page, names];
    }
  }
  return [MissingPage, {}];
}

function matched(pattern, segments) {
  const fits = (part, index) => part.startsWith(":") || part === segments[index];
  if (pattern.length !== segments.length || !pattern.every(fits)) {
    return null;
  }
  const variables = pattern
    .map((part, index) => [part, segments[index]])
    .filter(([part]) => part.startsWith(":"));
  return Object.fromEntries(variables.map(([part, value]) => [part.slice(1), value]));
}

document.addEventListener("click", followLinks);
document.addEventListener("click", bringWithToken);
render(html`<${App} />`, document.body);
