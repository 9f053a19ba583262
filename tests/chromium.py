"""A real Chromium, as Debian has it, and what is wrong with the pages that it shows.

It is the one without windows, which draws the same and starts a page in two thirds of the time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    sync_playwright,
)
from support import program

from cdb.app import make_app
from cdb.settings import load

Visit = Callable[..., Page]
"""Opens a page of the interface: the fixture `visit`."""

_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It draws by itself, and asks nobody but the service."""

_AXE = Path(__file__).parent / "browser/vendor/axe-core/axe.min.js"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium without a window; each of its contexts is a browser nobody has used yet."""
    path = program("chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


class Seen:
    """What is wrong with a page.

    Args:
        origin: that all its requests have to go to.
        fails: whether requests may fail, which the browser says in the console.

    """

    def __init__(self, origin: str, *, fails: bool) -> None:
        self.wrong: list[str] = []
        self._origin = origin
        self._fails = fails

    def hear(self, said: ConsoleMessage) -> None:
        is_expected = self._fails and said.text.startswith("Failed to load resource")
        if said.type in ("error", "warning") and not is_expected:
            self.wrong.append(f"{said.type}: {said.text}")

    def fail(self, error: Error) -> None:
        self.wrong.append(f"error: {error}")

    def see(self, request: Request) -> None:
        if not request.url.startswith((self._origin, f"blob:{self._origin}")):
            self.wrong.append(f"request: {request.url}")


@contextmanager
def looked_at(page: Page, origin: str, *, fails: bool) -> Iterator[Seen]:
    """Note what is wrong with a page in the meantime."""
    seen = Seen(origin, fails=fails)
    listeners = {"console": seen.hear, "pageerror": seen.fail, "request": seen.see}
    for event, listener in listeners.items():
        page.on(event, listener)  # type: ignore[call-overload]  # the names are playwright's
    yield seen
    for event, listener in listeners.items():
        page.remove_listener(event, listener)


def settled(page: Page) -> None:
    """Wait until a page has what it asked for."""
    # Not by a function in the page: to look again and again, it would need eval, which the
    # policy of the page forbids.
    page.locator("main:not(:has(.waiting, [aria-busy=true])) h1").wait_for(state="attached")


def violations(page: Page, *rules: str) -> list[list[str]]:
    """Return what axe finds serious or critical, by all its rules or some: rule and element.

    It does not look at what comes after forty others, which are alike in a table or a tree, since
    it takes seconds for thousands of elements.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text())
    passed, found = page.evaluate(
        """async (rules) => {
            const seen = { exclude: ["body :nth-child(n + 41)"] };
            const found = await axe.run(seen, rules.length ? { runOnly: rules } : {});
            const grave = found.violations.filter((each) => /serious|critical/.test(each.impact));
            return [found.passes.length, grave.map((each) => [each.id, each.nodes[0].html])];
        }""",
        rules,
    )
    assert passed
    return list(found)


@contextmanager
def service(databases: Any, **settings: str) -> Iterator[Any]:
    """Make a service with an empty database."""
    with databases("sqlite") as url:
        ini = {f"cdb.{key}": value for key, value in settings.items()}
        app = make_app(load({**ini, "cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        yield app
        app.registry.cdb.database.dispose()
