"""PostgreSQL databases that tests use one after the other.

To make a database takes the server a tenth of a second, to empty one a thousandth. So a
test gets one that others have used, unless they left more in it than rows.
"""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, insert, select, text
from sqlalchemy.engine import URL

from cdb.store import migrate
from cdb.store.engine import Database
from cdb.store.models import Base

_numbers = count()

_TABLES = Base.metadata.sorted_tables

_RESTING = 4
"""How many databases wait to be used again: a connection takes a while to be gone."""

_MOST_BYTES = 2**21
"""What tables may take up: rows that were deleted are in the way of others."""

_SCHEMA = """
with own as (select oid from pg_class where relnamespace = 'public'::regnamespace)
select
    (select array_agg(oid order by oid) from own),
    (select array_agg(attname order by attrelid, attnum) from pg_attribute
     where attrelid in (select oid from own)),
    (select array_agg(oid order by oid) from pg_constraint),
    (select array_agg(oid order by oid) from pg_trigger),
    (select array_agg(oid order by oid) from pg_proc
     where pronamespace = 'public'::regnamespace)
"""

_BYTES = """
select sum(pg_table_size(oid)) from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace
"""

# Whoever is still connected must not write into the next test.
_ALONE = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""

_EMPTY = ";".join(f'delete from "{table.name}"' for table in reversed(_TABLES))  # noqa: S608 - the names are ours

_RESTART = """
select setval(oid::regclass, 1, false) from pg_class
where relkind = 'S' and relnamespace = 'public'::regnamespace
"""


class Emptied:
    """Databases of one server, each of them for one test at a time."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._admin = create_engine(server, isolation_level="AUTOCOMMIT")
        self._left: deque[Engine] = deque()
        self._template = self._make("")
        migrated = Database(_written(self._template.url))
        migrate.upgrade(migrated)
        migrated.dispose()
        with self._template.connect() as connection:
            self._schema = _schema(connection)
            self._rows = {
                table: rows
                for table in _TABLES
                if (rows := connection.execute(select(table)).mappings().all())
            }
        self._template.dispose()

    @contextmanager
    def one(self) -> Iterator[str]:
        """Give the URL of a migrated, empty database."""
        engine = self._used() or self._make(f"template {self._template.url.database}")
        yield _written(engine.url)
        self._left.append(engine)

    def drop(self) -> None:
        """Drop all databases."""
        for engine in (*self._left, self._template):
            self._drop(engine)
        self._admin.dispose()

    def _used(self) -> Engine | None:
        """Return a database that others have used, as empty as a new one, if there is one."""
        while len(self._left) > _RESTING:
            engine = self._left.popleft()
            with engine.begin() as connection:
                connection.execute(text(_ALONE))
                is_small = connection.execute(text(_BYTES)).scalar_one() <= _MOST_BYTES
                if is_small and _schema(connection) == self._schema:
                    connection.execute(text(_EMPTY))
                    connection.execute(text(_RESTART))
                    for table, rows in self._rows.items():
                        connection.execute(insert(table), rows)
                    return engine
            self._drop(engine)
        return None

    def _make(self, options: str) -> Engine:
        name = f"cdb_test_{os.getpid()}_{next(_numbers)}"
        self._run(f"create database {name} {options} strategy file_copy")
        # A test may cut all connections.
        return create_engine(self._server.set(database=name), pool_size=1, pool_pre_ping=True)

    def _drop(self, engine: Engine) -> None:
        engine.dispose()
        self._run(f"drop database {engine.url.database} with (force)")

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


def _schema(connection: Connection) -> tuple[Any, ...]:
    """Return what changes with every table, column, index, constraint, trigger and function."""
    return tuple(connection.execute(text(_SCHEMA)).one())


def _written(url: URL) -> str:
    return url.render_as_string(hide_password=False)
