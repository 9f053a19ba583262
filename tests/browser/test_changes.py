"""Who changed what: the log, what is looked for in it, and where it leads. Checks 3, 6, 7."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import Visit, service, settled
from playwright.sync_api import Page, Route, expect
from support import Client, serving

HISTORY = "global-tags/CMS_2017/history"


def numbers(page: Page) -> list[int]:
    """Return the numbers of the changes that a page lists."""
    return list(map(int, page.locator("tbody th").all_inner_texts()))


def asked(client: Client, path: str) -> list[int]:
    """Return the numbers of the changes that the API lists."""
    found = client.ok("GET", f"{path}&order=desc&limit=100")
    return [each["change"] for each in found["changes"]]


@pytest.mark.parametrize(
    ("page", "path", "api"),
    [
        ("changes", "action=bulk&type=ZDC", "changes?action=bulk&payload_type=ZDC"),
        ("changes", "since=2026-01-01&actor=demo", "changes?since=2026-01-01&actor=demo"),
        (HISTORY, "action=attach", "global-tags/CMS_2017/history?action=attach"),
        (HISTORY, "type=JER_SF_AK8PFPuppi&before=18",
         "global-tags/CMS_2017/history?payload_type=JER_SF_AK8PFPuppi&before=18"),
        ("lists/JEC_L2Relative_AK4_2/history", "action=bulk",
         "payload-lists/by-name/JEC_L2Relative_AK4_2/history?action=bulk"),
    ],
)  # fmt: skip
def test_3_what_is_looked_for_is_in_the_url(
    visit: Visit, client: Client, page: str, path: str, api: str
) -> None:
    expected = asked(client, api)
    assert expected
    assert numbers(visit(f"{page}?{path}")) == expected


def test_3_filters_go_into_the_url_one_after_the_other(visit: Visit, client: Client) -> None:
    page = visit("")
    page.get_by_role("link", name="All changes").click()
    expect(page.locator("h1")).to_have_text("Changes")
    page.get_by_role("combobox", name="What").select_option("bulk")
    expect(page).to_have_url(re.compile(r"/changes\?action=bulk$"))
    page.get_by_label("Payload type").fill("LumiCertification")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?action=bulk&type=LumiCertification$"))
    settled(page)
    assert numbers(page) == asked(client, "changes?action=bulk&payload_type=LumiCertification")
    page.get_by_label("Who").fill("demo")
    page.keyboard.press("Tab")
    expect(page).to_have_url(re.compile("&actor=demo$"))
    page.get_by_label("Since").fill("2026-01-01")
    expect(page).to_have_url(re.compile("&since=2026-01-01$"))
    page.go_back()
    expect(page.get_by_label("Since")).to_have_value("")


def test_3_what_one_types_stays_there_while_an_answer_arrives(visit: Visit) -> None:
    page = visit("changes")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/changes?*action=bulk*", hold)
    page.get_by_role("combobox", name="What").select_option("bulk")
    expect(page.locator(".loaded[aria-busy=true]")).to_have_count(1)
    name = page.get_by_label("Payload type")
    name.press_sequentially("LumiC")
    held[0].continue_()
    settled(page)
    expect(name).to_have_value("LumiC")
    name.press_sequentially("ertification")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?action=bulk&type=LumiCertification$"))


def test_3_a_change_leads_to_what_it_changed(visit: Visit) -> None:
    page = visit("changes?action=bulk&type=LumiCertification")
    page.get_by_role("link", name="LumiCertification_1").click()
    expect(page.locator("h1")).to_have_text("LumiCertification_1")
    page.get_by_role("link", name="History").click()
    expect(page.locator("h1")).to_have_text("History of LumiCertification_1")
    settled(page)
    page.locator("tbody th a").last.click()
    expect(page).to_have_url(re.compile(r"/ui/lists/LumiCertification_1\?as_of=\d+$"))
    title = page.locator(".notice-title")
    expect(title).to_have_text("This payload list is empty")


@pytest.fixture(scope="module")
def empty(databases: Any) -> Iterator[str]:
    with service(databases) as app, serving(app) as url:
        yield url


def test_7_no_match_no_earlier_and_no_changes_are_told_apart(visit: Visit, empty: str) -> None:
    titles = [
        visit(path, **of).locator(".notice-title").inner_text()
        for path, of in (
            ("changes", {"of": empty}),
            ("changes?before=1", {}),
            (f"{HISTORY}?before=1", {}),
            (f"{HISTORY}?actor=nobody&before=9", {}),
        )
    ]
    assert titles == [
        "This database is empty",
        "No earlier changes",
        "No earlier changes",
        "No change matches",
    ]


def test_7_all_is_shown_again_where_nothing_matches(visit: Visit) -> None:
    page = visit(f"{HISTORY}?actor=nobody&action=bulk&type=T&since=2026-01-01")
    page.get_by_role("link", name="Show all").click()
    expect(page).to_have_url(re.compile(f"/{HISTORY}$"))
    expect(page.get_by_label("Who")).to_have_value("")
    expect(page.get_by_role("combobox", name="What")).to_have_value("")
    expect(page.locator("tbody tr").first).to_be_visible()


def test_6_a_time_that_is_none_is_said(visit: Visit) -> None:
    page = visit("changes?since=never", fails=True)
    expect(page.get_by_role("alert")).to_contain_text("'never' is not a time in ISO 8601")
