"""Copies of a database that is in use, which can be put back under the services that use it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url


class Backup(NamedTuple):
    """Makes a copy of a database, and puts it back."""

    make: Callable[[], None]
    restore: Callable[[], None]


@contextmanager
def backup_of(database_url: str, place: Path) -> Iterator[Backup]:
    """Give what makes a copy of a database: of SQLite at a place, of PostgreSQL beside it."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        live = sqlite3.connect(str(url.database), timeout=60)
        kept = sqlite3.connect(place)
        yield Backup(lambda: live.backup(kept), lambda: kept.backup(live))
        live.close()
        kept.close()
        return
    saved = url.set(database=f"{url.database}_saved")
    yield Backup(lambda: _copy(url, saved), lambda: _copy(saved, url))
    _run(url, f"drop database if exists {saved.database}")


def _copy(source: URL, target: URL) -> None:
    """Replace a PostgreSQL database by a copy of another one.

    PostgreSQL copies none that somebody is connected to.
    """
    _run(source, f"drop database if exists {target.database} with (force)")
    _run(source, f"alter database {source.database} allow_connections false")
    _run(source, _END_OTHERS, name=source.database)
    _run(
        source, f"create database {target.database} template {source.database} strategy file_copy"
    )
    for database in (source.database, target.database):
        _run(source, f"alter database {database} allow_connections true")


_END_OTHERS = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = :name
"""


def _run(server: URL, statement: str, **values: object) -> None:
    engine = create_engine(server.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement), values)
    engine.dispose()
