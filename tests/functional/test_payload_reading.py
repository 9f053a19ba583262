"""Where `Client.path` finds payload files, and what it does with damaged ones."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from disks import disk
from support import API, WRITER, rules, serving

from cdb.app import make_app
from cdb.domain.points import Point
from cdb.services import bundles, global_tags, payload_iovs, payload_lists, payload_types
from cdb.services.entering import Reference
from cdb.services.exports import DatabaseSource
from cdb.settings import load
from cdb.store.engine import Database
from cdb_client import Client, PayloadError, PayloadIOV, Unreachable
from cdb_client import files as payload_files
from cdb_client.points import OPEN, ORIGIN

CONTENT = b"pedestals " * 1000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PAYLOAD = PayloadIOV("Pedestals", "pedestals/a.txt", MD5, len(CONTENT), ORIGIN, OPEN)

ELSEWHERE = b"somewhere else " * 1000
OF_SITE = replace(
    PAYLOAD,
    checksum=hashlib.md5(ELSEWHERE, usedforsecurity=False).hexdigest(),
    size=len(ELSEWHERE),
)
"""What the service does not store."""


class Site:
    """A web server with files, as an experiment has one for its payloads."""

    def __init__(self) -> None:
        self.files: dict[str, list[bytes]] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.missing_bytes = [0]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers["Authorization"]))
                found = site.files.get(self.path)
                body = (found.pop(0) if len(found) > 1 else found[0]) if found else b"none"
                cut = site.missing_bytes.pop(0) if site.missing_bytes else 0
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) - cut])

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    site = Site()
    with ThreadingHTTPServer(("127.0.0.1", 0), site.handler()) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def store(databases: Any, site: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with a payload store, whose payloads lie at the site, too."""
    folder = tmp_path_factory.mktemp("store")
    with databases("sqlite") as url:
        ini = {
            "cdb.database.url": url,
            "cdb.allow_open_writes": "true",
            "cdb.payload_store": str(folder),
            "cdb.payload_base_url": f"{site.url}/files/",
        }
        app = make_app(load(ini, {}))
        asked: list[str] = []

        def noting(environ: Any, start_response: Any) -> Any:
            asked.append(environ["PATH_INFO"].removeprefix(API))
            return app(environ, start_response)

        with serving(noting) as root:
            with Client(root + API) as client:
                client.payload_types.create("Pedestals")
            yield SimpleNamespace(url=root + API, folder=folder, asked=asked)
        app.registry.cdb.database.dispose()


@pytest.fixture
def uploaded(store: Any, tmp_path: Path) -> Iterator[PayloadIOV]:
    """A payload that the service stores, intact."""
    source = tmp_path / "a.txt"
    source.write_bytes(CONTENT)
    with Client(store.url) as client:
        told = client.payloads.put("Pedestals", source).body
    stored = store.folder / told["payload_url"]
    yield replace(PAYLOAD, payload_url=told["payload_url"])
    stored.write_bytes(CONTENT)


@pytest.fixture(autouse=True)
def _untouched(site: Any, store: Any) -> None:
    site.files = {}
    site.asked.clear()
    site.missing_bytes = []
    store.asked.clear()


@pytest.fixture
def client(store: Any, tmp_path: Path) -> Iterator[Client]:
    with Client(store.url, cache=tmp_path / "cache", patience=0) as made:
        yield made


def test_a_file_is_fetched_once_and_kept(
    client: Client, store: Any, uploaded: PayloadIOV, tmp_path: Path
) -> None:
    store.asked.clear()
    path = client.path(uploaded)

    assert path.read_bytes() == CONTENT
    assert path == tmp_path / "cache" / "payloads" / MD5[:2] / MD5
    assert client.path(replace(uploaded, payload_url="elsewhere", size=None)) == path
    with Client(store.url, cache=tmp_path / "cache") as other:
        assert other.path(uploaded) == path
    assert store.asked == [f"/payloads/{MD5}"]


def test_a_sha256_is_as_good(client: Client, uploaded: PayloadIOV) -> None:
    path = client.path(replace(uploaded, checksum=SHA256.upper()))

    assert (path.read_bytes(), path.name) == (CONTENT, SHA256)


