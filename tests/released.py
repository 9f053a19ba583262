"""What a version of cdb has left in a database when it was released, and what it asked of it.

`tools/record_release.py` records it, on both databases. The tests upgrade it to the tables of
today, where it has to answer as it did, and where the statements of that version still run.
"""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2.extensions
from cluster import BIN
from every_write import WRITES
from guarded import populate
from guarded import row as iov
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Engine, make_url
from support import DATA, Client

FOLDER = DATA / "released"

OLD = "before-0.1.0"
"""Revisions that no release had: the content of 0.1.0, taken back to each of them."""

KINDS = ("sqlite", "postgresql")

_POINTS = [f"majorIOV={major}&minorIOV={minor}" for major, minor in ((0, 0), (5, 7), (21, 0))]

CONTENT = [
    *(f"payloadiovs/?gtName={tag}&{at}" for tag in ("Dev", "Prod", "Pinned") for at in _POINTS),
    *(f"payloadiovs/?gtName=Dev&{_POINTS[1]}&asOf={change}" for change in range(10, 18)),
    "payloadiovs/?gtName=Frozen&majorIOV=21&minorIOV=0&shape=dict",
    "gtstatus",
    "gtPayloadLists/Dev",
    "globalTag/Dev",
    "pl",
    "pt",
    "global-tags/Dev/iovs",
    "global-tags/Dev/iovs?asOf=14",
    "global-tags/Dev/gaps",
    "global-tags/Dev/diff/Pinned",
    *(f"global-tags/{tag}/digest" for tag in ("Dev", "Pinned", "Frozen")),
]
"""What is asked of all that was recorded."""

LATER = ["globalTags", "changes", "changes/3", "global-tags/Dev/history"]
"""What is asked of a release only: the revisions before had no place for all of it."""


class Release(NamedTuple):
    """What was recorded of a release, or of a revision that none had."""

    name: str
    revision: str

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def sql(self, kind: str) -> Path:
        return self.folder / f"{self.revision}.{kind}.sql"

    def statements(self, kind: str) -> list[list[str]]:
        """Return what the release asked of the database: for each request its statements."""
        lines = (self.folder / f"statements.{kind}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def answers(self, kind: str) -> dict[str, Any]:
        """Return what it answered, by path."""
        found: dict[str, Any] = json.loads((self.folder / f"answers.{kind}.json").read_text())
        return found


def recorded() -> list[Release]:
    """Return all that is recorded, the oldest first."""
    found = sorted(FOLDER.glob("*/*.sqlite.sql"), key=lambda path: path.name)
    return [Release(path.parent.name, path.name.partition(".")[0]) for path in found]


def releases() -> list[Release]:
    """Return what is recorded of releases, the oldest first."""
    return [each for each in recorded() if each.name != OLD]


# --- content ------------------------------------------------------------------------------


def fill(client: Client) -> None:
    """Write in many ways; all that the statements of `every_write` need is there, too."""
    ok = client.ok
    populate(client)
    ok("POST", "payload-lists/Beam_1/iovs", [iov(20), iov(30)])
    ok("POST", "payload-lists/Beam_2/iovs", [iov(0), iov(21)])
    ok("POST", "cloneGlobalTag/Dev/Pinned")
    ok("POST", "payload-lists/Beam_1/iovs", [{**iov(5), "payload_url": "5-again.root"}])
    ok("DELETE", "deletePayloadIOV/Dev/Beam/30/0")
    ok("POST", "cloneGlobalTag/Prod/Frozen")
    ok("POST", "payload-lists/Beam_2/iovs", [{**iov(22), "payload_url": "after.root"}])
    ok("PUT", "gt_change_status/Frozen/locked")
    ok("PUT", "gt_change_status/Frozen/frozen")
    ok("PATCH", "global-tags/Dev", {"description": "for tests", "contact": "somebody"})
    ok("POST", "gt", {"name": "Gone"})
    ok("DELETE", "deleteGlobalTag/Gone")


def asked(client: Client, paths: list[str]) -> dict[str, Any]:
    """Return what a service answers to each of the paths."""
    return {path: client.ok("GET", path) for path in paths}


def still_says(before: Any, now: Any) -> bool:
    """Tell whether an answer says all that it did; fields may have been added."""
    match before, now:
        case dict(), dict():
            return all(name in now and still_says(before[name], now[name]) for name in before)
        case list(), list():
            return len(before) == len(now) and all(map(still_says, before, now))
    return bool(before == now)


# --- statements ----------------------------------------------------------------------------


@contextmanager
def noted(sent: list[str]) -> Iterator[None]:
    """Note what goes to databases whose connections are made meanwhile, with its values."""

    class Cursor(psycopg2.extensions.cursor):
        def execute(self, *arguments: Any) -> None:
            super().execute(*arguments)
            sent.append(self.query.decode())

    def connect(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        if _dialect.name == "postgresql":
            options["cursor_factory"] = Cursor

    def connected(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(sent.append)

    event.listen(Engine, "do_connect", connect)
    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", connect)
        event.remove(Engine, "connect", connected)


_OF_DRIVER = ("begin", "commit", "rollback", "pragma", "--", "show ", "select pg_catalog.")
"""How statements begin that say nothing of the tables."""


def requests_of(client: Client, sent: list[str]) -> Iterator[list[str]]:
    """Yield the statements of each kind of read, and of each write, which is only tried."""
    for path in (*CONTENT, *LATER):
        sent.clear()
        client.ok("GET", path)
        yield _own(sent)
    for write in WRITES:
        sent.clear()
        answer = write.send(client, dry_run=True)
        assert answer.status_int == 200, (write, answer.text)
        yield _own(sent)


def _own(sent: list[str]) -> list[str]:
    return [each for each in sent if not each.strip().lower().startswith(_OF_DRIVER)]


def replay(url: str, requests: list[list[str]]) -> list[str]:
    """Run the statements of each request, take back what they did, and return what failed."""
    engine = create_engine(url)
    failed = []
    for statements in requests:
        with engine.connect() as connection:
            for statement in statements:
                try:
                    connection.exec_driver_sql(statement.replace("%", "%%")).close()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                    failed.append(f"{statement}: {error}")
                    break
            connection.rollback()
    engine.dispose()
    return failed


# --- files ----------------------------------------------------------------------------------


def dump(url: URL, path: Path) -> None:
    """Write a database as statements that any server takes."""
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(url.database))
        path.write_text("".join(f"{line}\n" for line in connection.iterdump()))
        connection.close()
        return
    place = url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = ["--inserts", "--rows-per-insert=1000", "--no-owner", "--no-privileges"]
    told = subprocess.check_output([BIN / "pg_dump", *options, place], text=True)
    # What only psql takes, and settings that older servers do not know.
    lines = [line for line in told.splitlines() if not line.startswith(("\\", "SET ", "--"))]
    path.write_text("\n".join(line for line in lines if line) + "\n")


def restore(url: str, path: Path) -> None:
    """Fill an empty database with what was dumped."""
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(made.database))
        connection.executescript(path.read_text())
        connection.close()
        return
    engine = create_engine(url)
    with engine.begin() as session:
        session.connection.cursor().execute(path.read_text())  # type: ignore[union-attr]
    engine.dispose()


def empty(url: str) -> None:
    """Take everything out of a database."""
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{made.database}{suffix}").unlink()
        return
    engine = create_engine(url)
    with engine.begin() as session:
        session.execute(text("drop schema public cascade"))
        session.execute(text("create schema public"))
    engine.dispose()
