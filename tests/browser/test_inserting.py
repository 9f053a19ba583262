"""Inserting payloads, attaching lists, uploading files: what is shown is what is done."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from chromium import Visit, service, settled, violations
from playwright.sync_api import FilePayload, Locator, Page, Route, ViewportSize, expect
from support import API, Client, serving

MAX = 2**63 - 1
BIG = 2**53 + 1
"""A number that a number of JavaScript cannot hold."""

NARROW: ViewportSize = {"width": 400, "height": 800}


class Site(NamedTuple):
    """A service with a payload store, and a client past the browser."""

    url: str
    client: Client

    def valid(self, tag: str, major: int) -> str | None:
        """Return the URL of the payload of Beam that is valid at a point."""
        rows = self.client.ok("GET", f"payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV=0")
        return next((str(row[1]) for row in rows if row[0] == "Beam"), None)

    def change(self, number: int) -> Any:
        return self.client.ok("GET", f"changes/{number}")

    @property
    def latest(self) -> int:
        return int(self.client.ok("GET", "changes?order=desc&limit=1")["latest"])


@pytest.fixture(scope="module")
def site(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Tags Dev (open), Night (locked) and Old (frozen) with Beam, and Bare, which is empty.

    Beam has payloads at 10, 20 and 40, and gaps beside them. Shape takes JSON files only.
    """
    store = tmp_path_factory.mktemp("store")
    with (
        service(databases, payload_store=str(store), max_payload_mb="1") as app,
        serving(app) as url,
    ):
        client = Client(app)
        client.ok("POST", "pt", {"name": "Beam"})
        json_only = {"validator": "name-pattern", "validator_options": {"pattern": "*.json"}}
        client.ok("POST", "pt", {"name": "Shape", **json_only})
        for tag in ("Dev", "Night", "Old", "Bare"):
            client.ok("POST", "gt", {"name": tag})
        for tag in ("Dev", "Night", "Old"):
            made = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
            client.ok("PUT", "pl_attach", {"payload_list": made, "global_tag": tag})
            rows = [row(10, 20), row(20, 30), row(40, 50)]
            client.ok("POST", f"payload-lists/{made}/iovs", rows)
        client.ok("PUT", "gt_change_status/Night/locked")
        client.ok("PUT", "gt_change_status/Old/frozen")
        yield Site(url, client)


def row(start: int, end: int, name: str = "") -> dict[str, Any]:
    url = name or f"{start}.root"
    bounds = {"major_iov": start, "minor_iov": 0, "major_iov_end": end, "minor_iov_end": 0}
    return {"payload_url": url, "checksum": f"of {url}", **bounds}


def choose(page: Page, action: str) -> Locator:
    """Choose an action, and return the dialog that it opens."""
    page.get_by_text("Actions", exact=True).click()
    page.get_by_role("button", name=action).click()
    return page.get_by_role("dialog", name=action)


def fill(dialog: Locator, **values: str) -> None:
    """Fill fields by the beginnings of their labels; `_` stands for a space."""
    for label, value in values.items():
        dialog.get_by_label(re.compile("^" + label.replace("_", " "), re.IGNORECASE)).fill(value)


def press(dialog: Locator, name: str) -> None:
    dialog.get_by_role("button", name=name, exact=True).click()


def preview(dialog: Locator) -> None:
    press(dialog, "Preview")
    expect(dialog.get_by_text("Nothing has been written yet.")).to_be_visible()


def done(dialog: Locator, action: str) -> int:
    """Do what was shown, and return the change."""
    press(dialog, action)
    said = dialog.get_by_text(re.compile(r"^Done: change \d+$"))
    expect(said).to_be_visible()
    return int(said.inner_text().split()[-1])


def table(dialog: Locator, caption: str) -> list[list[str]]:
    """Return the cells of a table of the preview."""
    rows = dialog.get_by_role("region", name=caption).locator("tbody tr").all()
    return [
        [" ".join(text.split()) for text in each.locator("th, td").all_inner_texts()]
        for each in rows
    ]


def intervals(side: Any) -> set[str]:
    """Return the payload IOVs of a side of a change, as the preview shows them."""
    return {
        f"{each['payload_url']}: {each['major_iov']},{each['minor_iov']} – "
        f"{each['major_iov_end']},{each['minor_iov_end']}"
        for each in side["payload_iovs"]
    }


# --- inserting --------------------------------------------------------------------


