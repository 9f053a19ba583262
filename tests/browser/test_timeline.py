"""The picture of a global tag. Checks 3, 4, 5, 10, 11, 12."""

import gzip
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.request import Request, urlopen

import pytest
from chromium import Visit, service, settled, violations
from playwright.sync_api import Page, Route, expect
from support import WRITER, Client, serving

from cdb.domain.points import Point
from cdb.services import global_tags, payload_iovs, payload_lists, payload_types
from cdb.services.entering import Reference
from cdb.services.payload_types import Choice

BIG = 2**53 + 1
"""9007199254740993, the first integer that a number of JavaScript cannot hold."""

MANY = 6000
"""More intervals than are shown one by one."""

LANES = 200

Row = tuple[str, tuple[int, int], tuple[int, int] | None]


@pytest.fixture(scope="module")
def own(databases: Any) -> Iterator[str]:
    """A service with tags for each kind of picture."""
    with service(databases) as app, serving(app) as url:
        client = Client(app)
        # What is put over `a` cuts it in two.
        few: list[Row] = [("a", (100, 0), (200, 0)), ("c", (300, 7), None)]
        fill(app, "Tag", {"Few": few, "Many": many(), "None": []})
        client.ok("POST", "payload-lists/Few_1/iovs", [row(("b", (120, 0), (130, 0)))])
        fill(app, "Big", {"Large": [("x", (BIG, BIG), (BIG, BIG + 2)), ("y", (BIG + 1, 0), None)]})
        fill(app, "One", {"Single": [("s", (0, 0), None)]})
        fill(app, "Empty", {})
        fill(app, "Wide", {f"T{lane:03}": wide(lane) for lane in range(LANES)})
        yield url


def many() -> list[Row]:
    """Intervals of one run each, of which a hundred runs have none."""
    return [
        (str(run), (run, 0), (run + 1, 0)) for run in range(100 + MANY) if not 100 <= run < 200
    ]


def wide(lane: int) -> list[Row]:
    """Intervals of all lengths, more than a lane of 200 shows one by one."""
    edges = sorted({(number * number * (lane + 7)) % 9973 for number in range(60)})
    return [(str(n), (a, 0), (b, 0)) for n, (a, b) in enumerate(pairwise(edges))]


def fill(app: Any, tag: str, content: dict[str, list[Row]]) -> None:
    """Make a tag with a list for each type, all at once."""
    context = app.registry.cdb
    rules, references = context.rules, {}
    with context.database.writing() as session:
        global_tags.create(session, rules, WRITER, tag)
        for name, rows in content.items():
            payload_types.create(session, rules, WRITER, name, choice=Choice("run-lumi"))
            made = payload_lists.create(session, rules, WRITER, name).name
            payload_lists.attach(session, rules, WRITER, made, tag)
            references[made] = [
                (number, Reference(url, "sum", Point(*start), Point(*end) if end else None))
                for number, (url, start, end) in enumerate(rows)
            ]
        if references:
            payload_iovs.attach_many(session, rules, WRITER, references)


def row(given: Row) -> dict[str, Any]:
    url, start, end = given
    bounds = {"major_iov_end": end[0], "minor_iov_end": end[1]} if end else {}
    numbers = {"major_iov": start[0], "minor_iov": start[1]}
    return {"payload_url": url, "checksum": "sum", **numbers, **bounds}


# --- what is shown --------------------------------------------------------------


def colour(page: Page, part: float, lane: int) -> list[int]:
    """Return what the canvas has in a lane, at a part of the width: red, green, blue."""
    return list(
        page.evaluate(
            """([part, lane]) => {
                const canvas = document.querySelector('canvas');
                const names = document.querySelectorAll('.timeline-names li');
                const box = names[lane].getBoundingClientRect();
                const y = box.top + box.height / 2 - canvas.getBoundingClientRect().top;
                const ratio = canvas.width / canvas.clientWidth;
                const at = [Math.round(part * canvas.width), Math.round(y * ratio)];
                // A copy, since a canvas that is read from is drawn on in another way.
                const copy = new OffscreenCanvas(1, 1).getContext('2d');
                copy.drawImage(canvas, ...at, 1, 1, 0, 0, 1, 1);
                return [...copy.getImageData(0, 0, 1, 1).data.slice(0, 3)];
            }""",
            [part, lane],
        )
    )


