"""Backups of a database that is written to, and what comes back of them, by docs/backup.md.

The commands are those of the page, on a PostgreSQL of these tests alone.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cluster import BIN, Node, cluster, give
from conditions import QUERY, fill, iov, last_change
from pages import ROOT
from sqlalchemy import create_engine, text
from support import API, Client

from cdb.app import make_app
from cdb.settings import load
from cdb.store import backup, migrate
from cdb.store.engine import Database

PAGE = (ROOT / "docs" / "backup.md").read_text()

_BLOCK = re.compile(r"^```(sh|ini)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PATHS = (QUERY, "gtPayloadLists/A", "global-tags/A/iovs", "global-tags/A/digest", "globalTags")


def blocks(heading: str) -> list[str]:
    """Return the commands below a heading of the page, up to the next one."""
    _, found, section = PAGE.partition(f"# {heading}\n")
    assert found
    own = re.split(r"^##+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [match[2] for match in _BLOCK.finditer(own)]


class Site(NamedTuple):
    """A machine with a database, and the folders that the page speaks of.

    Attributes:
        folder: has `backup`, `restore` and the others; the server's user may write to it.
        user: who owns the server; None for who runs the tests.
        host: where the server is.
        client: of a service that uses it.

    """

    folder: Path
    user: str | None
    host: Path
    client: Client

    def run(self, block: str, **changed: str) -> str:
        """Run commands of the page as who owns the server, and return what they print.

        Those of cdb are run as who runs the tests. What the page says of this and that
        is changed: `change="42"` into another number.
        """
        for name in ("/backup", "/restore", "/var/lib/cdb"):
            block = re.sub(rf"(?<=[\s='(>]){name}\b", f"{self.folder}{name}", block)
        for name, value in changed.items():
            block, times = re.subn(rf"^{name}=.*$", f"{name}='{value}'", block, flags=re.MULTILINE)
            assert times
        is_ours = "cdb db" in block or "cdb verify" in block
        done = subprocess.run(
            ["bash", "-eu"],
            input=block,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            user=None if is_ours else self.user,
            env={
                "PATH": f"{BIN}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PGHOST": str(self.host),
                "PGUSER": "postgres",
                "LC_ALL": "C.UTF-8",
            },
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write_ini(self, url: str, **settings: str) -> None:
        """Write the ini that the page speaks of."""
        keys = {"database.url": url.replace("%", "%%"), **settings}
        lines = "".join(f"cdb.{key} = {value}\n" for key, value in keys.items())
        (self.folder / "production.ini").write_text(f"[app:main]\nuse = egg:hep-cdb\n{lines}")


@contextmanager
def service(url: str, **settings: str) -> Iterator[Client]:
    given = {f"cdb.{key}": value for key, value in settings.items()}
    ini = {"cdb.database.url": url, "cdb.allow_open_writes": "true", **given}
    client = Client(make_app(load(ini, {})))
    yield client
    let_go(client)


def let_go(client: Client) -> None:
    client.app.registry.cdb.database.dispose()


def migrated(url: str) -> str:
    database = Database(url)
    migrate.upgrade(database)
    database.dispose()
    return url


class Writing:
    """Somebody who writes to a service, all the while."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._is_over = False
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            for number in range(1_000_000):
                if self._is_over:
                    return
                write(self._client, f"meanwhile {number}", number % 500)
        except Exception as error:  # noqa: BLE001 - told at the end
            self._failed = error

    def __enter__(self) -> "Writing":
        self._began = last_change(self._client)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        assert self._failed is None
        assert last_change(self._client) > self._began


def write(client: Client, url: str, major: int = 1) -> int:
    client.ok("POST", "payload-lists/T_1/iovs", [iov(url, major)])
    return last_change(client)


def as_of(client: Client, change: int) -> dict[str, Any]:
    return {
        path: client.ok("GET", f"{path}{'&' if '?' in path else '?'}asOf={change}")
        for path in PATHS
    }


