"""Take a picture of each page of the web interface, light and dark: `make screenshots`.

PYTHONPATH=tests python tests/browser/screenshots.py FOLDER [URL]

URL is the root of a service with the sample data; without one, it is started for that. With
`--docs` only those are taken that the documentation shows, small enough for that.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from chromium import chromium, settled
from PIL import Image
from playwright.sync_api import Page
from shown import PAGES, WINDOW, sample
from support import serving

from cdb.store import migrate
from cdb.store.engine import Database


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
    "sign-in": ("global-tag", sign_in),
    "actions": ("global-tag", actions),
    "freeze": ("global-tag", freeze),
}
"""What opens over a page: the page, and what leads there."""

IN_DOCS = ("valid-here", "list", "compared", "payload-root", "freeze")

COLOURS = 64
"""How many a picture for the documentation has: with all of them it is three times as large."""


@contextmanager
def started() -> Iterator[str]:
    """Serve the sample data; gives the root."""
    with tempfile.TemporaryDirectory() as folder:

        @contextmanager
        def migrated(kind: str) -> Iterator[str]:
            url = f"{kind}:///{folder}/cdb.sqlite"
            database = Database(url)
            migrate.upgrade(database)
            database.dispose()
            yield url

        with sample(migrated, Path(folder) / "payloads") as app, serving(app) as root:
            yield root


def take(names: Iterable[str], folder: Path, root: str) -> Iterator[Path]:
    """Write the pictures of pages, as PNG, into a folder; gives their paths."""
    with chromium() as browser:
        page = browser.new_page(viewport=WINDOW, reduced_motion="reduce")
        for name in names:
            below, lead = DIALOGS.get(name, (name, settled))
            page.goto(f"{root.rstrip('/')}/ui/{PAGES[below]}")
            settled(page)
            lead(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                path = folder / f"{name}-{scheme}.png"
                page.screenshot(path=path)
                yield path


def main(*arguments: str) -> None:
    """Do what the command line says."""
    folder, *root = [each for each in arguments if each != "--docs"]
    is_for_docs = "--docs" in arguments
    Path(folder).mkdir(parents=True, exist_ok=True)
    with started() if not root else nullcontext(root[0]) as url:
        for path in take(IN_DOCS if is_for_docs else (*PAGES, *DIALOGS), Path(folder), url):
            if is_for_docs:
                Image.open(path).quantize(COLOURS, dither=Image.Dither.NONE).save(
                    path, optimize=True
                )
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