def swatches(page: Page, *names: str) -> list[list[int]]:
    """Return colours of the legend."""
    read = "(each) => getComputedStyle(each).color.match(/[0-9]+/g).slice(0, 3).map(Number)"
    return [page.locator(f"[data-colour={name}]").evaluate(read) for name in names]


def twin(page: Page) -> list[list[str]]:
    """Return the rows of the tables that say what the picture shows."""
    settled(page)
    button = page.get_by_role("button", name="As a table")
    if button.get_attribute("aria-expanded") == "false":
        button.click()
    rows = page.locator(".timeline-twin tbody tr")
    rows.first.wait_for()
    return [text.split("\t") for text in rows.all_inner_texts()]


def shown_as(page: Page, lane: str) -> str:
    """Return how a lane is shown: by buckets or by intervals."""
    return next(cells[3] for cells in twin(page) if cells[0] == lane)


def window(page: Page) -> str:
    """Return from where to where the picture goes, once it is there."""
    settled(page)
    return page.locator(".timeline-window").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_10_a_known_gap_is_painted_and_stands_in_the_table(
    visit: Visit, own: str, scheme: str
) -> None:
    page = visit("global-tags/Tag?from=0,0&to=400,0&lane=Few", of=own, scheme=scheme)
    gap, covered = swatches(page, "gap", "hatch"), swatches(page, "one", "next")
    # Runs 250, 150 and 350 of the lane Few; 150 and 50 of the lane Many.
    assert colour(page, 250 / 400, 0) in gap
    assert colour(page, 160 / 400, 0) in covered
    assert colour(page, 350 / 400, 0) in covered
    assert colour(page, 150 / 400, 1) in gap
    assert colour(page, 50 / 400, 2) in gap
    rows = [cells for cells in twin(page) if len(cells) == 3]
    assert rows == [
        ["0:0", "100:0", "gap: nothing is valid"],
        ["100:0", "120:0", "a"],
        ["120:0", "130:0", "b (override)"],
        ["130:0", "200:0", "a"],
        ["200:0", "300:7", "gap: nothing is valid"],
        ["300:7", "∞", "c"],
    ]
    assert violations(page) == []


def test_10_the_counts_of_buckets_add_up_and_their_gap_is_seen(visit: Visit, own: str) -> None:
    page = visit("global-tags/Tag?lane=Many", of=own)
    total, *_ = (cells[2] for cells in twin(page) if cells[0] == "Many")
    assert total == f"{MANY:,}"
    buckets = [cells for cells in twin(page) if len(cells) == 3]
    counted = [int(cells[2].split()[0]) for cells in buckets if "gap" not in cells[2]]
    assert sum(counted) == MANY
    assert ["100:0", "200:0", "gap: nothing is valid"] in buckets
    # There is room for what goes on behind the last edge.
    assert window(page) == "0:0 … 6344:0"
    assert colour(page, 150 / 6344, 1) in swatches(page, "gap", "hatch")
    assert colour(page, 6200 / 6344, 1) in swatches(page, "gap", "hatch")
    assert colour(page, 6200 / 6344, 0) in swatches(page, "one", "next")


def test_10_a_gap_that_is_narrower_than_a_pixel_is_not_painted_over(
    visit: Visit, own: str
) -> None:
    page = visit("global-tags/Tag", of=own)
    cells = """async () => {
        const modules = document.querySelector('script[type=module]').src;
        const part = (name) => import(new URL(`components/timeline/${name}.js`, modules));
        const [{ axisOf }, { piecesOf }] = [await part('axis'), await part('pieces')];
        const columns = await part('columns');
        const point = (major, minor) => ({ major: BigInt(major), minor: BigInt(minor) });
        const lane = { intervals: [
            { start: point(0, 0), end: point(500000, 7), payload_url: 'a' },
            { start: point(500000, 8), end: point(1000000, 0), payload_url: 'a' },
        ] };
        const axis = axisOf({ from: point(0, 0), until: point(1000000, 0) }, 100n);
        const room = columns.roomFor(10);
        columns.fillColumns(room, piecesOf({}, lane, axis.scale), axis);
        return [...room.isPart];
    }"""
    assert page.evaluate(cells) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_7_pictures_of_next_to_nothing(visit: Visit, own: str) -> None:
    page = visit("global-tags/One", of=own)
    assert window(page) == "0:0 … 0:2"
    assert colour(page, 0.5, 0) in swatches(page, "one")
    page = visit("global-tags/Tag?from=9000000,0&to=9000100,0&lane=Many", of=own)
    assert [cells for cells in twin(page) if len(cells) == 3] == [
        ["9000000:0", "9000100:0", "gap: nothing is valid"]
    ]
    page = visit("global-tags/Empty", of=own)
    expect(page.get_by_text("This global tag is empty")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)