_COUNTED = {
    "iov": "added_by",
    "change": "change",
    "tag_change": "change",
    "list_state": "added_by",
}


_COUNT = "select count(*) from {} where {} <= :at"


def counts(url: str, change: int) -> dict[str, int]:
    """Return how many rows the tables had as of a change."""
    engine, at = create_engine(url), {"at": change}
    with engine.connect() as connection:
        found: dict[str, int] = {
            table: connection.scalar(text(_COUNT.format(table, column)), at)
            for table, column in _COUNTED.items()
        }
    engine.dispose()
    return found


# --- PostgreSQL -----------------------------------------------------------------------------


class Server(NamedTuple):
    """A machine with a PostgreSQL whose log is archived as the page says."""

    site: Site
    node: Node


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A service with two tags, on such a machine."""
    with cluster(0) as (node, _):
        folder = node.folder.parent / "site"
        for name in ("backup/wal", "restore"):
            (folder / name).mkdir(parents=True)
        for each in (folder, *folder.rglob("*")):
            give(each, node.user)
        [archive, *_] = blocks("Back to any moment")
        node.stop("fast")
        with (node.data / "postgresql.conf").open("a") as settings:
            settings.write(archive.replace("/backup", f"{folder}/backup"))
        node.start()
        with service(migrated(node.url())) as client:
            fill(client)
            site = Site(folder, node.user, node.folder, client)
            site.write_ini(node.url())
            yield Server(site, node)


def test_a_dump_of_a_database_that_is_written_to(server: Server) -> None:
    site = server.site
    dump, restore, look, rename = blocks("A dump each night")
    with Writing(site.client):
        site.run(dump)
    after = write(site.client, "after the dump")
    site.run(restore)
    assert "This version works with it." in site.run(look)
    url = server.node.url()
    restored = url.replace("/cdb?", "/cdb_restored?")
    with service(restored) as client:
        end = last_change(client)
        assert end < after
        for change in (end, end - 1):
            assert as_of(client, change) == as_of(site.client, change)
        assert counts(restored, end) == counts(url, end) == counts(restored, after)
    let_go(site.client)
    site.run(rename)
    assert last_change(site.client) == end
    let_go(site.client)
    site.run("psql --command 'drop database cdb' postgres")
    site.run(
        rename.splitlines()[0].replace("cdb rename to cdb_broken", "cdb_broken rename to cdb")
    )
    assert last_change(site.client) == after


class Lost(NamedTuple):
    """What was done after the copy of the server's files.

    Attributes:
        kept: the last change that is wanted back.
        moment: after it, and before all others.
        known: the answers to PATHS as of that change.
        etag: what a client has of the state that is lost.

    """

    kept: int
    moment: str
    known: dict[str, Any]
    etag: str


@pytest.fixture(scope="module")
def lost(server: Server) -> Lost:
    """Copy the server's files while somebody writes; then write what is not wanted."""
    client = server.site.client
    _, base = blocks("Back to any moment")
    with Writing(client):
        server.site.run(base)
    kept = write(client, "wanted")
    known = as_of(client, kept)
    moment = str(server.node.run("select clock_timestamp()"))
    assert write(client, "lost") == kept + 1
    etag = client.api("GET", QUERY, status=200).headers["ETag"]
    client.ok("POST", "cloneGlobalTag/A/Lost")
    client.ok("PUT", "gt_change_status/Lost/frozen")
    server.node.run("select pg_switch_wal()")
    return Lost(kept, moment, known, etag)


@contextmanager
def recovered(server: Server, target: str, **changed: str) -> Iterator[tuple[Client, str]]:
    """Give a client of a service of the server that was restored to a target, and its URL."""
    site = server.site
    copy, by_change, by_time, start = blocks("Before change N")
    site.run(copy)
    site.run({"change": by_change, "time": by_time}[target], **changed)
    # A socket of its own, beside the server that still runs; and a log of its own.
    own = f"unix_socket_directories = '{site.folder}/restore'\narchive_mode = off"
    site.run(f"cat >>/restore/data/postgresql.auto.conf <<'END'\n{own}\nEND")
    node = Node(site.folder / "restore", site.user)
    # The server would hold the pipe open for as long as it runs.
    site.run(f"{start.rstrip()} >log 2>&1")
    try:
        with service(node.url()) as client:
            yield client, node.url()
    finally:
        node.dispose()
        node.stop()
        site.run("rm -rf /restore/data")


