"""A small database with something in each table, and what damages it: for `cdb verify` to find."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from histories import RULES, World
from sqlalchemy import JSON, Boolean, Column, Integer, Table, insert
from support import WRITER

from cdb.domain.points import OPEN, ORIGIN, Point
from cdb.services import global_tags, payload_types
from cdb.services.entering import Reference
from cdb.store.engine import Database
from cdb.store.models import LIVE, Base, UtcDateTime

CONTENT = b"beam spot of run 7\n"
_NOW = datetime(2999, 1, 1, tzinfo=UTC)
"""Of what waits: it has not waited too long."""

TABLES = Base.metadata.sorted_tables


class Small(World):
    """A tag A with a clone B and a frozen tag F; the log of `t` has a past, with a pin in it.

    `t` is the list 1 with the log 1, `u` the list 2 with the log 2.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.a, self.b = self.names
        lists = self.lists(self.a)
        t, u = (lists[name] for name in self.types[:2])
        self.attach(u, Reference("u", "sum", ORIGIN, OPEN))
        self.first = self.put(t, "p", ORIGIN, Point(5, 0))
        self.cut = self.put(t, "q", Point(1, 0), Point(3, 0))
        self.write(global_tags.clone, *self.names)
        self.replaced = self.put(t, "r", Point(3, 0), Point(5, 0))
        self.last = self.put(t, "s", Point(5, 0), OPEN)
        for description in ("one", "two"):
            self.write(payload_types.describe, self.types[2], {"description": description})
        self.write(global_tags.create, "F")
        self.attach(self.make_list("F", self.types[2]), Reference("f", "sum", ORIGIN, OPEN))
        with database.writing() as session:
            global_tags.change_status(database, session, RULES, WRITER, "F", "frozen")

    def put(self, name: str, url: str, start: Point, end: Point) -> int:
        """Attach a payload IOV, and return the change."""
        self.attach(name, Reference(url, "sum", start, end))
        return self.change()


def fill(small: Small, folder: Path) -> None:
    """Put a payload file into the store, and a row into each table that has none yet."""
    path = folder / "T" / "run7.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    names = {"payload_type": "T", "file_name": "run7.txt", "path": "T/run7.txt"}
    sums = {"checksum": md5, "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    rows: dict[str, dict[str, Any]] = {
        "payload": {"id": 1, **names, **sums, "created": _NOW, "added_by": 1},
        "recorded_answer": {
            "subject": "s",
            "idempotency_key": "k",
            "fingerprint": "f",
            "created": _NOW,
            "body": "{}",
            "change": 1,
        },
        "staged_iov": {
            "id": 5000,
            "start_major": 0,
            "start_minor": 0,
            "payload_url": "x",
            "checksum": "x",
            "inserted": _NOW,
        },
        "token": {"id": 1, "hash": "h", "owner": "o", "scopes": [], "created": _NOW},
    }
    with small.database.engine.begin() as connection:
        for name, row in rows.items():
            connection.execute(insert(Base.metadata.tables[name]), [row])


def other(column: Column[Any]) -> str:
    """Return an expression for what does not belong into a column, of the kind that does."""
    name = f'"{column.name}"'
    match column.type:
        case Boolean():
            return f"1 - {name}"
        case Integer():
            return f"case when {name} > {LIVE - 1000} then 7 else coalesce({name}, 0) + 1000 end"
        case UtcDateTime():
            return "'2001-01-01 00:00:00.000000'"
        case JSON():
            return """'["other"]'"""
        case _:
            return f"coalesce({name}, '') || 'x'"


class Planter:
    """Damages an SQLite database, and puts back what was there."""

    def __init__(self, database: Database) -> None:
        self._connection = sqlite3.connect(str(database.url.database), isolation_level=None)
        self._kept = {table: self.rows(table) for table in TABLES}

    def close(self) -> None:
        self._connection.close()

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        """Return the rows of a table with their own keys."""
        return self._connection.execute(f"select rowid, * from {table.name}").fetchall()  # noqa: S608 - the names are ours

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables."""
        return {table.name: self.rows(table) for table in TABLES}

    @contextmanager
    def damaged(self, table: Table, statement: str) -> Iterator[bool]:
        """Damage a table; tell whether anything in it is another one now."""
        try:
            self._connection.execute(statement)
        except sqlite3.IntegrityError:
            yield False
            return
        yield self.rows(table) != self._kept[table]
        self._connection.execute("begin")
        self._connection.execute(f"delete from {table.name}")  # noqa: S608 - the names are ours
        for row in self._kept[table]:
            places = ", ".join("?" * len(row))
            names = ", ".join(["rowid", *(f'"{each}"' for each in self._columns(table))])
            statement = f"insert into {table.name} ({names}) values ({places})"  # noqa: S608 - the names are ours
            self._connection.execute(statement, row)
        self._connection.execute("commit")

    def _columns(self, table: Table) -> list[str]:
        found = self._connection.execute(f"pragma table_info({table.name})")
        return [name for _, name, *_ in found]


@contextmanager
def planter(database: Database) -> Iterator[Planter]:
    """Give what damages a database."""
    with closing(Planter(database)) as made:
        yield made
