"""Two tags side by side, and a tag and its past, are what the API says. Checks 3, 4, 8, 15."""

import csv
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import Visit, service, settled
from playwright.sync_api import Page, expect
from processes import CDB, environ
from support import Client, program, serving

BIG = 2**53 + 1
"""A major number that a number of JavaScript cannot hold."""

MANY = 700
"""Differences of a type, more than a lane of a picture with four types shows one by one."""

SHOWN = 200
"""Differences that a table shows."""

LANES = 12
"""Payload types that a picture shows."""


class Compared:
    """A service with tags to compare: its URL, and a client past the browser."""

    def __init__(self, app: Any, url: str) -> None:
        self.client = Client(app)
        self.url = url

    def put(self, tag: str, payload_type: str, *rows: dict[str, Any]) -> None:
        given = [{"payload_type": payload_type, "minor_iov": 0, **row} for row in rows]
        self.client.ok("POST", f"global-tags/{tag}/iovs", given)

    def list_of(self, tag: str, payload_type: str) -> None:
        made = self.client.ok("POST", "pl", {"payload_type": payload_type})["name"]
        self.client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": made})

    @property
    def latest(self) -> int:
        return int(self.client.ok("GET", "changes?order=desc&limit=1")["latest"])


def row(major: int, end: int | None, url: str, **more: Any) -> dict[str, Any]:
    ends = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {"payload_url": url, "checksum": f"sum-of-{url}", "major_iov": major, **ends, **more}


@pytest.fixture(scope="module")
def compared(databases: Any) -> Iterator[Compared]:
    """Tags A, its clones Same and B, which was written to, and two empty ones.

    B has another payload in Beam at large numbers, another revision in Field, and the type
    Gain, which A has not; many payload IOVs of Many are others.
    """
    with service(databases) as app, serving(app) as url:
        made = Compared(app, url)
        for name in ("Beam", "Field", "Gain", "Many", "Steady"):
            made.client.ok("POST", "pt", {"name": name})
        for name in ("A", "Empty-1", "Empty-2"):
            made.client.ok("POST", "gt", {"name": name})
        for name in ("Beam", "Field", "Many", "Steady"):
            made.list_of("A", name)
        made.put("A", "Beam", row(10, 20, "beam-1"), row(BIG, BIG + 2, "beam-2"))
        made.put("A", "Field", row(0, None, "field", revision="1"))
        made.put("A", "Many", *(row(n, n + 1, f"m{n}") for n in range(MANY)))
        made.put("A", "Steady", row(0, None, "steady"))
        made.client.ok("POST", "cloneGlobalTag/A/Same")
        made.client.ok("POST", "cloneGlobalTag/A/B")
        made.put("B", "Beam", row(BIG, BIG + 1, "fixed"))
        made.put("B", "Field", row(5, 9, "field", revision="2"))
        made.list_of("B", "Gain")
        made.put("B", "Gain", row(3, 7, "gain"))
        made.client.ok("POST", "gt", {"name": "Wide"})
        for number in range(LANES + 2):
            made.client.ok("POST", "pt", {"name": f"W{number:02}"})
            made.list_of("Wide", f"W{number:02}")
        made.put("B", "Many", *(row(n, n + 1, f"n{n}") for n in range(MANY)))
        yield made


@pytest.fixture
def look(visit: Visit, compared: Compared) -> Any:
    """Open the page of a diff: `look("a=A&b=B")`."""

    def opened(query: str, **options: Any) -> Page:
        return visit(f"diff?{query}", of=compared.url, **options)

    return opened


def cells(page: Page, caption: str) -> list[list[str]]:
    """Return what stands in the rows of a table."""
    table = page.get_by_role("region", name=caption, exact=True)
    return [each.split("\t") for each in table.locator("tbody tr").all_inner_texts()]


def notice(page: Page) -> str:
    return page.locator(".notice-title").inner_text()


TYPES = "Payload types that differ"


# --- 8: what differs, and what does not -------------------------------------------------


