"""The page of a payload: what is known of it, what is in it, where it is used."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import requests
from chromium import Visit, service, settled, violations
from playwright.sync_api import Page, expect
from support import API, Client, serving

CERTIFICATION = "e8dded56668dfdb111c4219f5374b36d"
SCALE_FACTORS = "30afd205748aaaf482a6a9253539c2e3"
ELSEWHERE = "e99a18c428cb38d5f260853678922e03"

NASTY = '{"<b>bold</b>": "<img src=x onerror=window.hit=1>", "a": [1, -2.5e3, true, null]}'
"""What would be markup in a page that is careless."""

FILES = {
    "nasty.json": NASTY.encode(),
    "broken.json": b"\x00\x01 no JSON",
    "nothing.bin": b"\x00\x01",
    "long.txt": b"a line of a long text\n" * 10_000,
    "gains.csv": b"channel,gain\n<b>1</b>,0.5\n2,0.75\n",
}


ROOT_FILE = Path(__file__).parents[1] / "data/cms2017/testSF2d.histo.root"
FILES[ROOT_FILE.name] = ROOT_FILE.read_bytes()


class Stored(NamedTuple):
    """A service with a few files, and their checksums by name."""

    root: str
    checksums: dict[str, str]


@pytest.fixture(scope="module")
def stored(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """A service with files that can be shown, and with some that cannot."""
    store = str(tmp_path_factory.mktemp("payloads"))
    with (
        service(databases, payload_store=store, previews="json root text") as app,
        serving(app) as root,
    ):
        client = Client(app)
        client.ok("POST", "pt", {"name": "Gains"})
        sums = {}
        for name, content in FILES.items():
            client.put(f"{API}/payloads/Gains/{quote(name)}", content)
            sums[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        yield Stored(root, sums)


def preview_of(page: Page) -> Any:
    return page.get_by_role("region", name="Preview", exact=True)


# --- what is known ------------------------------------------------------------------


def test_a_stored_payload_says_what_it_is_and_can_be_fetched(visit: Visit, root: str) -> None:
    page = visit(f"payloads/{CERTIFICATION}")
    main = page.get_by_role("main")
    assert page.locator("h1").inner_text().endswith("_Collisions17_JSON.txt")
    for fact in ("14,627 bytes", CERTIFICATION, "by demo", "LumiCertification/e8/dd/"):
        expect(main).to_contain_text(fact)
    link = page.get_by_role("link", name="Download")
    fetched = requests.get(str(link.evaluate("(each) => each.href")), timeout=120)
    assert hashlib.md5(fetched.content, usedforsecurity=False).hexdigest() == CERTIFICATION


def test_every_spelling_of_a_checksum_leads_to_it(visit: Visit, client: Client) -> None:
    sha256 = client.ok("GET", f"payloads/{CERTIFICATION}/about")["stored"]["sha256"]
    for spelling in (CERTIFICATION.upper(), sha256, sha256.upper()):
        page = visit(f"payloads/{spelling}")
        expect(page.get_by_role("main")).to_contain_text(sha256)
        expect(page.get_by_text("of 828 payload IOVs")).to_be_visible()


def test_the_palette_leads_to_a_payload_by_its_checksum(visit: Visit) -> None:
    page = visit("about")
    page.keyboard.press("Control+k")
    page.keyboard.type(SCALE_FACTORS.upper())
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Fall17_V2_MC_SF_AK8PFPuppi.jersf.txt")


def test_a_change_leads_to_the_payload_that_it_stored(visit: Visit) -> None:
    page = visit("changes?action=upload")
    page.get_by_role("link", name="jersf.txt").click()
    expect(page.locator("h1")).to_have_text("Fall17_V2_MC_SF_AK8PFPuppi.jersf.txt")


def test_a_checksum_that_nobody_knows_is_a_named_error(visit: Visit) -> None:
    page = visit("payloads/no-such-thing", fails=True)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Not found")
    expect(alert).to_contain_text("No payload has the checksum 'no-such-thing'.")
    assert page.get_by_role("alert").count() == 1


def test_a_file_that_is_elsewhere_is_said_to_be_and_its_use_is_shown(visit: Visit) -> None:
    page = visit(f"payloads/{ELSEWHERE}")
    assert page.locator("h1").inner_text() == "D0DXMagnets.dat"
    expect(preview_of(page)).to_contain_text("This file is not in the payload store")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.get_by_role("link", name="Download").count() == 0


def test_a_service_without_a_store_says_so_and_shows_the_use(visit: Visit, databases: Any) -> None:
    with service(databases) as app, serving(app) as url:
        client = Client(app)
        client.ok("POST", "pt", {"name": "Beam"})
        client.ok("POST", "pl", {"payload_type": "Beam"})
        row = {"payload_url": "a/b.txt", "checksum": "c 1 %", "major_iov": 1, "minor_iov": 0}
        client.ok("POST", "payload-lists/Beam_1/iovs", [row])
        page = visit(f"payloads/{quote('c 1 %')}", of=url)
        expect(preview_of(page)).to_contain_text("This service keeps no files")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody th")).to_have_text("none")


# --- where it is used ---------------------------------------------------------------


def test_its_use_is_counted_and_comes_in_pages(visit: Visit) -> None:
    page = visit(f"payloads/{CERTIFICATION}")
    expect(page.locator("tbody tr")).to_have_count(50)
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("297050:12")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51–100 of 828 payload IOVs")).to_be_visible()
    assert "cursor=2" in page.url
    page.reload()
    settled(page)
    expect(page.get_by_text("51–100 of 828 payload IOVs")).to_be_visible()


def test_its_use_leads_to_the_tag_where_it_is_valid(visit: Visit) -> None:
    page = visit(f"payloads/{CERTIFICATION}")
    page.locator("tbody th a").first.click()
    settled(page)
    assert "global-tags/CMS_2017?at=297050%2C12" in page.url
    expect(page.locator("tr", has_text=CERTIFICATION[:8])).to_have_count(1)


def test_its_use_is_shown_as_of_a_change(visit: Visit) -> None:
    page = visit(f"payloads/{CERTIFICATION}?as_of=1")
    expect(page.get_by_text("No payload list showed it then.")).to_be_visible()
    page.get_by_role("link", name="Back to now").click()
    expect(page.get_by_text("1–50 of 828 payload IOVs")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("No payload list showed it then.")).to_be_visible()


# --- what is in it ------------------------------------------------------------------


def test_json_is_shown_in_colours_and_nothing_of_it_becomes_markup(
    visit: Visit, stored: Stored
) -> None:
    page = visit(f"payloads/{stored.checksums['nasty.json']}", of=stored.root)
    text = preview_of(page).locator("pre")
    assert text.inner_text().strip() == NASTY
    kinds = ["key", "string", "key", "number", "number", "word", "word"]
    spans = text.locator("span").evaluate_all("(all) => all.map((each) => each.className)")
    assert spans == [f"json-{kind}" for kind in kinds]
    assert page.evaluate("window.hit") is None


def test_a_table_is_one_with_a_caption_and_numbers_to_the_right(visit: Visit) -> None:
    page = visit(f"payloads/{SCALE_FACTORS}")
    table = preview_of(page).get_by_role("table", name="Table")
    expect(table.get_by_role("columnheader")).to_have_text(["1", "2", "3", "4", "5", "6"])
    row = ["-5.191", "-3.139", "3", "1.2515", "1.14745", "1.35555"]
    expect(table.locator("tbody tr").first.get_by_role("cell")).to_have_text(row)
    expect(table.locator("tbody td").first).to_have_css("text-align", "right")
    expect(preview_of(page)).to_contain_text("{1 JetEta 0 None ScaleFactor}")


def test_names_in_a_table_are_text(visit: Visit, stored: Stored) -> None:
    page = visit(f"payloads/{stored.checksums['gains.csv']}", of=stored.root)
    expect(preview_of(page).locator("tbody td").first).to_have_text("<b>1</b>")


def test_a_root_file_is_shown_by_its_objects_and_their_pictures(
    visit: Visit, stored: Stored
) -> None:
    page = visit(f"payloads/{stored.checksums[ROOT_FILE.name]}", of=stored.root)
    table = preview_of(page).get_by_role("table", name="Objects in the file")
    row = [
        "scalefactors_Tight_Electron",
        "TH2F",
        "e/#gamma scale factors",
        "10 × 6 bins, 200 entries",
    ]
    expect(table.locator("tbody tr").get_by_role("cell")).to_have_text(row)
    picture = preview_of(page).get_by_role("img")
    assert "10 × 6 bins, x from -2.5 to 2.5" in str(picture.get_attribute("alt"))
    assert str(picture.get_attribute("src")).startswith("blob:")
    # It was drawn: the policy lets it be shown.
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("(each) => each.naturalWidth") == 480
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == []


def test_a_part_of_a_long_text_says_that_it_is_one(visit: Visit, stored: Stored) -> None:
    page = visit(f"payloads/{stored.checksums['long.txt']}", of=stored.root)
    expect(preview_of(page)).to_contain_text("This is only the beginning")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken.json", "This payload cannot be shown: The content is binary"),
        ("nothing.bin", "Nothing shows a file with such a name here."),
    ],
)
def test_what_cannot_be_shown_is_no_failure_of_the_page(
    visit: Visit, stored: Stored, name: str, said: str
) -> None:
    page = visit(f"payloads/{stored.checksums[name]}", of=stored.root, fails=True)
    expect(preview_of(page)).to_contain_text(said)
    expect(page.get_by_text("No payload list shows it now.")).to_be_visible()
    assert page.get_by_role("alert").count() == 0
