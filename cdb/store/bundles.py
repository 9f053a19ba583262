"""Bundles: one SQLite file that is a cdb database, with one global tag, which nobody changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import ExceptionContext, event, text
from sqlalchemy.exc import DatabaseError

from cdb.errors import Corrupt
from cdb.store import schema, sqlite_file
from cdb.store.engine import Database, read_only_url
from cdb.store.models import Iov

APPLICATION_ID = 0x63646262
"""`cdbb`, in the header of the file: `file` and others tell by it what it is."""

FORMAT = 1
"""The version of bundles, in the header of the file (`user_version`)."""


# A view in place of a table could compute without end.
_COMPUTED = text("""
    select type, name from sqlite_master
    where type not in ('table', 'index') or lower(sql) like 'create virtual%' limit 1
""")


@contextmanager
def creating(path: Path) -> Iterator[Database]:
    """Give an empty database that is a bundle at the end, and something unusable after a failure.

    Args:
        path: of a file that is not there.

    Raises:
        OSError: it cannot be made.

    """
    from cdb.store import migrate  # noqa: PLC0415 - who reads a bundle makes no tables

    # SQLite would not say which file it is that cannot be made.
    path.touch(exist_ok=False)
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
def opened(path: Path, *, whole: bool = True) -> Iterator[Database]:
    """Give the database of a bundle, to read.

    Args:
        path: of the bundle.
        whole: look through all payload IOVs, too, which takes some seconds for a million.

    Raises:
        Corrupt: it is none, or one that this version of cdb cannot read; or it is damaged,
            which shows only as it is read.

    """
    # Who opens a pipe waits for somebody who writes to it.
    if not path.is_file():
        raise Corrupt(f"{path} is no file.")
    database = Database(read_only_url(path))

    def damaged(context: ExceptionContext) -> None:
        raise Corrupt(f"{path} is damaged: {context.original_exception}.") from None

    try:
        check(database, path, whole=whole)
        event.listen(database.engine, "handle_error", damaged)
        yield database
    finally:
        database.dispose()


def check(database: Database, path: Path, *, whole: bool) -> None:
    """Raise where a file is no bundle that this version of cdb can read; see `opened`.

    Raises:
        Corrupt: it is none.

    """
    found: list[int] = []
    try:
        with database.snapshot() as reader:
            found = [_pragma(reader, name) for name in ("application_id", "user_version")]
            is_ours = found[0] == APPLICATION_ID
            computed = reader.execute(_COMPUTED).first() if is_ours else None
            revision = schema.current(reader) if is_ours and not computed else None
            is_fine = revision is not None and schema.problem(reader) is None
            damaged = next(sqlite_file.unsound(reader, whole=whole), None) if is_fine else None
    # Of a damaged file even the message may be no text.
    except (DatabaseError, UnicodeDecodeError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error
        what = "damaged" if found else "no bundle"
        raise Corrupt(f"{path} is {what}: {reason}.") from None
    if not is_ours:
        raise Corrupt(f"{path} is no bundle.")
    if computed:
        raise Corrupt(f"{path} is no bundle: it has the {computed[0]} {computed[1]!r}.")
    if damaged:
        raise Corrupt(f"{path} is damaged: {damaged} holds what does not belong there.")
    if found[1] != FORMAT or not is_fine:
        raise Corrupt(
            f"{path} is a bundle of format {found[1]} with the schema {revision}; this version "
            f"of cdb reads format {FORMAT} with the schema {schema.head()}."
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