def test_8_the_types_that_differ_are_those_of_the_api(look: Any, compared: Compared) -> None:
    said = compared.client.ok("GET", "global-tags/A/diff/B?level=lists")
    page = look("a=A&b=B")
    assert page.locator("h2").inner_text() == "4 payload types differ"
    assert cells(page, TYPES) == [
        [each["payload_type"], each["a"] or "a has no list of this type", each["b"], each["begin"]]
        for each in said
    ]
    assert page.get_by_role("region", name="Where", exact=False).count() == 0
    # Two lists of each, but for the one that is missing.
    assert page.locator('tbody td a[href*="/ui/lists/"]').count() == 7


def test_8_the_intervals_that_differ_are_those_of_the_api(look: Any, compared: Compared) -> None:
    page = look("a=A&b=B&type=Beam")
    [said] = compared.client.ok("GET", "global-tags/A/diff/B?payload_type=Beam")
    [[begin, end, what, in_a, in_b]] = cells(page, "Where Beam differs")
    assert (begin, end) == (said["begin"], said["end"]) == (f"{BIG},0", f"{BIG + 1},0")
    assert what.split() == ["~", "another", "payload"]
    assert in_a.startswith("beam-2")
    assert in_b.startswith("fixed")
    # What is not alike is marked in the text, and not by a colour alone.
    marks = page.locator("td mark").all_inner_texts()
    assert marks == ["beam-2", "sum-of-b", "fixed", "sum-of-f"]


@pytest.mark.parametrize(
    ("query", "payload_type", "what"),
    [
        ("a=A&b=B", "Gain", "only in b"),
        ("a=B&b=A", "Gain", "only in a"),
        ("a=A&b=B", "Field", "another revision"),
    ],
)
def test_8_what_a_difference_is_is_said_in_words(
    look: Any, query: str, payload_type: str, what: str
) -> None:
    page = look(f"{query}&type={payload_type}")
    [[_, _, said, *payloads]] = cells(page, f"Where {payload_type} differs")
    assert said.endswith(what)
    assert ("nothing" in payloads) == what.startswith("only")


def test_8_of_many_intervals_the_first_are_shown_and_one_goes_on(
    look: Any, compared: Compared
) -> None:
    page = look("a=A&b=B&type=Many")
    said = compared.client.ok("GET", "global-tags/A/diff/B?payload_type=Many")
    assert len(said) == MANY
    shown = cells(page, "Where Many differs")
    assert [each[0] for each in shown] == [each["begin"] for each in said[:SHOWN]]
    expect(page.get_by_text("the first 200 intervals; there are more")).to_be_visible()
    page.get_by_role("link", name="Go on from 200,0").click()
    expect(page.get_by_role("link", name="Go on from 400,0")).to_be_visible()
    shown = cells(page, "Where Many differs")
    assert [each[0] for each in shown] == [each["begin"] for each in said[SHOWN : 2 * SHOWN]]
    page.get_by_role("link", name="From the beginning").click()
    expect(page.get_by_text("the first 200 intervals; there are more")).to_be_visible()


def test_8_a_tag_and_its_past(look: Any, compared: Compared) -> None:
    history = compared.client.ok("GET", "global-tags/B/history")["changes"]
    first = history[0]["change"]
    said = compared.client.ok("GET", f"global-tags/B/diff/B?a_as_of={first}&level=lists")
    page = look(f"a=B&b=B&a_as_of={first}")
    assert page.locator("h1").inner_text() == f"B as of {first} and B"
    assert [each[0] for each in cells(page, TYPES)] == [each["payload_type"] for each in said]
    assert len(said) == 4


def test_8_the_window_is_looked_at_in_both_tables(look: Any) -> None:
    page = look("a=A&b=B&from=5,0&to=8,0")
    assert {each[0]: each[-1] for each in cells(page, TYPES)} == {
        "Beam": "nowhere", "Field": "5,0", "Gain": "5,0", "Many": "5,0",
    }  # fmt: skip
    page.get_by_role("link", name="Many", exact=True).click()
    expect(page.get_by_text("3 intervals")).to_be_visible()