# --- 5: 64 bits -----------------------------------------------------------------


def test_5_large_points_are_exact_and_the_last_one_is_infinity(visit: Visit, own: str) -> None:
    page = visit(f"global-tags/Big?lane=Large&from={BIG},{BIG}&to={BIG},{BIG + 4}", of=own)
    assert window(page) == f"{BIG}:{BIG} … {BIG}:{BIG + 4}"
    assert [cells for cells in twin(page) if len(cells) == 3] == [
        [f"{BIG}:{BIG}", f"{BIG}:{BIG + 2}", "x"],
        [f"{BIG}:{BIG + 2}", f"{BIG}:{BIG + 4}", "gap: nothing is valid"],
    ]
    box = page.locator("canvas").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.26, box["y"] + 40)
    expect(page).to_have_url(re.compile(rf"at={BIG}%2C{BIG + 1}$"))
    page = visit(f"global-tags/Big?lane=Large&from={BIG},{BIG}", of=own)
    assert window(page) == f"{BIG}:{BIG} … ∞"


# --- 3, 4: the URL and the keyboard ---------------------------------------------


def test_4_one_zooms_moves_and_sets_the_cursor_by_keyboard(visit: Visit, own: str) -> None:
    page = visit("global-tags/Tag?from=0,0&to=400,0", of=own)
    picture = page.get_by_role("application", name="Tag as lanes")
    picture.focus()
    page.keyboard.press("-")
    expect(page).to_have_url(re.compile(r"from=0%2C0&to=600%2C0$"))
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile(r"from=100%2C0&to=500%2C0$"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"from=140%2C0&to=540%2C0$"))
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"&lane=Few$"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"&at=340%2C0$"))
    page.keyboard.press("Shift+ArrowRight")
    expect(page).to_have_url(re.compile(r"&at=348%2C0$"))
    expect(page.get_by_text("348:0 · Few: 300:7 … ∞, c")).to_be_visible()
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile(r"Tag\?lane=Few&at=348%2C0$"))
    expect(picture).to_be_focused()


def test_3_reload_and_a_copied_link_restore_the_picture(visit: Visit, own: str) -> None:
    path = "global-tags/Tag?from=50,3&to=350,0&at=240:5&lane=Few"
    page = visit(path, of=own)
    shown = seen(page)
    page.reload()
    assert seen(page) == shown
    assert seen(visit(path, of=own, fresh=True)) == shown


def seen(page: Page) -> list[str]:
    """Return what a picture shows: its window, what it says of the cursor, its pixels."""
    expect(page.get_by_text("240:5 · Few: gap")).to_be_visible()
    settled(page)
    pixels = "(canvas) => new Promise(requestAnimationFrame).then(() => canvas.toDataURL())"
    return [window(page), str(page.locator("canvas").evaluate(pixels))]


def test_3_the_picture_is_as_of_the_change_that_one_looks_at(visit: Visit, own: str) -> None:
    page = visit("global-tags/Tag?from=0,0&to=400,0&lane=Few", of=own)
    assert "b (override)" in str(twin(page))
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"as_of=\d+$"))
    settled(page)
    assert ["100:0", "200:0", "a"] in twin(page)


# --- by pointer -----------------------------------------------------------------


