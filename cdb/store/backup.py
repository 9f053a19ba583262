"""A copy of an embedded database that is in use: whole, as of one moment, and nobody waits."""

import os
from contextlib import closing
from pathlib import Path

from cdb.store.engine import Database
from cdb.store.partial import becoming
from cdb.store.payload_files import sync


def copy(database: Database, target: Path) -> None:
    """Copy an embedded database into a file, which only the user who does so can read.

    Under its name it is there only once it is on the disk.

    Args:
        database: on SQLite; services may go on reading and writing.
        target: the file. It must not be there.

    Raises:
        FileExistsError: there is a file of this name.
        OSError: it cannot be written.
        DBAPIError, sqlite3.Error: the database cannot be read, or the copy not be written.

    """
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    with becoming(target) as part:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        # It cannot be in a transaction, in which SQLAlchemy's connections always are.
        with closing(database.engine.raw_connection()) as connection:
            connection.cursor().execute("vacuum into ?", (str(part),))
        sync(part)
    sync(target.parent)