def test_8_what_differs_at_a_point_is_what_the_api_says(look: Any, compared: Compared) -> None:
    said = compared.client.ok("GET", "global-tags/A/diff/B?at=6,0")
    page = look("a=A&b=B&at=6,0")
    shown = cells(page, "What differs at 6,0")
    assert [[each[0], *each[-2:]] for each in shown] == [
        [each["payload_type"], each["begin"], each["end"]] for each in said
    ]
    assert len(said) == 3
    page.get_by_role("link", name="Close").click()
    expect(page).to_have_url(re.compile(r"\?a=A&b=B$"))
    assert notice(look(f"a=A&b=B&at={BIG},0&type=Steady")) == "Steady does not differ here"
    assert notice(look("a=A&b=B&at=2000,0")) == "No difference at this point"


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("a=A&b=A", "This is one state of one tag"),
        ("a=A&b=A&a_as_of={latest}&b_as_of={latest}", "This is one state of one tag"),
        ("a=A&b=A&a_as_of={latest}", "Nothing has changed between the two"),
        ("a=A&b=Same", "Both tags answer alike"),
        ("a=Empty-1&b=Empty-2", "Both are empty"),
        ("a=A&b=B&from=1000,0&to=2000,0", "No difference in this window"),
    ],
)
def test_8_that_nothing_differs_has_its_reasons(
    look: Any, compared: Compared, query: str, title: str
) -> None:
    assert notice(look(query.format(latest=compared.latest))) == title


def test_8_a_window_without_difference_leads_to_the_whole_axis(look: Any) -> None:
    page = look("a=A&b=B&from=1000,0&to=2000,0")
    page.get_by_role("link", name="Look at the whole axis").click()
    expect(page.locator(".notice-title")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?a=A&b=B$"))


@pytest.mark.parametrize(
    ("query", "title", "sentence"),
    [
        ("a=NoSuchTag&b=B", "Not found", "Global tag 'NoSuchTag' does not exist."),
        ("a=A&b=NoSuchTag", "Not found", "Global tag 'NoSuchTag' does not exist."),
        ("a=A&b=B&a_as_of=yesterday", "The request is wrong", "a_as_of: "),
        ("a=A&b=B&b_as_of=100000", "The request is wrong", "b_as_of: "),
        ("a=A&b=B&from=here", "The request is wrong", "from: "),
    ],
)
def test_8_what_cannot_be_compared_is_an_error(
    look: Any, query: str, title: str, sentence: str
) -> None:
    page = look(query, fails=True)
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text(title)
    expect(alert).to_contain_text(sentence)
    # The form is there to mend it.
    expect(page.get_by_role("button", name="Compare")).to_be_visible()


def test_8_without_two_tags_the_page_says_what_it_is_for(look: Any) -> None:
    page = look("a=A")
    assert page.locator("h1").inner_text() == "Compare"
    expect(page.get_by_text("which payload types answer differently")).to_be_visible()
    tag = page.get_by_role("group", name="a", exact=True).get_by_label("Global tag")
    expect(tag).to_have_value("A")


# --- 3, 4: in the URL, and by keyboard --------------------------------------------------


def test_3_all_of_a_diff_is_in_its_url(look: Any, compared: Compared) -> None:
    latest = compared.latest
    path = f"a=A&b=B&b_as_of={latest}&from=2,0&to=500,0&type=Many&at=6,0"
    page = look(path)
    shown = page.locator("main").inner_text()
    values = page.locator("main input").evaluate_all("all => all.map(each => each.value)")
    assert values == ["A", "", "B", str(latest), "2,0", "500,0"]
    page.reload()
    settled(page)
    assert page.locator("main").inner_text() == shown
    assert look(path, fresh=True).locator("main").inner_text() == shown


def test_3_swapped_sides_are_the_other_way_round(look: Any, compared: Compared) -> None:
    latest = compared.latest
    page = look(f"a=A&b=B&b_as_of={latest}&type=Gain")
    page.get_by_role("link", name="Swap").click()
    expect(page.locator("h1")).to_have_text(f"B as of {latest} and A")
    expect(page.get_by_text("only in a")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("only in b")).to_be_visible()


def test_4_two_tags_are_compared_by_keyboard(look: Any) -> None:
    page = look("")
    page.keyboard.press("Control+k")
    page.keyboard.type("compare")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("group", name="a", exact=True).get_by_label("Global tag").focus()
    page.keyboard.type("Emp")
    # What begins so is suggested.
    expect(page.locator("fieldset").first.locator("option")).to_have_count(2)
    page.keyboard.press("Control+a")
    page.keyboard.type("A")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("B")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("A and B")
    page.get_by_role("link", name="Beam", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?a=A&b=B&type=Field$"))
    expect(page.get_by_role("heading", name="Where Field differs")).to_be_visible()


def test_4_a_state_can_be_typed_as_the_api_takes_it(look: Any, compared: Compared) -> None:
    page = look("")
    for name, value in (("a", f"B@{compared.latest}"), ("b", "B")):
        page.get_by_role("group", name=name, exact=True).get_by_label("Global tag").fill(value)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"\?a=B&a_as_of={compared.latest}&b=B$"))


