"""Every page: what it may load, who can use it, how small a window may be. Checks 1 to 4, 14.

A page is opened once for all that is looked at in it.
"""

from collections.abc import Iterator

import pytest
from chromium import Seen, Visit, looked_at, settled, violations
from playwright.sync_api import Browser, Page, ViewportSize
from shown import PAGES, WINDOW

NARROW: ViewportSize = {"width": 400, "height": 800}
HALF_OF_A_LAPTOP: ViewportSize = {"width": 640, "height": 360}
"""What is left of 1280 by 720 pixels where a page is shown at 200 %."""

MOVING = """() => [...document.querySelectorAll('*')]
    .map((each) => getComputedStyle(each))
    .filter(({ transitionDuration: moves, animationDuration: runs, animationName: name }) =>
        parseFloat(moves) > 0 || (name !== 'none' && parseFloat(runs) > 0))
    .length"""

UNREACHED = """() => [
        ...document.querySelectorAll('a[href], button, input, select, textarea, summary')
    ]
    .filter((each) => !each.disabled && each.checkVisibility({ visibilityProperty: true }))
    .filter((each) => {
        each.focus();
        const { outlineStyle } = getComputedStyle(each);
        return each.tabIndex !== 0 || document.activeElement !== each || outlineStyle === 'none';
    })
    .map((each) => each.outerHTML)"""
"""What no Tab leads to, or where nobody sees that they are there."""


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """A browser of these tests alone."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def seen(window: Page, root: str) -> Iterator[Seen]:
    """All requests, and the console, which says what the policy forbids."""
    with looked_at(window, root, fails=False) as noted:
        yield noted


@pytest.fixture(scope="module", params=PAGES)
def name(request: pytest.FixtureRequest) -> str:
    """Each page, one after the other."""
    return str(request.param)


@pytest.fixture(scope="module")
def page(window: Page, seen: Seen, root: str, name: str) -> Page:
    """The page."""
    seen.wrong.clear()
    window.set_viewport_size(WINDOW)
    window.emulate_media(color_scheme="light", reduced_motion="reduce")
    window.goto(f"{root}/ui/{PAGES[name]}")
    settled(window)
    return window


def test_1_nothing_is_loaded_from_elsewhere_and_nothing_is_wrong(page: Page, seen: Seen) -> None:
    assert seen.wrong == []
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    # A title says which page it is; what is in the query string is the state of that page.
    assert page.title().split(" – ")[0] == page.locator("h1").inner_text()


def test_2_nobody_is_kept_out_in_light_or_dark(page: Page) -> None:
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == []


def test_3_a_reload_shows_the_same(page: Page, seen: Seen) -> None:
    shown = page.locator("main").inner_text()
    page.reload()
    settled(page)
    assert page.locator("main").inner_text() == shown
    assert seen.wrong == []


def test_4_all_is_reached_by_keyboard_and_one_sees_where_one_is(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate(UNREACHED) == []


def test_14_a_small_window_has_room_for_all(page: Page) -> None:
    for size in (NARROW, HALF_OF_A_LAPTOP):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_14_nothing_moves_for_those_who_do_not_want_it(page: Page) -> None:
    assert page.evaluate(MOVING) == 0


def test_14_something_moves_for_the_others(visit: Visit) -> None:
    assert visit("global-tags/CMS_2017").evaluate(MOVING) > 0


def test_2_the_palette_and_the_menu_keep_nobody_out(visit: Visit) -> None:
    page = visit("global-tags", motion="reduce")
    page.locator("summary").click()
    page.keyboard.press("Control+k")
    page.get_by_role("listbox").get_by_role("option").first.wait_for()
    assert violations(page) == []
