"""Bundles: one SQLite file that is a cdb database, with one global tag, which nobody changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import ExceptionContext, event, text
from sqlalchemy.exc import DatabaseError

from cdb.errors import Corrupt
from cdb.store import migrate
from cdb.store.engine import Database, read_only_url
from cdb.store.models import Iov

APPLICATION_ID = 0x63646262
"""`cdbb`, in the header of the file: `file` and others tell by it what it is."""

FORMAT = 1
"""The version of bundles, in the header of the file (`user_version`)."""


@contextmanager
def creating(path: Path) -> Iterator[Database]:
    """Give an empty database that is a bundle at the end, and something unusable after a failure.

    Args:
        path: of a file that is not there.

    """
    database = Database(f"sqlite:///{path}", journal="OFF")
    try:
        migrate.upgrade(database)
        _index(database, "drop")
        yield database
        _index(database, "create")
        _finish(database)
    finally:
        database.dispose()


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """Give the database of a bundle, to read.

    Raises:
        Corrupt: it is none, or one that this version of cdb cannot read; or it is damaged,
            which shows only as it is read.

    """
    database = Database(read_only_url(path))

    def damaged(context: ExceptionContext) -> None:
        raise Corrupt(f"{path} is damaged: {context.original_exception}.") from None

    try:
        check(database, path)
        event.listen(database.engine, "handle_error", damaged)
        yield database
    finally:
        database.dispose()


def check(database: Database, path: Path) -> None:
    """Raise where a file is no bundle that this version of cdb can read.

    Raises:
        Corrupt: it is none.

    """
    try:
        with database.snapshot() as reader:
            found = [_pragma(reader, name) for name in ("application_id", "user_version")]
            is_ours = found[0] == APPLICATION_ID
            revision = migrate.current(reader) if is_ours else None
            is_fine = is_ours and migrate.problem(reader) is None
    except DatabaseError as error:
        raise Corrupt(f"{path} is no bundle: {error.orig}.") from None
    except UnicodeDecodeError:  # in SQLite's own message about a damaged schema
        raise Corrupt(f"{path} is damaged: its schema cannot be read.") from None
    if not is_ours:
        raise Corrupt(f"{path} is no bundle.")
    if found[1] != FORMAT or not is_fine:
        raise Corrupt(
            f"{path} is a bundle of format {found[1]} with the schema {revision}; this version "
            f"of cdb reads format {FORMAT} with the schema {migrate.head()}."
        )


def _index(database: Database, verb: str) -> None:
    """Take away the indexes of the log, or put them back: one sort is faster than many inserts."""
    with database.engine.begin() as connection:
        for index in Iov.__table__.indexes:  # type: ignore[attr-defined]
            getattr(index, verb)(connection)


def _finish(database: Database) -> None:
    with database.engine.connect() as connection:
        driver: Any = connection.connection.cursor()
        driver.execute(f"pragma application_id = {APPLICATION_ID}")
        driver.execute(f"pragma user_version = {FORMAT}")
        driver.execute("analyze")
        # Without a write-ahead log beside it, which readers of a read-only folder cannot make.
        driver.execute("pragma journal_mode = delete")
        driver.close()


def _pragma(reader: Any, name: str) -> int:
    return int(reader.execute(text(f"pragma {name}")).scalar_one())