def test_4_a_tag_and_its_history_lead_to_what_changed(visit: Visit, compared: Compared) -> None:
    page = visit("global-tags/B/history", of=compared.url)
    page.get_by_role("link", name="what it changed").first.click()
    last = compared.latest
    expect(page.locator("h1")).to_have_text(f"B as of {last - 1} and B as of {last}")
    expect(page.get_by_role("heading", name="Where Many differs")).to_be_visible()
    page = visit(f"global-tags/B?as_of={last - 1}", of=compared.url)
    page.get_by_role("link", name="What changed since then").click()
    expect(page.locator("h1")).to_have_text(f"B as of {last - 1} and B")


# --- 15: taken along ----------------------------------------------------------------------


def test_15_the_copied_ways_find_what_the_page_shows(look: Any, compared: Compared) -> None:
    page = look("a=A&b=B&from=5,0&to=8,0&type=Many")
    actions = page.locator(".section-heading .actions")
    actions.locator("summary").click()
    said = {
        name: actions.get_by_label(f"As {name}", exact=True).inner_text()
        for name in ("curl", "Python", "Command line")
    }
    commands = [
        ["sh", "-c", said["curl"].replace("curl ", f"{program('curl')} -sS ", 1)],
        [
            CDB.with_name("python"),
            "-c",
            f"{said['Python']}\nimport json\nprint(json.dumps(found))",
        ],
        ["sh", "-c", said["Command line"].replace("cdb ", f"{CDB} ", 1) + " --format json"],
    ]
    for command in commands:
        done = subprocess.run(command, check=True, capture_output=True, env=environ())
        assert [each["begin"] for each in json.loads(done.stdout)] == ["5,0", "6,0", "7,0"]
    with page.expect_download() as download:
        actions.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [each["payload_url in b"] for each in rows] == ["n5", "n6", "n7"]


# --- the picture --------------------------------------------------------------------------


def pixels(page: Page, *places: tuple[str, float]) -> list[str]:
    """Return the colours in lanes, so far along the picture as a part says."""
    return list(
        page.evaluate(
            """(places) => {
                const names = [...document.querySelectorAll('.timeline-names li')];
                const canvas = document.querySelector('.timeline canvas');
                const box = canvas.getBoundingClientRect();
                // All at once: to read it again and again is slow, as the browser warns.
                const { width, height } = canvas;
                const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
                return places.map(([lane, part]) => {
                    const row = names.find((each) => each.querySelector('a').textContent === lane);
                    const line = row.getBoundingClientRect();
                    // Above the middle, where the sign of a mark stands.
                    const y = ((line.top + line.height * 0.2 - box.top) * height) / box.height;
                    const start = 4 * (Math.round(y) * width + Math.round(part * width));
                    return `rgb(${data.slice(start, start + 3).join(', ')})`;
                });
            }""",
            places,
        )
    )


