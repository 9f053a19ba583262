"""Services that a browser looks at, and one browser for all tests of a process."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from chromium import Seen, Visit, chromium, looked_at, settled
from playwright.sync_api import Browser, Page, ViewportSize, expect
from shown import WINDOW, sample
from support import Client, serving

Scheme = Literal["light", "dark"]
Motion = Literal["reduce", "no-preference"]

TIME_LIMIT = 60_000
"""Milliseconds, after which what is waited for will not come, also on a busy machine."""

expect.set_options(timeout=TIME_LIMIT)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def demo(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with the sample data and its files, which no test changes."""
    with sample(databases, tmp_path_factory.mktemp("payloads")) as app:
        yield app


@pytest.fixture(scope="session")
def root(demo: Any) -> Iterator[str]:
    """The URL of the root of that service, as a real server has it."""
    with serving(demo) as url:
        yield url


@pytest.fixture(scope="session")
def behind_prefix(demo: Any) -> Iterator[str]:
    """The URL of that service below a prefix, of which a proxy does not tell it."""
    prefix = "/experiment/conditions"

    def stripped(environ: Any, start_response: Any) -> Any:
        for name in ("PATH_INFO", "REQUEST_URI"):
            environ[name] = environ[name].removeprefix(prefix)
        return demo(environ, start_response)

    with serving(stripped) as url:
        yield url + prefix


@pytest.fixture(scope="session")
def client(demo: Any) -> Client:
    """A client of the same service, past the browser."""
    return Client(demo)


@pytest.fixture(scope="session")
def shared_page(browser: Browser) -> Iterator[Page]:
    """The page that the tests of a process use one after the other: a new one takes a second."""
    with browser.new_context() as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context.new_page()


@pytest.fixture
def visit(browser: Browser, shared_page: Page, root: str) -> Iterator[Visit]:
    """Open a page of the interface: `visit("global-tags")`.

    Nothing may be wrong with it: no error or warning in the console, and no request that leaves
    the service. `of` is the root of another service; `scheme` and `motion` are what the system
    says, `viewport` is the size of the window in pixels. With `fails=True` requests may fail, and
    with `fresh=True` the browser is one that nobody has used yet.
    """
    with ExitStack() as stack, ExitStack() as looking:
        seen: list[Seen] = []

        def open_page(
            path: str,
            *,
            of: str = root,
            scheme: Scheme = "light",
            motion: Motion = "no-preference",
            viewport: ViewportSize = WINDOW,
            fails: bool = False,
            fresh: bool = False,
        ) -> Page:
            page = stack.enter_context(browser.new_context()).new_page() if fresh else shared_page
            page.set_default_timeout(TIME_LIMIT)
            page.emulate_media(color_scheme=scheme, reduced_motion=motion)
            page.set_viewport_size(viewport)
            looking.close()
            seen.append(looking.enter_context(looked_at(page, of, fails=fails)))
            page.goto(f"{of}/ui/{path}")
            settled(page)
            return page

        yield open_page
        assert [each for page in seen for each in page.wrong] == []
        # What is open asks for nothing any more unless somebody does something, and the next
        # test leaves it.
        shared_page.unroute_all()
