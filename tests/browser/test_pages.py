"""Every page: what it may load, who can use it, how small a window may be. Checks 1, 2, 14."""

import pytest
from chromium import Visit, violations
from playwright.sync_api import ViewportSize

PAGES = {
    "overview": "",
    "global tags": "global-tags",
    "no match": "global-tags?q=nothing-like-it&status=frozen",
    "global tag": "global-tags/CMS_2017",
    "valid here": "global-tags/CMS_2017?at=302635:1200&as_of=15",
    "gap": "global-tags/CMS_2017?at=299350,0",
    "history": "global-tags/CMS_2017/history",
    "history by whom": "global-tags/CMS_2017/history?actor=nobody",
    "changes": "changes?action=bulk",
    "types": "types",
    "lists": "lists?q=cms_2017&sort=-iov_count",
    "type": "types/LumiCertification",
    "list": "lists/LumiCertification_1?at=302635:1200&from=302635:1100&to=302635:1300",
    "list at a gap": "lists/JEC_L2Relative_AK4_2?at=299350,0&as_of=9",
    "history of a list": "lists/JEC_L2Relative_AK4_2/history",
    "compare": "diff",
    "compared": "diff?a=CMS_2017&b=CMS_2017&a_as_of=15&at=302635:1200&type=JEC_L2Relative_AK4",
    "alike": "diff?a=CMS_2017&b=CMS_2017",
    "payload": "payloads/e8dded56668dfdb111c4219f5374b36d",
    "table in a payload": "payloads/30afd205748aaaf482a6a9253539c2e3",
    "payload that is elsewhere": "payloads/e99a18c428cb38d5f260853678922e03",
    "plugins": "plugins",
    "about": "about",
    "no such page": "nothing/here",
}

EACH = pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)

NARROW: ViewportSize = {"width": 400, "height": 800}
HALF_OF_A_LAPTOP: ViewportSize = {"width": 640, "height": 360}
"""What is left of 1280 by 720 pixels where a page is shown at 200 %."""


@EACH
def test_1_nothing_is_loaded_from_elsewhere_and_nothing_is_wrong(visit: Visit, path: str) -> None:
    # `visit` looks at every request, and at the console, which says what the policy forbids.
    page = visit(path)
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    # A title says which page it is; what is in the query string is the state of that page.
    kinds = {page.locator("h1").inner_text(), page.title().split(" – ")[0]}
    assert len(kinds) == 1


@EACH
def test_2_nobody_is_kept_out_in_light_or_dark(visit: Visit, path: str) -> None:
    page = visit(path, motion="reduce")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == []


def test_2_the_palette_and_the_menu_keep_nobody_out(visit: Visit) -> None:
    page = visit("global-tags", motion="reduce")
    page.locator("summary").click()
    page.keyboard.press("Control+k")
    page.get_by_role("listbox").get_by_role("option").first.wait_for()
    assert violations(page) == []


@pytest.mark.parametrize(
    "name", ["overview", "global tags", "valid here", "history", "list", "compared", "plugins"]
)
def test_14_a_small_window_has_room_for_all(visit: Visit, name: str) -> None:
    page = visit(PAGES[name], viewport=NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.set_viewport_size(HALF_OF_A_LAPTOP)
    assert page.evaluate("document.documentElement.scrollWidth") <= HALF_OF_A_LAPTOP["width"]


def test_14_nothing_moves_for_those_who_do_not_want_it(visit: Visit) -> None:
    page = visit("global-tags/CMS_2017", motion="reduce")
    moving = """[...document.querySelectorAll('*')].filter(
        (each) => parseFloat(getComputedStyle(each).transitionDuration) > 0).length"""
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0