def colour(page: Page, name: str) -> str:
    """Return the colour of something in the legend."""
    swatch = page.locator(f".timeline .swatch-{name}")
    return str(swatch.evaluate("each => getComputedStyle(each).backgroundColor"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_10_what_differs_is_painted_in_the_lanes_of_both(look: Any, scheme: str) -> None:
    page = look("a=A&b=B&from=0,0&to=10,0", scheme=scheme)
    lanes = page.get_by_role("list", name="Lanes").get_by_role("link").all_inner_texts()
    assert lanes == [
        f"{side} {name}" for name in ("Beam", "Field", "Gain", "Many") for side in "ab"
    ]
    places = [
        (lane, part)
        for lane in ("a Field", "b Field", "a Gain", "b Gain", "a Many", "b Many")
        for part in (0.25, 0.35, 0.65, 0.95)
    ]
    painted = dict(zip(places, pixels(page, *places), strict=True))
    changed, added = colour(page, "changed"), colour(page, "added")
    assert len({changed, added, colour(page, "removed")}) == 3
    marked = {place: seen for place, seen in painted.items() if seen in (changed, added)}
    assert marked == {
        **{(f"{side} Field", 0.65): changed for side in "ab"},
        **{(f"{side} Many", part): changed for side in "ab" for part in (0.25, 0.35, 0.65, 0.95)},
        **{("b Gain", part): added for part in (0.35, 0.65)},
    }
    # The same stretches stand in the tables.
    assert {each[0]: each[-1] for each in cells(page, TYPES)}["Gain"] == "3,0"


def test_10_of_many_differences_the_picture_has_buckets(look: Any, compared: Compared) -> None:
    said = compared.client.ok("GET", "global-tags/A/diff/B/timeline?types=Many&buckets=1400")
    assert len(said["lanes"][0]["intervals"]) == MANY
    with_others = compared.client.ok("GET", "global-tags/A/diff/B/timeline?to=1400,0&buckets=1400")
    [many] = [each for each in with_others["lanes"] if each["payload_type"] == "Many"]
    assert many["changed"] == [1000] * MANY + [0] * MANY
    page = look(f"a=A&b=B&from=0,0&to={2 * MANY},0")
    before, after = pixels(page, ("b Many", 0.49), ("b Many", 0.51))
    assert before == colour(page, "changed")
    assert after != before


def test_10_of_many_types_the_picture_shows_some_at_a_time(look: Any) -> None:
    page = look("a=Empty-1&b=Wide")
    assert page.locator("h2").inner_text() == f"{LANES + 2} payload types differ"
    assert {each[-1] for each in cells(page, TYPES)} == {"nowhere"}
    lanes = page.get_by_role("list", name="Lanes").get_by_role("link")
    assert lanes.count() == 2 * LANES
    page.get_by_role("link", name="Next").click()
    expect(lanes).to_have_text(["a W12", "b W12", "a W13", "b W13"])
    expect(page.get_by_text("13–14 of 14 payload types")).to_be_visible()
    expect(page).to_have_url(re.compile(r"&cursor=2$"))


def test_3_a_picture_is_zoomed_by_keyboard_and_restored_from_the_url(look: Any) -> None:
    page = look("a=A&b=B")
    page.get_by_role("application", name="Both as lanes").focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"&lane=a\+Beam&type=Beam$"))
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"&lane=b\+Beam&type=Beam$"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="Where Field differs")).to_be_visible()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("from=.*&to="))
    settled(page)
    window = page.locator(".timeline-window").inner_text()
    page.reload()
    settled(page)
    assert page.locator(".timeline-window").inner_text() == window
    page.get_by_role("button", name="All").click()
    expect(page).to_have_url(re.compile(r"\?a=A&b=B&lane=a\+Field&type=Field$"))


def test_12_other_tags_are_not_asked_for_the_types_of_those_before(look: Any) -> None:
    page = look("a=Empty-1&b=Wide&type=W01")
    page.get_by_role("group", name="a", exact=True).get_by_label("Global tag").fill("A")
    page.get_by_role("group", name="b", exact=True).get_by_label("Global tag").fill("B")
    # `look` sees to it that no request fails, as that for a type would that neither has.
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="4 payload types differ")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?a=A&b=B$"))
    settled(page)