def test_what_an_insert_cuts_is_shown_and_is_what_is_done(visit: Visit, site: Site) -> None:
    page = visit("global-tags/Dev", of=site.url)
    dialog = choose(page, "Insert a payload")
    fill(dialog, payload_url="new.root", checksum="abc", valid_from="15,0", until="45,0")
    fill(dialog, reason="Better than it was.")
    before = site.latest
    preview(dialog)
    assert site.latest == before
    fates = table(dialog, "Payload IOVs that would change")
    assert fates == [
        ["is cut", "10.root", "10,0 – 20,0", "10,0 – 15,0"],
        ["is new", "new.root", "not there", "15,0 – 45,0"],
        ["goes", "20.root", "20,0 – 30,0", "not there"],
        ["is cut", "40.root", "40,0 – 50,0", "45,0 – 50,0"],
    ]
    assert [each[1:] for each in table(dialog, "Where Dev would answer differently")] == [
        ["15,0", "20,0", "10.root", "new.root"],
        ["20,0", "30,0", "20.root", "new.root"],
        ["30,0", "40,0", "nothing", "new.root"],
        ["40,0", "45,0", "40.root", "new.root"],
    ]
    change = site.change(done(dialog, "Insert"))
    assert change["comment"] == "Better than it was."
    for column, side in ((2, "before"), (3, "after")):
        shown = {f"{each[1]}: {each[column]}" for each in fates if each[column] != "not there"}
        assert shown == intervals(change[side])
    assert [site.valid("Dev", at) for at in (14, 15, 35, 45)] == [
        "10.root",
        "new.root",
        "new.root",
        "40.root",
    ]
    dialog.get_by_role("link", name="what it changed").click()
    expect(page).to_have_url(re.compile(rf"a_as_of={before}&b=Dev&b_as_of={before + 1}$"))
    settled(page)
    expect(page.get_by_role("link", name="Beam", exact=True)).to_be_visible()


