"""A copy of an embedded database that is in use: whole, as of one moment, and nobody waits."""

import os
from contextlib import closing
from pathlib import Path

from cdb.store.engine import Database
from cdb.store.payload_files import sync

_PART = ".part"
"""What the name of a copy ends in that is not finished, or never will be."""


def copy(database: Database, target: Path) -> None:
    """Copy an embedded database into a file, which only the user who does so can read.

    Under its name it is there only once it is on the disk.

    Args:
        database: on SQLite; services may go on reading and writing.
        target: the file. It must not be there.

    Raises:
        FileExistsError: there is a file of this name, or an unfinished one.
        OSError: it cannot be written.
        DBAPIError, sqlite3.Error: the database cannot be read, or the copy not be written.

    """
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    part = target.with_name(target.name + _PART)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        # It cannot be in a transaction, in which SQLAlchemy's connections always are.
        with closing(database.engine.raw_connection()) as connection:
            connection.cursor().execute("vacuum into ?", (str(part),))
        sync(part)
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(target.parent)