def test_12_zooming_in_leads_from_buckets_to_intervals_with_one_question(
    visit: Visit, own: str
) -> None:
    page = visit("global-tags/Tag?from=0,0&to=6400,0", of=own)
    assert shown_as(page, "Many") == "buckets"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    frames = paints(page)
    # On the axis, around run 160 of 6400, without a pause.
    page.locator("canvas").evaluate(
        """(canvas) => {
            const { left, top, width } = canvas.getBoundingClientRect();
            const turn = { deltaY: -100, clientX: left + width / 40, clientY: top + 8 };
            for (let each = 0; each < 12; each += 1) {
                canvas.dispatchEvent(new WheelEvent('wheel', { ...turn, cancelable: true }));
            }
        }"""
    )
    expect(page).to_have_url(re.compile("from=1[0-9]{2}%2C"))
    settled(page)
    assert shown_as(page, "Many") == "intervals"
    assert len([url for url in asked if "/timeline?" in url]) == 1
    assert paints(page) > frames


def paints(page: Page) -> int:
    """Return how often the picture was painted."""
    return int(page.evaluate("performance.getEntriesByName('cdb:paint').length"))


def test_12_a_part_of_the_axis_is_chosen_by_dragging_and_the_lanes_are_dragged(
    visit: Visit, own: str
) -> None:
    page = visit("global-tags/Tag?from=0,0&to=400,0", of=own)
    box = page.locator("canvas").bounding_box()
    assert box
    drag(page, box, (0.25, 8), (0.75, 8))
    expect(page).to_have_url(re.compile(r"from=(99|100)%2C\d+&to=(299|300)%2C\d+$"))
    settled(page)
    drag(page, box, (0.5, 40), (0.25, 40))
    expect(page).to_have_url(re.compile(r"from=(149|150)%2C\d+&to=(349|350)%2C\d+$"))
    settled(page)
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    expect(page.get_by_text("Few: gap")).to_be_visible()


def drag(page: Page, box: Any, start: tuple[float, int], end: tuple[float, int]) -> None:
    """Drag from one place of a picture to another: a part of the width, and pixels."""
    places = [(box["x"] + box["width"] * part, box["y"] + y) for part, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def test_12_a_slow_answer_to_an_old_window_is_not_shown(visit: Visit, own: str) -> None:
    page = visit("global-tags/Tag?from=0,0&to=400,0&lane=Many", of=own)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/timeline?*", hold)
    page.get_by_role("application").focus()
    page.keyboard.press("PageDown")
    expect(page).to_have_url(re.compile("from=400%2C0&to=800%2C0"))
    expect(page.locator("figure[aria-busy=true]")).to_have_count(1)
    page.keyboard.press("PageDown")
    expect(page).to_have_url(re.compile("from=800%2C0&to=1200%2C0"))
    settled(page)
    rows = twin(page)
    assert rows[-1][:2] == ["1199:0", "1200:0"]
    answers: list[str] = []
    page.on("requestfinished", lambda request: answers.append(request.url))
    held[0].continue_()
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowUp")
    expect(page).to_have_url(re.compile("lane=Few"))
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("lane=Many"))
    assert twin(page) == rows
    assert not [url for url in answers if "/timeline?" in url]


# --- 11: many lanes -------------------------------------------------------------


def test_11_two_hundred_lanes_come_in_little(visit: Visit, own: str) -> None:
    page = visit("global-tags/Wide", of=own)
    url = page.evaluate("""() => performance.getEntriesByType('resource').find(
        (each) => each.name.includes('/timeline?')).name""")
    sent = Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - of our own server
    with urlopen(sent) as answer:  # noqa: S310 - as above
        packed = answer.read()
    assert len(packed) < 400_000
    lanes = json.loads(gzip.decompress(packed))["lanes"]
    assert len(lanes) == LANES
    assert all("counts" in lane for lane in lanes)
    # The last lane is painted once one gets there.
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("lane=T000$"))
    page = visit(f"global-tags/Wide?lane=T{LANES - 1}", of=own)
    page.locator(".timeline-said").scroll_into_view_if_needed()
    expect(page.locator(".timeline-names a").last).to_be_in_viewport()
    edges = swatches(page, "one", "next", "few", "many", "gap", "hatch")
    assert colour(page, 0.5, LANES - 1) in edges
