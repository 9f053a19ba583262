"""What a page shows is in its URL, and is what the API says. Checks 3, 4, 9, 12."""

import re
from typing import Any

import pytest
from chromium import Visit, settled
from playwright.sync_api import Page, Route, expect
from support import Client

TAG = "global-tags/CMS_2017"

VALID = "payload-iovs/query?gtName=CMS_2017&shape=dict"


def texts(page: Page) -> str:
    """Return all that the main part of a page says."""
    return page.locator("main").inner_text()


def names(page: Page) -> list[str]:
    """Return what the rows of the table are called."""
    return page.locator("tbody th").all_inner_texts()


# --- 3: reload, copied links, back and forward ----------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "global-tags?q=sphenix&status=unlocked&sort=-updated",
        f"{TAG}?at=302635:1200&as_of=15",
        "types/LumiCertification?sort=-iov_count",
    ],
)
def test_3_reload_and_a_copied_link_show_the_same(visit: Visit, path: str) -> None:
    page = visit(path)
    shown = texts(page)
    page.reload()
    settled(page)
    assert texts(page) == shown
    assert texts(visit(path, fresh=True)) == shown


def test_3_what_is_filtered_and_sorted_is_in_the_url(visit: Visit) -> None:
    page = visit("global-tags")
    page.get_by_label("Name or author").fill("2017")
    expect(page).to_have_url(re.compile(r"\?q=2017$"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="updated").click()
    page.get_by_label("Status").select_option("unlocked")
    expect(page).to_have_url(re.compile(r"\?q=2017&sort=updated&status=unlocked$"))
    settled(page)
    assert names(page) == ["CMS_2017"]
    assert page.locator("th[aria-sort=ascending]").inner_text().strip() == "updated"


def test_3_back_and_forward_lead_through_what_was_seen(visit: Visit) -> None:
    page = visit("")
    page.get_by_role("link", name="Global tags", exact=True).click()
    page.get_by_role("link", name="CMS_2017", exact=True).click()
    page.get_by_role("link", name="History").click()
    expect(page.locator("h1")).to_have_text("History of CMS_2017")
    page.go_back()
    expect(page.locator("h1")).to_have_text("CMS_2017")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Global tags")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("CMS_2017")
    expect(page).to_have_url(re.compile("/ui/global-tags/CMS_2017$"))


def test_3_the_page_works_below_a_prefix(behind_prefix: str, visit: Visit) -> None:
    page = visit(f"{TAG}?at=302635:1200", of=behind_prefix)
    page.get_by_role("rowheader").get_by_role("link", name="LumiCertification").click()
    expect(page.locator("h1")).to_have_text("LumiCertification")
    assert page.url == f"{behind_prefix}/ui/types/LumiCertification"
    settled(page)
    assert names(page) == ["LumiCertification_1"]


# --- 4: by keyboard -------------------------------------------------------------


def test_4_a_tag_is_opened_and_looked_at_by_keyboard(visit: Visit) -> None:
    page = visit("global-tags")
    page.get_by_role("link", name="CMS_2017", exact=True).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="sPHENIX_ExampleGT_24")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    # Who listens hears where they are.
    expect(page.locator("h1")).to_be_focused()
    page.get_by_label("run", exact=True).focus()
    page.keyboard.type("302635")
    page.keyboard.press("Tab")
    page.keyboard.type("1200")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1200$"))
    expect(page.locator("tbody")).to_contain_text("302635:1132")


def test_4_the_slider_goes_through_the_changes_by_keyboard(visit: Visit) -> None:
    page = visit(TAG)
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"\?as_of=21$"))
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^change 21, attach"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("/CMS_2017$"))


def test_4_the_palette_leads_to_a_tag_and_escape_gives_the_focus_back(visit: Visit) -> None:
    page = visit("global-tags")
    search = page.get_by_label("Name or author")
    search.focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="A page")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(search).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("sphenix_e")
    # At once: not what was found by the letters before it.
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("sPHENIX_ExampleGT_24")


@pytest.mark.parametrize(
    ("page", "typed", "where"),
    [
        (TAG, "302635:1200", r"/CMS_2017\?at=302635%3A1200$"),
        (f"{TAG}?as_of=15", "302635, 1200", r"\?as_of=15&at=302635%2C1200$"),
        (f"{TAG}/history?actor=demo", "302635", r"/global-tags/CMS_2017\?at=302635$"),
        ("lists/LumiCertification_1?from=1", "run-lumi:1:2", r"\?from=1&at=run-lumi%3A1%3A2$"),
        ("", "l2relative_ak4_2", "/ui/lists/JEC_L2Relative_AK4_2$"),
        ("about", "chang", "/ui/changes$"),
    ],
)
def test_4_the_palette_leads_to_a_point_a_list_or_a_page(
    visit: Visit, page: str, typed: str, where: str
) -> None:
    shown = visit(page)
    shown.keyboard.press("Control+k")
    shown.keyboard.type(typed)
    shown.keyboard.press("Enter")
    expect(shown).to_have_url(re.compile(where))
    settled(shown)


