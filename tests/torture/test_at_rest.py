"""Files that rot: whatever is damaged is found, or no closed tag answers otherwise than before."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from histories import RULES
from planted import CONTENT, TABLES, Small, fill
from sqlalchemy.exc import DBAPIError
from support import WRITER
from torture.campaign import Campaign

from cdb.services import global_tags, verify
from cdb.services.checks.check import Severity, Wanted
from cdb.services.verify import Finding
from cdb.store.engine import Database, read_only_url
from cdb.store.payload_files import open_files

PAGE = 4096
"""Bytes of a page of SQLite's."""


class Place:
    """A database of closed tags with its payload files, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "cdb.sqlite"
        self.payloads = folder / "payloads"

    def answers(self) -> list[tuple[Any, ...]]:
        """Return what the tags answer, and the payload files, by nothing of cdb."""
        with closing(sqlite3.connect(read_only_url(self.database)[10:], uri=True)) as connection:
            # Pinned lists show what was there then.
            found = connection.execute("""
                select t.id, pt.name, pt.dimension, i.start_major, i.start_minor, i.end_major,
                    i.end_minor, i.payload_url, i.checksum, i.extra
                from global_tag t
                join list_state s on s.global_tag = t.id and s.retired_by = 9223372036854775807
                join payload_list l on l.id = s.payload_list
                join payload_type pt on pt.id = l.payload_type
                    and pt.retired_by = 9223372036854775807
                join iov i on i.series = s.series
                    and i.added_by <= coalesce(s.pinned_at, 9223372036854775806)
                    and i.retired_by > coalesce(s.pinned_at, 9223372036854775806)
                order by 1, 2, 4, 5
            """).fetchall()
        files = sorted(self.payloads.rglob("*.txt"))
        return [*found, *((file.name, file.read_bytes()) for file in files)]

    def found(self) -> set[str]:
        """Return the checks that find an error."""
        database = Database(read_only_url(self.database))
        try:
            wanted = Wanted(files=True, history=True)
            files = open_files(str(self.payloads))
            events = list(verify.verify(database, RULES, files, wanted).events)
        finally:
            database.dispose()
        findings = [each for each in events if isinstance(each, Finding)]
        return {each.check for each in findings if each.severity == Severity.ERROR}


@pytest.fixture
def whole(databases: Any, tmp_path: Path) -> Path:
    """The folder of what is whole."""
    folder = tmp_path / "whole"
    folder.mkdir()
    with databases("sqlite") as url:
        database = Database(url)
        small = Small(database)
        for name in small.names:
            with database.writing() as session:
                global_tags.change_status(database, session, RULES, WRITER, name, "frozen")
        fill(small, folder / "payloads")
        with closing(sqlite3.connect(str(database.url.database))) as source:
            source.execute(f"vacuum into '{folder}/cdb.sqlite'")
        database.dispose()
    return folder


# --- what is done to it ---------------------------------------------------------------


def a_cell(place: Place, random: Random) -> None:
    """Write something else into a column of a row."""
    table = random.choice(TABLES)
    column = random.choice(list(table.columns)).name
    value = random.choice([None, -1, 0, 3, 2**62, 0.5, "", "x", b"\xff\0"])
    with closing(sqlite3.connect(place.database, isolation_level=None)) as connection:
        any_row = f"(select rowid from {table.name} order by random() limit 1)"  # noqa: S608 - the names are ours
        connection.execute(
            f"update or ignore {table.name} set {column} = ? where rowid = {any_row}",  # noqa: S608 - as above
            (value,),
        )


def a_row(place: Place, random: Random) -> None:
    """Lose a row, as a page that is not written does."""
    table = random.choice(TABLES).name
    with closing(sqlite3.connect(place.database, isolation_level=None)) as connection:
        rows = connection.execute(f"select rowid from {table}").fetchall()  # noqa: S608 - the names are ours
        if rows:
            connection.execute(f"delete from {table} where rowid = ?", random.choice(rows))  # noqa: S608 - as above


def some_bits(place: Place, random: Random) -> None:
    """Turn bits of the file over, where something stands."""
    content = bytearray(place.database.read_bytes())
    used = [number for number, byte in enumerate(content) if byte]
    for _ in range(random.choice([1, 1, 2, 8])):
        content[random.choice(used)] ^= 1 << random.randrange(8)
    place.database.write_bytes(content)


def a_page(place: Place, random: Random) -> None:
    """Write a page where another one was, or nothing but zeros."""
    content = bytearray(place.database.read_bytes())
    pages = len(content) // PAGE
    to, of = PAGE * random.randrange(1, pages), PAGE * random.randrange(1, pages)
    content[to : to + PAGE] = random.choice([content[of : of + PAGE], bytes(PAGE)])
    place.database.write_bytes(content)


def an_end(place: Place, random: Random) -> None:
    """Cut the file off."""
    content = place.database.read_bytes()
    place.database.write_bytes(content[: random.randrange(len(content))])


def a_payload(place: Place, random: Random) -> None:
    """Damage a payload file, or lose it."""
    [file] = place.payloads.rglob("*.txt")
    content = bytearray(CONTENT)
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    match random.choice(["bits", "cut", "lost", "folder"]):
        case "bits":
            file.write_bytes(content)
        case "cut":
            file.write_bytes(CONTENT[: random.randrange(len(CONTENT))])
        case kind:
            file.unlink()
            if kind == "folder":
                file.mkdir()


DAMAGES: list[Callable[[Place, Random], None]] = [
    a_cell,
    a_cell,
    a_cell,
    a_row,
    some_bits,
    some_bits,
    a_page,
    an_end,
    a_payload,
]


def test_at_rest(campaign: Campaign, whole: Path, tmp_path: Path) -> None:
    expected = Place(whole).answers()
    assert Place(whole).found() == set()
    for _ in campaign.rounds(at_least=25):
        folder = tmp_path / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        place = Place(folder)
        done = [campaign.random.choice(DAMAGES) for _ in range(campaign.random.choice([1, 1, 3]))]
        try:
            for damage in done:
                damage(place, campaign.random)
        except (sqlite3.Error, OSError, ValueError):
            pass  # what came before has left nothing to damage further
        before = place.database.read_bytes()
        for damage in done:
            campaign.count(damage.__name__.replace("_", " "))
        try:
            found = place.found()
        except (DBAPIError, UnicodeDecodeError):
            campaign.count("not to be opened")
            continue
        assert place.database.read_bytes() == before
        campaign.count("found" if found else "not found")
        if not found:
            assert place.answers() == expected, [damage.__name__ for damage in done]
