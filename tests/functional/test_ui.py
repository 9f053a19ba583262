"""The page of the web interface and its files, as a browser gets them."""

import gzip
import posixpath
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from support import API, Client
from webob import Request

from cdb.app import make_app
from cdb.settings import load
from cdb.ui.assets import assets

STATIC = Path(__file__).parents[2] / "cdb/ui/static"

A_BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def site(databases: Any) -> Iterator[Client]:
    """A service whose data nobody looks at."""
    with databases("sqlite") as url:
        app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        yield Client(app)
        app.registry.cdb.database.dispose()


class Links(HTMLParser):
    """All that a page loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [str(value) for name, value in attrs if name in ("href", "src")]


# --- the page -----------------------------------------------------------------


@pytest.mark.parametrize(
    "sent", ["/ui", "/ui/", "/ui/global-tags", "/ui/global-tags/A/", "/ui/a%2Fb/c"]
)
@pytest.mark.parametrize("prefix", ["", "/experiment/conditions"])
def test_whatever_the_path_the_page_finds_its_files(site: Client, sent: str, prefix: str) -> None:
    page = site.get(sent, extra_environ={"REQUEST_URI": f"{sent}?q=/x", "SCRIPT_NAME": ""})
    links = Links(page.text).found
    assert len(links) > 30
    # The browser may see a prefix that the service does not know of.
    seen = {urlsplit(urljoin(f"http://h{prefix}{sent}", link)).path for link in links}
    assert {path.removeprefix(prefix) for path in seen} == {
        f"/static/{assets().version}/{name}"
        for name in ("icon.svg", *assets().styles, *assets().modules)
    }


def test_the_page_knows_the_prefix_of_its_server(site: Client) -> None:
    environ = {"SCRIPT_NAME": "/prefix", "REQUEST_URI": "/prefix/ui/about"}
    link = Links(site.get("/ui/about", extra_environ=environ).text).found[0]
    assert link.startswith("../static/")


def test_the_policy_lets_nothing_in_from_elsewhere(site: Client) -> None:
    headers = site.get("/ui/global-tags", status=200).headers
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"


def test_the_page_says_where_the_api_is(make_client: Any) -> None:
    page = make_client(api_base="/cond/v1").get("/ui/")
    assert '<meta name="cdb-api" content="cond/v1">' in page.text


def test_the_page_holds_no_data_and_is_there_where_reads_are_protected(make_client: Any) -> None:
    client = make_client(read_access="authenticated")
    client.get("/ui/global-tags/A", status=200)
    client.get("/static/app.js", status=200)
    client.api("GET", "global-tags", status=401)


def test_a_browser_is_led_from_the_root_to_the_page(site: Client) -> None:
    led = site.get("/", headers=A_BROWSER, status=302)
    assert led.location == "http://localhost/ui/"
    assert led.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "nonsense"])
def test_a_program_gets_from_the_root_where_things_are(site: Client, accept: str | None) -> None:
    answer = site.get("/", headers={"Accept": accept} if accept else {}, status=200)
    assert answer.json["links"]["web"] == "/ui/"
    assert answer.json["links"]["api"] == API


# --- the files ----------------------------------------------------------------


def test_below_its_version_a_file_is_the_same_for_ever(site: Client) -> None:
    answer = site.get(f"/static/{assets().version}/app.js", status=200)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.body == (STATIC / "app.js").read_bytes()


@pytest.mark.parametrize("version", ["v000000000000/", ""])
def test_below_another_version_a_file_is_asked_for_again(site: Client, version: str) -> None:
    path = f"/static/{version}app.js"
    answer = site.get(path, status=200)
    assert answer.headers["Cache-Control"] == "no-cache"
    site.get(path, headers={"If-None-Match": answer.headers["ETag"]}, status=304)


def test_a_file_comes_compressed_to_who_takes_that(site: Client) -> None:
    path = f"/static/{assets().version}/app.js"
    # Not by the client of the other tests, which unpacks what it gets.
    plain, packed, refused = (
        Request.blank(path, headers={"Accept-Encoding": taken} if taken else {}).get_response(
            site.app
        )
        for taken in (None, "br, gzip", "gzip;q=0")
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == refused.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert {each.headers["Vary"] for each in (plain, packed)} == {"Accept-Encoding"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("vendor/preact/dist/preact.mjs", "text/javascript; charset=utf-8"),
        ("style/base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml; charset=utf-8"),
        ("vendor/manifest.json", "application/json"),
        ("vendor/htm/LICENSE", "text/plain; charset=utf-8"),
    ],
)
def test_a_file_says_what_it_is(site: Client, path: str, kind: str) -> None:
    headers = site.get(f"/static/{path}", status=200).headers
    assert headers["Content-Type"] == kind
    assert headers["X-Content-Type-Options"] == "nosniff"


class Module:
    """What a module of the interface takes from others, and what it gives them."""

    def __init__(self, name: str) -> None:
        self.text = assets().files[name].body.decode()
        imports = re.findall(r'^(?:im|ex)port ([^;"]*?) from "([^"]+)";', self.text, re.MULTILINE)
        folder = posixpath.dirname(name)
        self.imported = {
            (posixpath.normpath(posixpath.join(folder, path)), each)
            for names, path in imports
            for each in names_in(names)
        }
        declared = re.findall(
            r"^export (?:async )?(?:class|const|function|let) (\w+)", self.text, re.MULTILINE
        )
        lists = re.findall(r"^export (\{[^}]*\})", self.text, re.MULTILINE)
        self.exported = {*declared, *(each for names in lists for each in names_in(names, -1))}


def names_in(names: str, which: int = 0) -> list[str]:
    """Return the names in `{ a, b as c }`; of two, the first, or the last where that is -1."""
    if not names.startswith("{"):
        return ["default"]
    listed = names.strip("{} \n").rstrip(",").split(",")
    return [each.split(" as ")[which].strip() for each in listed]


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    """The modules of the interface itself, by their path."""
    return {name: Module(name) for name in assets().modules if not name.startswith("vendor/")}


def test_what_is_imported_is_there(modules: dict[str, Module]) -> None:
    # A browser shows nothing at all where a single name is missing.
    vendored = {name for name in assets().modules if name.startswith("vendor/")}
    missing = {
        (name, each)
        for name, module in modules.items()
        for path, each in module.imported
        if path not in vendored and (path not in modules or each not in modules[path].exported)
    }
    assert missing == set()
    assert {path for each in modules.values() for path, _ in each.imported} > vendored


def test_what_is_exported_is_imported(modules: dict[str, Module]) -> None:
    imported = set().union(*(module.imported for module in modules.values()))
    exported = {(name, each) for name, module in modules.items() for each in module.exported}
    assert exported - imported == set()


LAYERS = [
    "conditions",
    "html.js",
    "url.js",
    "service",
    "elsewhere",
    "components",
    "actions",
    "pages",
]
"""From what knows nothing of the others to what knows all; `app.js` is on top."""


def test_no_module_imports_from_a_layer_above(modules: dict[str, Module]) -> None:
    def layer(path: str) -> int:
        return ([*LAYERS, "app.js"]).index(path.split("/", 1)[0])

    upwards = {
        (name, path)
        for name, module in modules.items()
        for path, _ in module.imported
        if path in modules and layer(path) > layer(name)
    }
    assert upwards == set()


@pytest.mark.parametrize(
    "unwanted",
    [
        r"https?://(?!www\.w3\.org)",
        # What turns text into markup or code, and what a script may keep beyond the tab.
        r"(inner|outer)HTML|insertAdjacentHTML|document\.write|dangerously",
        r"\beval\(|new Function\(",
        r"localStorage|document\.cookie|indexedDB",
        r"console\.",
    ],
)
def test_no_module_has_what_none_may_have(modules: dict[str, Module], unwanted: str) -> None:
    assert [name for name, module in modules.items() if re.search(unwanted, module.text)] == []


def test_each_module_says_what_it_is_for(modules: dict[str, Module]) -> None:
    said = {name: module.text.split("\n\n")[0] for name, module in modules.items()}
    comment = re.compile(r"// [A-Z].*(\n//.*)*")
    assert [name for name, text in said.items() if not comment.fullmatch(text)] == []


def test_the_interface_is_small() -> None:
    sent = [assets().files[name] for name in (*assets().modules, *assets().styles)]
    assert sum(len(each.gzipped or each.body) for each in sent) < 140_000
