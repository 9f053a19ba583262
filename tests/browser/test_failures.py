"""What goes wrong is named, and can be tried again; nothing there is no failure. Checks 6, 7."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chromium import Visit, service, settled
from playwright.sync_api import Page, Route, expect
from support import Client, serving

QUESTION = "**/api/cdb_rest/global-tags?*"


def internal(route: Route) -> None:
    body = '{"detail": "The service failed.", "code": "internal"}'
    route.fulfill(status=500, content_type="application/json", body=body)


def offline(route: Route) -> None:
    route.abort("connectionrefused")


def no_json(route: Route) -> None:
    route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")


def unavailable(route: Route) -> None:
    body = '{"detail": "The database is busy with another write.", "code": "unavailable"}'
    route.fulfill(status=503, content_type="application/json", body=body)


def failure_of(page: Page) -> str:
    """Return what the page says of a failure, once it does."""
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    return alert.inner_text()


@pytest.mark.parametrize(
    ("fails", "title", "code"),
    [
        (internal, "The service failed", "internal"),
        (offline, "The service cannot be reached", "offline"),
        (no_json, "The service refused", "garbled"),
        (unavailable, "The service is busy", "unavailable"),
    ],
)
def test_6_a_failure_is_named_and_can_be_tried_again(
    visit: Visit, fails: Callable[[Route], None], title: str, code: str
) -> None:
    page = visit("about", fails=True)
    page.route(QUESTION, fails)
    page.get_by_role("link", name="Global tags", exact=True).click()
    said = failure_of(page)
    assert title in said
    assert f"error {code}" in said
    assert page.locator(".waiting").count() == 0
    page.unroute(QUESTION)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.get_by_role("alert").count() == 0


def test_6_a_service_that_does_not_answer_is_not_waited_for_for_ever(visit: Visit) -> None:
    page = visit("about", fresh=True)
    page.clock.install()
    page.route(QUESTION, lambda _: None)
    page.get_by_role("link", name="Global tags", exact=True).click()
    expect(page.locator(".waiting")).to_have_text("Loading the global tags …")
    page.clock.fast_forward(20_001)
    said = failure_of(page)
    assert "There was no answer within 20 seconds." in said
    assert "error timeout" in said


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("global-tags/NoSuchTag", "Global tag 'NoSuchTag' does not exist."),
        ("global-tags/NoSuchTag/history", "Global tag 'NoSuchTag' does not exist."),
        ("types/NoSuchType", "Payload type 'NoSuchType' does not exist."),
    ],
)
def test_6_what_does_not_exist_is_named(visit: Visit, path: str, sentence: str) -> None:
    said = failure_of(visit(path, fails=True))
    assert sentence in said
    assert "error not-found" in said


def test_6_the_palette_leads_to_pages_where_the_service_does_not_answer(visit: Visit) -> None:
    page = visit("", fails=True)
    page.route("**/api/cdb_rest/*?*", offline)
    page.keyboard.press("Control+k")
    page.keyboard.type("abo")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("cannot be reached")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("About this service")


def test_6_a_point_that_is_none_is_said_beside_the_tag(visit: Visit) -> None:
    page = visit("global-tags/CMS_2017?at=somewhere", fails=True)
    assert "'somewhere' is not written as 'run:lumi'" in failure_of(page)
    page.get_by_label("as run-lumi").fill("302635:1200")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(5)


def test_6_an_address_that_leads_nowhere_says_so(visit: Visit) -> None:
    assert visit("nothing/at/all").locator("h1").inner_text() == "No such page"


def test_6_who_may_not_read_is_told_so(visit: Visit, protected: str) -> None:
    page = visit("", of=protected, fails=True)
    expect(page.get_by_text("This service asks who reads").first).to_be_visible()


@pytest.fixture(scope="module")
def protected(databases: Any) -> Iterator[str]:
    with (
        service(databases, read_access="authenticated") as app,
        serving(app) as url,
    ):
        yield url


def test_7_three_kinds_of_nothing_are_told_apart(visit: Visit, root: str, databases: Any) -> None:
    with service(databases) as app, serving(app) as url:
        page = visit("global-tags", of=url)
        nothing_there = page.locator(".notice-title").inner_text()
        Client(app).ok("POST", "gt", {"name": "Empty"})
        page.goto(f"{url}/ui/global-tags/Empty")
        settled(page)
        empty_tag = page.locator(".notice-title").inner_text()
    page = visit("global-tags?q=nothing-like-it")
    no_match = page.locator(".notice-title").inner_text()
    assert nothing_there == "There are no global tags yet"
    assert empty_tag == "This global tag is empty"
    assert no_match == "No global tag matches"
    page.get_by_role("link", name="Show all").click()
    expect(page).to_have_url(re.compile("/ui/global-tags$"))
    expect(page.locator("tbody tr")).to_have_count(2)