@pytest.mark.parametrize("target", ["change", "time"])
def test_back_to_before_a_change(server: Server, lost: Lost, target: str) -> None:
    site, number = server.site, lost.kept + 1
    changed = {"change": str(number)} if target == "change" else {"moment": lost.moment}
    with recovered(server, target, **changed) as (client, url):
        assert last_change(client) == lost.kept
        assert as_of(client, lost.kept) == lost.known
        assert client.api("GET", f"{QUERY}&asOf={number}").status_int == 400
        assert "Lost" not in str(client.ok("GET", "globalTags"))
        site.write_ini(url)
        site.run("cdb verify production.ini --history")
        # The number is given again, and nothing is taken for what had it before.
        assert write(client, "lost") == number
        before = {"If-None-Match": lost.etag}
        assert client.api("GET", QUERY, headers=before).status_int == 200
        as_then = site.client.api("GET", f"{QUERY}&asOf={number}", status=200).headers["ETag"]
        as_now = client.api("GET", f"{QUERY}&asOf={number}", status=200).headers["ETag"]
        assert as_then != as_now


# --- the embedded database, and payload files ---------------------------------------------------


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Site]:
    """A machine with an embedded database, and payload files."""
    for name in ("backup/payloads", "var/lib/cdb"):
        (tmp_path / name).mkdir(parents=True)
    store, url = str(tmp_path / "var/lib/cdb/payloads"), f"sqlite:///{tmp_path}/cdb.sqlite"
    with service(migrated(url), payload_store=store) as client:
        fill(client)
        site = Site(tmp_path, None, tmp_path, client)
        site.write_ini(url, payload_store=store)
        yield site


def upload(client: Client, name: str) -> None:
    body, kind = f"the file {name}".encode(), "application/octet-stream"
    client.put(f"{API}/payloads/T/{name}", body, content_type=kind, status=200)


def test_a_copy_of_an_embedded_database_that_is_written_to(embedded: Site) -> None:
    [copy] = blocks("The embedded database")
    with Writing(embedded.client):
        assert "Copied to " in embedded.run(copy)
    after = write(embedded.client, "after the copy")
    copied = embedded.folder / "backup" / "cdb.sqlite"
    assert copied.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in copied.parent.iterdir() if each.is_file()] == [copied.name]
    embedded.run(f"! {copy.strip()} 2>refused")
    assert "is there already" in (embedded.folder / "refused").read_text()
    embedded.write_ini(f"sqlite:///{copied}")
    embedded.run("cdb verify production.ini --history")
    with service(f"sqlite:///{copied}") as client:
        end = last_change(client)
        assert end < after
        assert as_of(client, end) == as_of(embedded.client, end)


def test_files_are_complete_if_they_are_copied_after_the_database(embedded: Site) -> None:
    files, look = blocks("Payload files")
    upload(embedded.client, "before.txt")
    embedded.run(files)
    upload(embedded.client, "between.txt")
    backup.copy(embedded.client.app.registry.cdb.database, embedded.folder / "backup/cdb.sqlite")
    upload(embedded.client, "after.txt")
    url, store = (
        f"sqlite:///{embedded.folder}/backup/cdb.sqlite",
        embedded.folder / "backup/payloads",
    )
    embedded.write_ini(url, payload_store=str(store))
    embedded.run(f"! {look.strip()} >told")
    told = (embedded.folder / "told").read_text()
    assert "between.txt" in told
    assert "before.txt" not in told
    embedded.run(files)
    embedded.run(look)
    # What the database knows nothing of is in nobody's way.
    with service(url, payload_store=str(store)) as client:
        upload(client, "after.txt")