def test_4_without_a_tag_a_point_leads_nowhere(visit: Visit) -> None:
    page = visit("plugins")
    page.keyboard.press("Control+k")
    page.keyboard.type("302635:1200")
    said = page.get_by_role("dialog").get_by_role("status")
    expect(said).to_have_text("Nothing has such a name.")


def test_4_escape_closes_the_menu_of_ways_and_gives_the_focus_back(visit: Visit) -> None:
    page = visit("plugins")
    menu = page.locator("summary")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Copy as curl").focus()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("button", name="Copy as curl")).to_be_hidden()


# --- 9: the state at a point ----------------------------------------------------


@pytest.mark.parametrize(
    ("major", "minor"),
    [
        (302635, 1132),
        (302635, 1131),
        (302635, 1207),
        (299350, 0),
        (302030, 0),
        (302029, 2**63 - 1),
    ],
    ids=["start", "before a start", "end", "gap", "start of four", "before the start of four"],
)
def test_9_what_is_valid_at_a_point_is_what_the_api_says(
    visit: Visit, client: Client, major: int, minor: int
) -> None:
    said = {
        each["payload_type_name"]: each
        for each in client.ok("GET", f"{VALID}&majorIOV={major}&minorIOV={minor}")
    }
    page = visit(f"{TAG}?at={major},{minor}")
    rows = [row.split("\t") for row in page.locator("tbody tr").all_inner_texts()]
    assert len(rows) == 5
    for name, payload, begin, end, *_ in rows:
        if name in said:
            expected = said[name]["payload_url"], said[name]["begin"], said[name]["end"]
            assert (payload, begin, end) == expected
        else:
            assert payload == "gap: nothing is valid here"


def test_9_the_tag_as_of_a_change_is_what_the_api_says(visit: Visit, client: Client) -> None:
    said = client.ok("GET", "payload-lists?page=1&global_tag=CMS_2017&sort=payload_type&asOf=15")
    page = visit(f"{TAG}?as_of=15")
    assert names(page) == [each["payload_type"] for each in said["results"]]
    assert len(names(page)) == 3


def test_9_one_goes_to_where_something_else_is_valid(visit: Visit) -> None:
    page = visit(f"{TAG}?at=302635,1200")
    page.get_by_role("button", name="Later").click()
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1207$"))
    page.get_by_role("button", name="Earlier").click()
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1206$"))
    page.get_by_role("button", name="Earlier").click()
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1131$"))
    expect(page.get_by_label("lumi", exact=True)).to_have_value("1131")
    expect(page.get_by_role("button", name="Earlier")).to_be_focused()


def test_9_no_step_starts_from_an_earlier_answer(visit: Visit) -> None:
    page = visit(f"{TAG}?at=302635,1200")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/payload-iovs/query?*minorIOV=1207*", hold)
    with page.expect_request("**/payload-iovs/query?*minorIOV=1207*"):
        page.get_by_role("button", name="Later").click()
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1207$"))
    earlier = page.get_by_role("button", name="Earlier")
    expect(earlier).to_be_disabled()
    earlier.focus()
    page.keyboard.press("Enter")
    expect(earlier).to_be_focused()
    held[0].continue_()
    expect(earlier).to_be_enabled()
    expect(earlier).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1206$"))


def test_9_nothing_is_called_a_gap_before_the_answer_is_there(visit: Visit) -> None:
    page = visit(TAG)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/payload-iovs/query?*", hold)
    page.get_by_label("run", exact=True).fill("302635")
    page.get_by_label("lumi", exact=True).fill("1200")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Loading what is valid here")).to_be_visible()
    assert page.get_by_text("gap: nothing is valid here").count() == 0
    held[0].continue_()
    expect(page.locator("tbody tr")).to_have_count(5)
    assert page.get_by_text("gap: nothing is valid here").count() == 0


# --- 12: answers out of order ---------------------------------------------------


def test_12_a_slow_answer_to_an_old_question_is_not_shown(visit: Visit) -> None:
    page = visit("global-tags")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/global-tags?*search=CMS*", hold)
    page.get_by_label("Name or author").fill("CMS")
    expect(page.locator("[aria-busy=true]")).to_have_count(1)
    page.get_by_label("Name or author").fill("sPHENIX")
    expect(page.locator("tbody th")).to_have_text(["sPHENIX_ExampleGT_24"])
    # It comes in after all; the page has given it up.
    answers: list[Any] = []
    page.on("requestfinished", lambda request: answers.append(request.url))
    held[0].continue_()
    page.get_by_label("Status").select_option("unlocked")
    settled(page)
    assert names(page) == ["sPHENIX_ExampleGT_24"]
    assert not [url for url in answers if "search=CMS" in url]
