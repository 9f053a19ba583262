"""Numbers, names and commands come through as they are. Checks 5, 13, 15."""

import csv
import json
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from chromium import Visit, service, settled
from playwright.sync_api import Page, expect
from processes import CDB, environ
from support import Client, program, serving

BIG = 2**53 + 1
"""9007199254740993, the first integer that a number of JavaScript cannot hold."""

ODD = [
    "100 % a#b?c&d=e",
    "<script>window.hit=1<img src=x onerror=window.hit=1>",
    "Größe 標籤 🎉",
    'it\'s "quoted" $HOME `id`',
]


@pytest.fixture(scope="module")
def odd(databases: Any) -> Iterator[str]:
    """A service with odd names and large numbers."""
    with service(databases) as app, serving(app) as url:
        client = Client(app)
        for name in ODD:
            client.ok("POST", "gt", {"name": name, "author": name, "description": name})
            client.ok("POST", "pt", {"name": name, "description": name})
            made = client.ok("POST", "pl", {"payload_type": name})["name"]
            client.ok("PUT", "pl_attach", {"global_tag": name, "payload_list": made})
            row = {"payload_url": name, "checksum": "c", "major_iov": BIG, "minor_iov": BIG}
            client.ok("POST", f"payload-lists/{quote(made)}/iovs", [row])
        yield url


# --- 5: 64 bits -----------------------------------------------------------------


def exact(page: Page, call: str, argument: Any) -> Any:
    """Return what a function of the modules of the page makes of something."""
    script = f"""async (given) => {{
        const modules = document.querySelector('script[type=module]').src;
        const exact = await import(new URL('service/exact.js', modules));
        const points = await import(new URL('conditions/points.js', modules));
        return {call};
    }}"""
    return page.evaluate(script, argument)


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775807",
        "[9007199254740991, 9007199254740992, 9007199254740993, -9007199254740993]",
        '{"a": 9223372036854775807, "b": "9223372036854775807", "c": [0, 1, -1]}',
        '["\\\\", "\\"9223372036854775807", "1234567890123456789, 9223372036854775807"]',
        '{"9223372036854775807": 9223372036854775807}',
        '[0.1234567890123456, 1234567890123456.5, 1e3, null, true, ""]',
        '"🎉 \\u0000 \\ud83c\\udf89"',
        "[]",
    ],
)
def test_5_json_is_read_and_written_as_it_is(plain: Page, text: str) -> None:
    written = exact(plain, "exact.stringify(exact.parse(given))", text)
    assert json.loads(written) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "9223372036854775807x", "nul", '{"a" 1}'])
def test_5_what_is_no_json_is_refused(plain: Page, text: str) -> None:
    refused = "(() => { try { exact.parse(given); } catch (error) { return error.name; } })()"
    assert exact(plain, refused, text) == "SyntaxError"


def test_5_numbers_that_are_exact_stay_numbers(plain: Page) -> None:
    kinds = "exact.parse(given).map((each) => typeof each)"
    text = "[1, 9007199254740991, 9007199254740992]"
    assert exact(plain, kinds, text) == ["number", "number", "bigint"]


def test_5_points_are_compared_and_stepped_in_64_bits(plain: Page) -> None:
    order = "given.map(([a, b]) => points.compare(points.fromText(a), points.fromText(b)))"
    big = f"{BIG - 1},0", f"{BIG},0"
    assert exact(plain, order, [big, big[::-1], (big[0], big[0]), ("1,2", "1,3")]) == [
        -1,
        1,
        0,
        -1,
    ]
    step = """given.map((each) => points.before(points.fromText(each)))
        .map((found) => found && points.toText(found))"""
    steps = exact(plain, step, ["7,3", "7,0", "0,0", f"{BIG},{BIG}"])
    assert steps == ["7,2", "6,9223372036854775807", None, f"{BIG},{BIG - 1}"]


@pytest.mark.parametrize(
    "text", ["", "1", "1,2,3", "a,b", "-1,0", "9223372036854775808,0", "1.5,0"]
)
def test_5_what_is_no_point_is_none(plain: Page, text: str) -> None:
    assert exact(plain, "points.fromText(given)", text) is None


def test_5_large_numbers_are_shown_exactly_and_the_largest_as_infinity(
    visit: Visit, odd: str
) -> None:
    page = visit(f"global-tags/{quote(ODD[0])}?at={BIG},{BIG}", of=odd)
    _, _, begin, end, *_ = page.locator("tbody tr").inner_text().split("\t")
    assert begin == f"{BIG},{BIG}"
    assert end == "∞"
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    [row] = csv.DictReader(download.value.path().read_text().splitlines())
    assert row["from"] == f"{BIG},{BIG}"
    assert row["until"] == "9223372036854775807,9223372036854775807"


@pytest.fixture(scope="module")
def plain(shared_page: Page, root: str) -> Page:
    """A page whose modules are asked directly."""
    page = shared_page
    page.goto(f"{root}/ui/about")
    settled(page)
    return page


