"""Take a picture of each page of the web interface, light and dark: `make screenshots`.

PYTHONPATH=tests python tests/browser/screenshots.py FOLDER [URL]

URL is the root of a service with the sample data; without one, it is started for that.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chromium import chromium, settled
from playwright.sync_api import Page
from support import API, Client, serving

from cdb.app import make_app
from cdb.demo.load import load as load_demo
from cdb.settings import load
from cdb.store import migrate

PAGES = {
    "overview": "",
    "global-tags": "global-tags",
    "global-tag": "global-tags/CMS_2017",
    "valid-here": "global-tags/CMS_2017?at=302635:1200",
    "as-of": "global-tags/CMS_2017?at=302635:1200&as_of=15",
    "history": "global-tags/CMS_2017/history",
    "changes": "changes",
    "types": "types",
    "lists": "lists",
    "type": "types/LumiCertification",
    "list": "lists/LumiCertification_1?at=302635:1200&from=302635:1100&to=302635:1300",
    "compare": "diff",
    "past": "diff?a=CMS_2017&b=CMS_2017&a_as_of=15&type=JER_SF_AK8PFPuppi",
    "payload": "payloads/e8dded56668dfdb111c4219f5374b36d",
    "payload-table": "payloads/30afd205748aaaf482a6a9253539c2e3",
    "payload-root": "payloads/814eae51430e85840039e3118e40f5ee",
    "payload-elsewhere": "payloads/e99a18c428cb38d5f260853678922e03",
    "plugins": "plugins",
    "about": "about",
    "not-found": "global-tags/NoSuchTag",
}

"""The pages, by what a picture is called."""


def sign_in(page: Page) -> None:
    """Open the dialog of who one is."""
    page.locator("button.who").click()


def actions(page: Page) -> None:
    """Open the menu of what one may do with a global tag."""
    page.get_by_text("Actions", exact=True).click()


def freeze(page: Page) -> None:
    """Show what it means to freeze a global tag."""
    actions(page)
    page.get_by_role("button", name="Change status").click()
    page.get_by_label("New status").select_option("frozen")
    page.get_by_label("Type CMS_2017 to go on").fill("CMS_2017")
    page.get_by_label("Reason").fill("Reviewed, and used for the publication.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Nothing has been written yet.").wait_for()


DIALOGS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "sign-in": ("global-tags/CMS_2017", sign_in),
    "actions": ("global-tags/CMS_2017", actions),
    "freeze": ("global-tags/CMS_2017", freeze),
}
"""What opens over a page: the page, and what leads there."""

ROOT_FILE = Path(__file__).parents[1] / "data/cms2017/SFttbar_2016_ele_pt.root"
"""Scale factors of electrons, which the sample data has no place for."""


@contextmanager
def sample() -> Iterator[str]:
    """Serve the sample data; gives the root."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/cdb.sqlite"
        settings = {
            "cdb.database.url": url,
            "cdb.payload_store": f"{folder}/payloads",
            "cdb.plugin.json.suffixes": ".json _json.txt",
            "cdb.previews": "json root text",
            "cdb.allow_open_writes": "true",
        }
        app = make_app(load(settings, {}))
        context = app.registry.cdb
        migrate.upgrade(context.database)
        load_demo(context.database, context.rules, context.payload_store)
        Client(app).put(f"{API}/payloads/JER_SF_AK8PFPuppi/electrons.root", ROOT_FILE.read_bytes())
        with serving(app) as root:
            yield root
        context.database.dispose()


def take(folder: Path, root: str) -> None:
    """Write the pictures, as PNG, into a folder."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        shown = {name: (path, settled) for name, path in PAGES.items()} | DIALOGS
        for name, (path, lead) in shown.items():
            page.goto(f"{root.rstrip('/')}/ui/{path}")
            settled(page)
            lead(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=folder / f"{name}-{scheme}.png")
                print(folder / f"{name}-{scheme}.png")


def main() -> None:
    """Do what the command line says."""
    folder, *root = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    if root:
        take(Path(folder), root[0])
    else:
        with sample() as started:
            take(Path(folder), started)


if __name__ == "__main__":
    main()