def test_read_directories_come_first(store: Any, uploaded: PayloadIOV, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted" / uploaded.payload_url
    mounted.parent.mkdir(parents=True)
    mounted.write_bytes(CONTENT)
    folders = [tmp_path / "absent", tmp_path / "mounted"]
    with Client(store.url, read_dirs=folders, cache=tmp_path / "cache") as client:
        assert client.path(uploaded) == mounted

        mounted.write_bytes(CONTENT[:-1] + b"!")
        with pytest.warns(UserWarning, match=f"has the checksum .*, and not {MD5}"):
            path = client.path(uploaded)
    assert path.read_bytes() == CONTENT
    assert path != mounted


def test_a_payload_url_leads_nowhere_else(client: Client, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(CONTENT)
    (tmp_path / "mounted").mkdir()
    for url in ("../outside", str(outside), "a/../../outside", "", ".", "\0", "x" * 5000):
        with (
            Client(client.profile.url, read_dirs=[tmp_path / "mounted"], patience=0) as other,
            pytest.raises(PayloadError),
        ):
            other.path(replace(PAYLOAD, payload_url=url, checksum="0" * 32))


def test_a_symbolic_link_inside_is_followed(store: Any, tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "real").write_bytes(CONTENT)
    (tmp_path / "mounted" / "a.txt").symlink_to(tmp_path / "real")
    with Client(store.url, read_dirs=[tmp_path / "mounted"]) as client:
        assert client.path(replace(PAYLOAD, payload_url="a.txt")).read_bytes() == CONTENT


def test_what_is_damaged_in_the_cache_is_fetched_again(
    store: Any, uploaded: PayloadIOV, tmp_path: Path
) -> None:
    for damage in (b"", CONTENT[:50], CONTENT[:-1] + b"!"):
        with Client(store.url, cache=tmp_path / "cache") as client:
            path = client.path(uploaded)
            path.write_bytes(damage)
        with Client(store.url, cache=tmp_path / "cache") as client:
            assert client.path(uploaded).read_bytes() == CONTENT


def test_what_comes_damaged_is_fetched_once_more_then_refused(
    client: Client, store: Any, uploaded: PayloadIOV, tmp_path: Path
) -> None:
    (store.folder / uploaded.payload_url).write_bytes(CONTENT[:-1] + b"!")
    store.asked.clear()

    with pytest.raises(PayloadError, match=f"has the checksum [0-9a-f]{{32}}, and not {MD5}"):
        client.path(uploaded)

    assert store.asked.count(f"/payloads/{MD5}") == 2
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_what_the_store_lacks_comes_from_the_site_without_the_token(
    store: Any, site: Any, tmp_path: Path
) -> None:
    site.files["/files/pedestals/a%20b.txt"] = [b"damaged", ELSEWHERE]
    wanted = replace(OF_SITE, payload_url="pedestals/a b.txt")
    with Client(store.url, token="s.e.c", cache=tmp_path / "cache") as client:  # noqa: S106
        assert client.path(wanted).read_bytes() == ELSEWHERE

    assert site.asked == [("/files/pedestals/a%20b.txt", None)] * 2


def test_a_download_that_breaks_off_is_begun_again(
    store: Any, site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_files, "_PAUSE", 0.0)
    site.files["/files/pedestals/a.txt"] = [ELSEWHERE]
    site.missing_bytes = [9, 1]
    with Client(store.url, cache=tmp_path / "cache", patience=20) as client:
        assert client.path(OF_SITE).read_bytes() == ELSEWHERE
    assert len(site.asked) == 3
    site.missing_bytes = [9, 1]
    with Client(store.url, cache="", patience=0) as client, pytest.raises(Unreachable):
        client.path(OF_SITE)


@pytest.mark.parametrize("checksum", ["", "adler32:7", "0" * 40])
def test_what_cannot_be_compared_is_refused_unless_it_is_said(
    client: Client, site: Any, checksum: str
) -> None:
    site.files["/files/pedestals/a.txt"] = [b"anything"]
    wanted = replace(OF_SITE, checksum=checksum)
    with pytest.raises(PayloadError, match="is neither an MD5 nor a SHA-256"):
        client.path(wanted)

    path = client.path(wanted, verify=False)

    assert path.read_bytes() == b"anything"
    assert client.path(wanted, verify=False) == path
    assert len(site.asked) == 1


def test_what_is_taken_unverified_is_verified_when_that_is_asked(
    client: Client, site: Any, tmp_path: Path
) -> None:
    site.files["/files/pedestals/a.txt"] = [b"anything"]
    assert client.path(OF_SITE, verify=False).read_bytes() == b"anything"

    with pytest.raises(PayloadError, match=f"has 8 bytes, and not {len(ELSEWHERE)}"):
        client.path(OF_SITE)


def test_without_a_cache_a_file_lives_as_long_as_the_client(
    store: Any, uploaded: PayloadIOV, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    for cache in ("", tmp_path / "file"):
        with Client(store.url, cache=cache) as client:
            store.asked.clear()
            path = client.path(uploaded)
            assert path.read_bytes() == CONTENT
            assert client.path(uploaded) == path
            assert store.asked == [f"/payloads/{MD5}"]
        assert not path.exists()


def test_a_full_disk_under_the_cache_keeps_nobody_from_a_file(
    store: Any, uploaded: PayloadIOV, tmp_path: Path
) -> None:
    with (
        disk(tmp_path / "disk", megabytes=1) as small,
        Client(store.url, cache=small.seen / "cache") as client,
    ):
        small.fill()
        for _ in range(2):
            assert client.path(uploaded).read_bytes() == CONTENT
        kept = [each for each in (small.seen / "cache").rglob("*") if each.is_file()]
        assert kept == []
        small.free()
    with Client(store.url, cache=Path("/proc/cache")) as client:
        assert client.path(uploaded).read_bytes() == CONTENT


def test_processes_that_want_one_file_at_once_all_get_it(
    store: Any, uploaded: PayloadIOV, tmp_path: Path
) -> None:
    script = f"""
import sys
from cdb_client import Client, PayloadIOV
payload = PayloadIOV("Pedestals", {uploaded.payload_url!r}, {MD5!r}, None, (0, 0), (1, 0))
with Client({store.url!r}, cache={str(tmp_path / "cache")!r}) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(client.path(payload).stat().st_size)
"""
    command = [sys.executable, "-c", script]
    jobs = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for job in jobs:
        assert job.stdout
        assert job.stdout.readline() == "ready\n"
    for job in jobs:
        assert job.stdin
        job.stdin.write("go\n")
        job.stdin.flush()
    assert [job.communicate(timeout=120)[0] for job in jobs] == [f"{len(CONTENT)}\n"] * 3
    assert [job.returncode for job in jobs] == [0] * 3
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [path.name for path in kept if path.name != ".lock"] == [MD5]


def test_files_beside_a_bundle_are_found_without_any_service(
    databases: Any, tmp_path: Path
) -> None:
    place = tmp_path / "b.cdb"
    with databases("sqlite") as url:
        database = Database(url)
        source = make_tag(database)
        bundles.create(source, rules(), place)
        database.dispose()
    folder = tmp_path / "b.cdb.payloads" / "pedestals"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(CONTENT)
    with Client(place) as client:
        conditions = client.at("GT", 5, 0)
        assert conditions.path("Pedestals") == folder / "a.txt"
        with pytest.raises(KeyError):
            conditions.path("Beam")
        (folder / "a.txt").unlink()
        with pytest.raises(PayloadError, match="in no read directory, and a bundle"):
            conditions.path("Pedestals")


def make_tag(database: Database) -> DatabaseSource:
    with database.writing() as session:
        here = session, rules(), WRITER
        payload_types.create(*here, "Pedestals")
        global_tags.create(*here, "GT")
        made = payload_lists.create(*here, "Pedestals").name
        payload_lists.attach(*here, made, "GT")
        reference = Reference("pedestals/a.txt", MD5, Point(0, 0), None, len(CONTENT), None)
        payload_iovs.attach_many(*here, {made: [(0, reference)]})
    return DatabaseSource(database, rules(), "GT")


def test_what_nobody_has_is_an_error_that_says_where_it_was_looked_for(client: Client) -> None:
    with pytest.raises(PayloadError, match=r"No intact file of Pedestals .*/payloads/.*/files/"):
        client.path(OF_SITE)