def test_a_payload_is_inserted_by_keyboard_at_the_largest_numbers(
    visit: Visit, site: Site
) -> None:
    made = site.client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    page = visit(f"lists/{made}", of=site.url)
    page.get_by_text("Actions", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Insert a payload")
    expect(dialog.get_by_label("Payload URL")).to_be_focused()
    page.keyboard.type("big.root")
    for text in ("abc", f"{BIG},{MAX - 1}", f"{MAX},0", str(BIG), "", "Far away"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Nothing has been written yet.")).to_be_visible()
    assert table(dialog, "Payload IOVs that would change") == [
        ["is new", "big.root", "not there", f"{BIG},{MAX - 1} – ∞,0"]
    ]
    page.keyboard.press("Enter")
    expect(dialog.get_by_text(re.compile("^Done: change"))).to_be_focused()
    [kept] = site.client.ok("GET", f"piov?page=1&payload_list={made}")["results"]
    bounds = [kept[name] for name in ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end")]
    assert (bounds, kept["size"]) == ([BIG, MAX - 1, MAX, 0], BIG)
    page.keyboard.press("Escape")
    expect(page.get_by_text("Actions", exact=True)).to_be_focused()
    settled(page)
    expect(page.locator("main")).to_contain_text(f"{BIG}")


def test_a_locked_tag_takes_only_what_covers_nothing(visit: Visit, site: Site) -> None:
    page = visit("global-tags/Night", of=site.url, fails=True)
    dialog = choose(page, "Insert a payload")
    fill(dialog, payload_url="new.root", checksum="abc", valid_from="45,0", until="60,0")
    fill(dialog, reason="More")
    press(dialog, "Preview")
    refusal = dialog.get_by_role("alert")
    expect(refusal).to_contain_text("error overlap")
    expect(refusal).to_contain_text("only takes additions")
    # What was typed is still there.
    fill(dialog, valid_from="50,0")
    preview(dialog)
    assert table(dialog, "Payload IOVs that would change") == [
        ["is new", "new.root", "not there", "50,0 – 60,0"]
    ]
    done(dialog, "Insert")
    assert site.valid("Night", 55) == "new.root"


def test_a_frozen_tag_is_offered_nothing_of_that(
    visit: Visit, site: Site, shared_page: Page
) -> None:
    page = visit("global-tags/Old", of=site.url)
    expect(page.get_by_text("Actions", exact=True)).to_be_visible()
    assert page.locator(".entry strong").all_text_contents() == ["Clone …"]
    name = site.client.ok("GET", "gtPayloadLists/Old")["Beam"]
    with shared_page.expect_response("**/whoami?*"):
        visit(f"lists/{name}", of=site.url)
    settled(page)
    expect(page.get_by_text("Actions", exact=True)).to_have_count(0)


def test_a_point_that_is_none_is_told_at_its_field(visit: Visit, site: Site) -> None:
    page = visit("global-tags/Dev", of=site.url, fails=True)
    dialog = choose(page, "Insert a payload")
    fill(dialog, payload_url="new.root", checksum="abc", reason="x")
    field = dialog.get_by_label("Valid from")
    for at, said in (("somewhere", "is not written as"), (f"{MAX + 1},0", "is larger than")):
        field.fill(at)
        press(dialog, "Preview")
        expect(field).to_have_accessible_description(re.compile(said))
        expect(field).to_have_attribute("aria-invalid", "true")


def test_what_was_shown_is_not_done_where_something_came_between(visit: Visit, site: Site) -> None:
    page = visit("global-tags/Dev", of=site.url, fails=True)
    dialog = choose(page, "Insert a payload")
    fill(dialog, payload_url="late.root", checksum="abc", valid_from="100,0", reason="x")
    preview(dialog)
    site.client.ok("POST", "global-tags/Dev/iovs", [{**row(101, 102), "payload_type": "Beam"}])
    press(dialog, "Insert")
    expect(dialog.get_by_role("alert")).to_contain_text("error precondition")
    assert site.valid("Dev", 100) is None
    preview(dialog)
    expect(dialog.get_by_role("region", name="Payload IOVs")).to_contain_text("101.root")


# --- uploading --------------------------------------------------------------------


def test_a_file_is_uploaded_and_then_inserted(visit: Visit, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "größe+1 <b>.txt"
    file.write_text("what is in it\n")
    md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    page = visit("global-tags/Dev?at=200,0", of=site.url)
    insert = choose(page, "Insert a payload")
    press(insert, "Upload a file …")
    dialog = page.get_by_role("dialog", name="Upload a payload")
    dialog.get_by_label("File").set_input_files(file)
    expect(dialog.get_by_text("SHA-256")).to_contain_text("14 bytes")
    fill(dialog, reason="For Dev")
    sent = []
    page.on("request", lambda each: sent.append(each.headers) if each.method == "PUT" else None)
    change = done(dialog, "Upload")
    assert site.change(change)["comment"] == "For Dev"
    sha256 = base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()
    assert [each["content-digest"] for each in sent] == [f"sha-256=:{sha256}:"]
    expect(dialog.get_by_role("link", name=file.name)).to_have_attribute(
        "href", f"/ui/payloads/{md5}"
    )
    press(dialog, "Close")
    expect(insert.get_by_label("Checksum")).to_have_value(md5)
    expect(insert.get_by_label("Size in bytes")).to_have_value("14")
    expect(insert.get_by_label("Valid from")).to_have_value("200,0")
    fill(insert, reason="Now")
    preview(insert)
    done(insert, "Insert")
    assert str(site.valid("Dev", 200)).endswith(file.name)
    assert site.client.get(f"{API}/payloads/{md5}").body == file.read_bytes()


def test_a_file_that_is_refused_says_why_and_the_next_one_is_taken(
    visit: Visit, site: Site
) -> None:
    page = visit("types/Shape", of=site.url, fails=True)
    dialog = choose(page, "Upload a payload")
    fill(dialog, reason="The shape")
    for name, size, said in (
        ("shape.txt", 10, "does not match '*.json'"),
        ("big.json", 2**20 + 1, "more than 1048576 bytes"),
    ):
        dialog.get_by_label("File").set_input_files(given(name, size))
        press(dialog, "Upload")
        expect(dialog.get_by_role("alert")).to_contain_text(said)
    page.route("**/payloads/Shape/**", no_room)
    press(dialog, "Upload")
    expect(dialog.get_by_role("alert")).to_contain_text("A proxy on the way")
    page.unroute("**/payloads/Shape/**")
    dialog.get_by_label("File").set_input_files(given("shape.json", 10))
    done(dialog, "Upload")
    dialog.get_by_role("link", name="shape.json").click()
    expect(page.locator("h1")).to_have_text("shape.json")


def no_room(route: Route) -> None:
    route.fulfill(status=413, content_type="text/html", body="<h1>Too large</h1>")


def given(name: str, size: int) -> FilePayload:
    return {"name": name, "mimeType": "", "buffer": b"x" * size}


# --- lists ------------------------------------------------------------------------


def test_attaching_a_list_shows_where_the_answers_differ(visit: Visit, site: Site) -> None:
    client = site.client
    client.ok("POST", "global-tags/Dev/clone/Main")
    old = client.ok("GET", "gtPayloadLists/Main")["Beam"]
    new = client.ok("POST", "pl", {"payload_type": "Beam", "description": "the next"})["name"]
    rows = [row(10, 20, "other.root"), {**row(45, 50, "40.root"), "checksum": "another"}]
    client.ok("POST", f"payload-lists/{new}/iovs", rows)
    before = site.latest
    page = visit("global-tags/Main", of=site.url)
    dialog = choose(page, "Attach a list")
    fill(dialog, find=new)
    dialog.get_by_label("Payload list").select_option(new)
    fill(dialog, reason="The next one")
    preview(dialog)
    expect(dialog.locator(".preview")).to_contain_text(
        f"{new} is attached to Main in place of {old}"
    )
    # What has the same URL is told apart by the rest.
    expect(dialog.get_by_text("no revision · another")).to_be_visible()
    shown = table(dialog, "Where Main would answer differently")
    change = done(dialog, "Attach")
    assert client.ok("GET", "gtPayloadLists/Main")["Beam"] == new
    found = client.ok("GET", f"global-tags/Main@{before}/diff/Main@{change}")
    assert [each[1:] for each in shown] == [
        [each["begin"], "∞" if each["major_iov_end"] == MAX else each["end"], *payloads(each)]
        for each in found
    ]


def payloads(difference: Any) -> list[str]:
    a, b = difference["a"], difference["b"]
    if a and b and a["payload_url"] == b["payload_url"]:
        return [f"{each['payload_url']} no revision · {each['checksum'][:8]}" for each in (a, b)]
    return [each["payload_url"] if each else "nothing" for each in (a, b)]


def test_a_new_tag_gets_a_new_list_of_a_new_type(visit: Visit, site: Site) -> None:
    page = visit("global-tags/Bare", of=site.url)
    attach = choose(page, "Attach a list")
    press(attach, "Make a new list …")
    new_list = page.get_by_role("dialog", name="Create a payload list")
    press(new_list, "Make a new type …")
    new_type = page.get_by_role("dialog", name="Create a payload type")
    fill(new_type, name="Tilt %", reason="It tilts")
    preview(new_type)
    done(new_type, "Create")
    press(new_type, "Close")
    expect(new_list.get_by_label("Payload type")).to_have_value("Tilt %")
    new_list.get_by_label("What has no end holds").select_option("next-start")
    fill(new_list, reason="To be filled")
    preview(new_list)
    done(new_list, "Create")
    press(new_list, "Close")
    fill(attach, reason="The first one")
    preview(attach)
    expect(attach.locator(".preview")).to_contain_text("is attached to Bare.")
    done(attach, "Attach")
    [made] = site.client.ok("GET", "gtPayloadLists/Bare").values()
    assert site.client.ok("GET", f"payload-lists/by-name/{made}")["ends"] == "next-start"
    press(attach, "Close")
    settled(page)
    expect(page.get_by_role("row", name=re.compile("^Tilt %"))).to_be_visible()


def test_types_and_lists_are_made_where_they_are_listed(visit: Visit, site: Site) -> None:
    page = visit("types", of=site.url)
    page.get_by_role("button", name="Create").click()
    dialog = page.get_by_role("dialog", name="Create a payload type")
    fill(dialog, name="Noise", reason="It is loud")
    dialog.get_by_label("Validator").select_option("text-table")
    preview(dialog)
    done(dialog, "Create")
    press(dialog, "Close")
    page.get_by_role("link", name="Noise").click()
    expect(page.locator("h1")).to_have_text("Noise")
    dialog = choose(page, "Create a payload list")
    fill(dialog, reason="For the noise")
    preview(dialog)
    done(dialog, "Create")
    [made] = site.client.ok("GET", "pl?page=1&payload_type=Noise")["results"]
    press(dialog, "Close")
    expect(page.get_by_role("link", name=made["name"])).to_be_visible()


# --- for everybody ----------------------------------------------------------------


def test_the_dialogs_keep_nobody_out(visit: Visit, site: Site) -> None:
    page = visit("global-tags/Dev?at=10,0", of=site.url, motion="reduce")
    dialog = choose(page, "Attach a list")
    expect(dialog.locator("option").first).to_be_attached()
    assert violations(page) == []
    press(dialog, "Cancel")
    dialog = choose(page, "Insert a payload")
    fill(dialog, payload_url="new.root", checksum="abc", until="25,0", reason="x")
    press(dialog, "Upload a file …")
    assert violations(page) == []
    press(page.get_by_role("dialog", name="Upload a payload"), "Cancel")
    preview(dialog)
    assert violations(page) == []
    page.set_viewport_size(NARROW)
    box = dialog.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROW["width"]
    assert dialog.evaluate("(each) => each.scrollWidth <= each.clientWidth")
    # Of what lies over a page axe does not see the ground, so here it is the page.
    page.evaluate(
        "document.body.replaceChildren(document.querySelector('dialog').cloneNode(true))"
    )
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page, "color-contrast") == []
