"""The page of a payload list, in a tag or not. Checks 3, 5, 7, 9, 10, 13, 15."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from chromium import Visit, service, settled
from playwright.sync_api import Page, expect
from processes import CDB, environ
from support import Client, serving

LISTS = "payload-lists/by-name"

LUMI = "lists/LumiCertification_1"

NAME = "100 % <b>#ß?_1"
"""A list in no tag."""

MANY = 6000
"""More intervals than are shown one by one."""

BIG = 2**53 + 1


@pytest.fixture(scope="module")
def own(databases: Any) -> Iterator[str]:
    """A service with a list in no tag, which is changed twice, a large one, and an empty one."""
    with service(databases) as app, serving(app) as url:
        client = Client(app)
        for name in (NAME[:-2], "Many", "Empty"):
            client.ok("POST", "pt", {"name": name})
            client.ok("POST", "pl", {"payload_type": name})
        rows = [row("a", (1, 0), (2, BIG)), row("b", (3, 0), None)]
        client.ok("POST", f"payload-lists/{quote(NAME)}/iovs", rows)
        client.ok("POST", f"payload-lists/{quote(NAME)}/iovs", [row("c", (7, 0), None)])
        many = [row(str(n), (2 * n, 0), (2 * n + 1 + n % 2, 0)) for n in range(MANY)]
        client.ok("POST", "payload-lists/Many_2/iovs", many)
        yield url


def row(url: str, start: tuple[int, int], end: tuple[int, int] | None) -> dict[str, Any]:
    bounds = {} if end is None else {"major_iov_end": end[0], "minor_iov_end": end[1]}
    return {
        "payload_url": f"{url}.txt",
        "checksum": f"sum of {url}",
        "major_iov": start[0],
        "minor_iov": start[1],
        **bounds,
    }


def intervals(page: Page) -> list[list[str]]:
    """Return from where, until where, and what, of all rows of the table of intervals."""
    table = page.get_by_role("region", name=re.compile("^Intervals of"))
    return [line.split("\t")[:3] for line in table.locator("tbody tr").all_inner_texts()]


# --- 9, 10: what is there, and what is not ----------------------------------------


def test_9_intervals_and_gaps_are_what_the_api_says(visit: Visit, client: Client) -> None:
    window = "from=302635:1100&to=302635:1300"
    iovs = client.ok("GET", f"{LISTS}/LumiCertification_1/iovs?{window}")
    gaps = client.ok("GET", f"{LISTS}/LumiCertification_1/gaps?{window}")
    page = visit(f"{LUMI}?{window}")
    expected = sorted(
        (each["minor_iov"], each["begin"], each["end"], each.get("payload_url"))
        for each in [*iovs, *gaps]
    )
    assert [(begin, end) for begin, end, _ in intervals(page)] == [
        (begin, end) for _, begin, end, _ in expected
    ]
    assert [what for _, _, what in intervals(page)] == [
        url or "gap: nothing is valid here" for *_, url in expected
    ]
    assert len(gaps) > 2


def test_9_what_is_valid_at_a_point_is_said_of_this_list(visit: Visit) -> None:
    page = visit(f"{LUMI}?at=302635:1200")
    here = page.get_by_role("region", name="What is valid at 302635:1200")
    expect(here.locator("tbody th")).to_have_text("302635:1132")
    page.get_by_role("button", name="Later").click()
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1207$"))
    expect(page.get_by_text("Gap: nothing is valid at 302635,1207.")).to_be_visible()
    page.get_by_role("button", name="Earlier").click()
    expect(page).to_have_url(re.compile(r"\?at=302635%2C1206$"))


def test_10_pages_show_every_interval_and_every_gap_once(visit: Visit, client: Client) -> None:
    iovs = client.ok("GET", f"{LISTS}/LumiCertification_1/iovs?from=305500")
    gaps = client.ok("GET", f"{LISTS}/LumiCertification_1/gaps?from=305500")
    assert 100 < len(iovs) < 300
    page = visit(f"{LUMI}?from=305500")
    seen = intervals(page)
    for _ in range(len(iovs) // 100):
        before = page.url
        page.get_by_role("link", name="Next").click()
        expect(page).not_to_have_url(before)
        settled(page)
        seen += intervals(page)
    assert page.get_by_role("link", name="Next").count() == 0
    starts = sorted((each["major_iov"], each["minor_iov"]) for each in [*iovs, *gaps])
    assert [begin for begin, *_ in seen] == [f"{major}:{minor}" for major, minor in starts]
    page.get_by_role("link", name="First").click()
    expect(page).to_have_url(re.compile(rf"/{LUMI}\?from=305500$"))


def test_10_many_intervals_are_counted_by_where_they_begin(visit: Visit, own: str) -> None:
    page = visit("lists/Many_2", of=own)
    table = page.get_by_role("region", name="Intervals of Many_2")
    counts = table.locator("tbody td:nth-child(3)").all_inner_texts()
    assert 2 <= len(counts) <= 50
    assert sum(map(int, counts)) == MANY
    table.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"\?from=0%2C0&to=\d+%2C0$"))
    expect(table.locator("tbody td:nth-child(3)").first).to_have_text("0.txt")
    page.go_back()
    page.get_by_role("link", name="One by one").click()
    expect(table.locator("tbody tr").nth(1)).to_contain_text("gap: nothing is valid here")
    expect(page.get_by_role("link", name="Next")).to_be_visible()


# --- 3, 5, 7, 13: state, numbers, nothing, names ------------------------------------


def test_13_a_list_without_a_tag_has_a_page_whatever_it_is_called(visit: Visit, own: str) -> None:
    page = visit(f"lists/{quote(NAME)}", of=own)
    assert page.locator("h1").inner_text() == NAME
    expect(page.get_by_text("none: it is in no tag")).to_be_visible()
    # Exact, above what JavaScript's numbers can hold.
    assert intervals(page) == [
        ["0,0", "1,0", "gap: nothing is valid here"],
        ["1,0", f"2,{BIG}", "a.txt"],
        [f"2,{BIG}", "3,0", "gap: nothing is valid here"],
        ["3,0", "7,0", "b.txt"],
        ["7,0", "∞", "c.txt"],
    ]
    link = page.get_by_role("link", name="a.txt")
    assert link.get_attribute("href") == "/ui/payloads/sum%20of%20a"
    page.get_by_role("link", name=NAME[:-2]).first.click()
    expect(page.locator("h1")).to_have_text(NAME[:-2])
    settled(page)
    page.get_by_role("link", name=NAME).click()
    expect(page.locator("h1")).to_have_text(NAME)


def test_3_the_slider_goes_through_the_changes_of_the_list(visit: Visit, own: str) -> None:
    page = visit(f"lists/{quote(NAME)}", of=own)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"\?as_of=\d+$"))
    expect(page.get_by_role("link", name="c.txt")).to_have_count(0)
    settled(page)
    assert intervals(page)[-1] == ["3,0", "∞", "b.txt"]
    shown = page.locator("main").inner_text()
    page.reload()
    settled(page)
    assert page.locator("main").inner_text() == shown
    page.keyboard.press("Control+k")
    page.keyboard.type("1,5")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?as_of=\d+&at=1%2C5$"))
    expect(page.get_by_role("region", name="What is valid at 1,5")).to_contain_text("a.txt")


def test_7_an_empty_list_and_an_empty_part_are_told_apart(visit: Visit, own: str) -> None:
    page = visit("lists/Empty_3", of=own)
    assert page.locator(".notice-title").inner_text() == "This payload list is empty"
    page = visit("lists/LumiCertification_1?from=1:0&to=2:0")
    title = "Nothing is valid in this part of the axis"
    assert page.locator(".notice-title").inner_text() == title
    page.get_by_label("From").fill("302635:1100")
    page.get_by_label("To, which does not belong to it").fill("302635:1130")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?from=302635%3A1100&to=302635%3A1130$"))
    expect(page.get_by_role("region", name="Intervals of")).to_contain_text("302635:1126")


def test_6_a_list_that_does_not_exist_is_named(visit: Visit) -> None:
    page = visit("lists/NoSuch", fails=True)
    sentence = page.get_by_text("Payload list 'NoSuch' does not exist.").first
    expect(sentence).to_be_visible()


def test_7_lists_and_types_are_found_by_a_part_of_a_name(visit: Visit, own: str) -> None:
    page = visit("", of=own)
    page.get_by_role("link", name="3 payload lists").click()
    page.get_by_label("Name of the list").fill("%")
    expect(page).to_have_url(re.compile(r"/ui/lists\?q=%25$"))
    expect(page.locator("tbody th")).to_have_text([NAME])
    page.get_by_label("Name of the list").fill("nothing like it")
    expect(page.locator(".notice-title")).to_have_text("No payload list matches")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="payload IOVs").click()
    page.get_by_role("link", name="payload IOVs").click()
    expect(page.locator("tbody th").first).to_have_text("Many_2")
    page.get_by_role("link", name="Many", exact=True).click()
    expect(page.locator("h1")).to_have_text("Many")
    page = visit("types?q=nothing-like-it", of=own)
    assert page.locator(".notice-title").inner_text() == "No payload type matches"


# --- 15: taken along ------------------------------------------------------------


def test_15_the_copied_command_lists_what_the_page_shows(visit: Visit, own: str) -> None:
    page = visit(f"lists/{quote(NAME)}?from=2,0", of=own)
    page.get_by_text("Copy as", exact=True).click()
    words = page.get_by_role("region", name="Command line").locator("pre").inner_text()
    assert words.startswith("cdb iov ls --list ")
    command = ["sh", "-c", words.replace("cdb ", f"{CDB} ", 1) + " --format csv"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ())
    listed = [line.split(",")[2] for line in done.stdout.splitlines()[1:]]
    assert listed == ["a.txt", "b.txt", "c.txt"]
    assert [what for *_, what in intervals(page) if "gap" not in what] == listed
