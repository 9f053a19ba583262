"""What a browser takes to show a large tag, and to zoom and move in its picture, in Chromium."""

import shutil
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from harness import special
from harness.client import Client
from harness.figures import median, table
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

WINDOW: ViewportSize = {"width": 1280, "height": 800}

STEPS = 90
"""Of a gesture: turns of the wheel, or moves of the pointer."""

LOADED = """() => {
    const { responseEnd, encodedBodySize: sent } = performance.getEntriesByType("navigation")[0];
    const others = performance.getEntriesByType("resource").map((each) => ({
        url: each.name,
        start: each.requestStart,
        end: each.responseEnd,
        transferred: each.transferSize,
        sent: each.encodedBodySize,
        plain: each.decodedBodySize,
    }));
    return [{ url: location.href, end: responseEnd, transferred: sent, sent }, ...others];
}"""
"""What a page has loaded: milliseconds since its start, and bytes."""

PAINTED = """() => performance.getEntriesByName("cdb:paint").map(
    ({ startTime, duration }) => [startTime, duration])"""
"""When the picture was painted, and how long that took, in milliseconds."""

WATCH = """() => {
    const frames = [];
    const next = (now) => {
        frames.push(now);
        window.cdbWatched = requestAnimationFrame(next);
    };
    window.cdbFrames = frames;
    next(performance.now());
}"""

WATCHED = """() => {
    cancelAnimationFrame(window.cdbWatched);
    return window.cdbFrames;
}"""
"""When the frames began that were drawn meanwhile, in milliseconds."""

Line = list[object]


def main() -> None:
    """Open the page of a tag for the first time and again, and zoom and move in its picture."""
    parser = special.parser(__doc__, lists=200, iovs=26_000, tag=True)
    options = parser.parse_args()
    with special.service(options) as service, sync_playwright() as playwright:
        client = Client(service.url)
        tag = special.loaded(client, options)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-headless-shell")
        )
        lines = looks(browser, f"{service.url.partition('/api/')[0]}/ui/global-tags/{tag}")
        browser.close()
    table(["", "", "at most"], lines)


def looks(browser: Browser, url: str) -> list[Line]:
    """Return what is found of a page."""
    page = browser.new_page(viewport=WINDOW)
    first = opened(page, url)
    lines = [*said("first visit", first), *said("second visit", opened(page, url))]
    lines += gesture(page, "zooming", zoom)
    return lines + gesture(page, "moving", move)


def opened(page: Page, url: str) -> dict[str, Any]:
    """Open a page, and return what it has loaded and when it painted its picture."""
    page.goto(url)
    page.locator(".timeline[aria-busy=false]").wait_for()
    page.wait_for_load_state("networkidle")
    return {"loaded": page.evaluate(LOADED), "painted": page.evaluate(PAINTED)}


def said(name: str, found: dict[str, Any]) -> list[Line]:
    """Return what was found of a visit."""
    loaded = found["loaded"]
    answer = next(each for each in loaded if "/timeline?" in each["url"])
    begun, took = next(each for each in found["painted"] if each[0] > answer["end"])
    transferred = sum(each["transferred"] for each in loaded) / 1000
    return [
        [f"{name}: answer, ms", answer["end"] - answer["start"], ""],
        [f"{name}: answer, kB as sent", answer["sent"] / 1000, 400.0],
        [f"{name}: answer, kB", answer["plain"] / 1000, ""],
        [f"{name}: picture, ms after the answer", begun + took - answer["end"], 1000.0],
        [f"{name}: requests", len(loaded), ""],
        [f"{name}: kB, all together", transferred, ""],
    ]


def gesture(page: Page, name: str, do: Callable[[Page], None]) -> list[Line]:
    """Return how long frames last while somebody does something in the picture."""
    page.evaluate("performance.clearMeasures()")
    page.evaluate(WATCH)
    do(page)
    begun: list[float] = page.evaluate(WATCHED)
    frames = sorted(after - before for before, after in pairwise(begun))
    painted = [took for _, took in page.evaluate(PAINTED)]
    page.locator(".timeline[aria-busy=false]").wait_for()
    return [
        [f"{name}: frame, median ms", median(frames), 1000 / 60],
        [f"{name}: frame, of twenty the slowest, ms", frames[len(frames) * 19 // 20], ""],
        [f"{name}: frame, slowest, ms", frames[-1], ""],
        [f"{name}: painting, median ms", median(painted), ""],
        [f"{name}: pictures painted", len(painted), ""],
    ]


def zoom(page: Page) -> None:
    """Turn the wheel, into the picture and out of it."""
    middle(page)
    page.keyboard.down("Control")
    for step in range(STEPS):
        page.mouse.wheel(0, -60 if step < STEPS // 2 else 60)
    page.keyboard.up("Control")


def move(page: Page) -> None:
    """Drag the picture to the left and back."""
    x, y = middle(page)
    page.mouse.down()
    for step in range(STEPS):
        page.mouse.move(x - 4 * min(step, STEPS - step), y)
    page.mouse.up()


def middle(page: Page) -> tuple[float, float]:
    """Go to the middle of the picture."""
    picture = page.locator(".timeline canvas")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    if box is None:
        raise SystemExit("there is no picture")
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*place)
    return place


if __name__ == "__main__":
    main()