# --- 13: names ------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_13_an_odd_name_is_text_wherever_it_stands(visit: Visit, odd: str, name: str) -> None:
    page = visit("global-tags", of=odd)
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)
    settled(page)
    page.get_by_role("rowheader").get_by_role("link", name=name, exact=True).click()
    expect(page.locator(".kicker")).to_have_text("Payload type")
    expect(page.locator("h1")).to_have_text(name)
    page.reload()
    settled(page)
    assert page.locator("h1").inner_text() == name
    assert page.evaluate("window.hit") is None


MARKUP = (
    """'"><script>window.hit=1</script><img src=x onerror=window.hit=1><a href=javascript:hit>"""
)
URL = "javascript:window.hit=1//"
WITHOUT_SLASH = "<img src=x onerror=window.hit=1>"


@pytest.fixture(scope="module")
def hostile(databases: Any) -> Iterator[tuple[str, str]]:
    """A service where each text that somebody can write is markup, and the name of its list."""
    with service(databases) as app, serving(app) as url:
        client = Client(app)
        reason = {"CDB-Comment": MARKUP}
        texts = {"description": MARKUP, "contact": URL}
        client.api("POST", "pt", {"name": WITHOUT_SLASH, **texts}, headers=reason, status=200)
        for name in (WITHOUT_SLASH, URL.rstrip("/")):
            made = {"name": name, "author": MARKUP, **texts}
            client.api("POST", "gt", made, headers=reason, status=200)
        payload_list = client.ok("POST", "pl", {"payload_type": WITHOUT_SLASH, **texts})["name"]
        attached = {"global_tag": WITHOUT_SLASH, "payload_list": payload_list}
        client.api("PUT", "pl_attach", attached, headers=reason, status=200)
        start = {"major_iov": 1, "minor_iov": 0}
        row = {"payload_url": URL, "checksum": MARKUP, "revision": MARKUP, **start}
        client.ok("POST", f"payload-lists/{quote(payload_list)}/iovs", [row])
        yield url, payload_list


@pytest.mark.parametrize(
    "path",
    [
        "global-tags",
        "global-tags/{tag}",
        "global-tags/{tag}?at=1,0",
        "global-tags/{tag}/history",
        "global-tags/{tag}?at={markup}&as_of={markup}",
        "changes",
        "types/{tag}",
        "lists/{list}",
        "payloads/{markup}",
        "diff?a={tag}&b={url}",
        "diff?a={markup}&b={url}&at={markup}",
    ],
)
def test_13_nothing_that_others_wrote_is_more_than_text(
    visit: Visit, hostile: tuple[str, str], path: str
) -> None:
    root, payload_list = hostile
    words = {"tag": WITHOUT_SLASH, "markup": MARKUP, "url": URL.rstrip("/"), "list": payload_list}
    filled = path.format(**{name: quote(word, safe="") for name, word in words.items()})
    page = visit(filled, of=root, fails=True)
    assert page.evaluate("window.hit") is None
    made = page.locator("script:not([src]), img[src=x], a[href^='javascript:' i], iframe, base")
    assert made.count() == 0


# --- 15: commands ---------------------------------------------------------------


def way(page: Page, name: str) -> str:
    """Return what the page gives to copy."""
    menu = page.get_by_text("Copy as", exact=True)
    menu.click()
    text = page.get_by_label(f"As {name}", exact=True).inner_text()
    menu.click()
    return text


@pytest.mark.parametrize("name", ODD)
def test_15_the_copied_commands_return_what_the_page_shows(
    visit: Visit, odd: str, name: str
) -> None:
    page = visit(f"global-tags/{quote(name)}?at={BIG},{BIG}", of=odd)
    curl = way(page, "curl").replace("curl ", f"{program('curl')} -sS ", 1)
    done = subprocess.run(["sh", "-c", curl], check=True, capture_output=True, env=environ())
    [found] = json.loads(done.stdout)
    assert (found["payload_url"], found["major_iov"]) == (name, BIG)


def test_15_the_copied_program_and_command_of_the_client_run(visit: Visit, root: str) -> None:
    page = visit("global-tags?q=cms&status=unlocked")
    python = [CDB.with_name("python"), "-c", way(page, "Python") + "\nprint(found[0]['name'])"]
    done = subprocess.run(python, check=True, capture_output=True, text=True, env=environ())
    assert done.stdout == "CMS_2017\n"
    command = way(page, "Command line").replace("cdb ", f"{CDB} ", 1) + " --format json"
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, env=environ())
    assert [each["name"] for each in json.loads(done.stdout)] == ["CMS_2017"]


def test_15_the_button_copies(visit: Visit, root: str) -> None:
    page = visit("plugins")
    page.get_by_text("Copy as", exact=True).click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl {root}/api/cdb_rest/plugins"
