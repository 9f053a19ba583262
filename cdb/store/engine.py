"""Connections: one kind for reading, one for writing, on PostgreSQL and SQLite.

Nothing is kept on a connection between transactions, so that a pooler in
transaction mode and read-only standbys work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import transaction
import zope.sqlalchemy
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session

from cdb.plugin import Event  # noqa: TC001 - the annotations of a class are looked at

EVENTS = "events"
"""Where a write session keeps the changes that it has recorded."""

Reader = Connection | Session
"""What a reading function runs its statements on: a snapshot, or the session of a write."""


class Database:
    """The database of a service.

    Args:
        url: a SQLAlchemy URL of the drivers `postgresql+psycopg2` or `sqlite`.
        pool_size: connections kept open for reads and for writes each; as many
            again on demand.
        timeout: how long to wait for a connection, and for the writer before.
        journal: SQLite's journal mode: OFF for a file that is thrown away unless it is whole.

    Attributes:
        is_read_only: nobody writes to it, neither this process nor another one: it is an
            SQLite file that is opened by `?mode=ro&immutable=1&uri=true`.

    """

    def __init__(
        self,
        url: str,
        pool_size: int = 8,
        timeout: timedelta = timedelta(seconds=30),
        journal: str = "WAL",
    ) -> None:
        self.url = make_url(url)
        self.is_read_only = self.url.query.get("immutable") == "1"
        self.timeout = timeout
        self.listener: Callable[[Event], None] | None = None
        self.is_postgresql = self.url.get_backend_name() == "postgresql"
        pool: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": pool_size,
            "pool_timeout": timeout.total_seconds(),
        }
        if self.is_postgresql:
            connect = {"connect_timeout": 5}
            self.engine = create_engine(
                self.url, isolation_level="READ COMMITTED", connect_args=connect, **pool
            )
            self._snapshots: Engine = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # A pool of its own: to change the mode of a connection costs a round trip.
            self._statements: Engine = create_engine(
                self.url, isolation_level="AUTOCOMMIT", connect_args=connect, **pool
            )
        else:
            self._snapshots = _sqlite_engine(self.url, timeout, None, **pool)
            self.engine = (
                self._snapshots
                if self.is_read_only
                else _sqlite_engine(self.url, timeout, journal, **pool)
            )
            self._statements = self._snapshots

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection on which all statements see the same state; it cannot write."""
        with self._snapshots.connect() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """Give a connection for one reading statement, which costs one round trip."""
        with self._statements.connect() as connection:
            yield connection

    def write_session(self, manager: transaction.TransactionManager) -> Session:
        """Return a session that commits or rolls back with a transaction manager.

        It is marked as changed from the start: zope.sqlalchemy would otherwise
        commit only what the ORM flushes, and lose every other statement. What it
        changes is told to `listener` once it is committed.
        """
        session = Session(self.engine, expire_on_commit=False, autoflush=False)
        zope.sqlalchemy.mark_changed(session, manager)
        manager.get().addAfterCommitHook(self._tell, (session.info,))
        return session

    def _tell(self, committed: bool, told: dict[str, Any]) -> None:
        if committed and self.listener:
            for event in told.pop(EVENTS, ()):
                self.listener(event)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a write session outside a request: committed at the end, or rolled back whole."""
        manager = transaction.TransactionManager(explicit=True)
        with manager:
            yield self.write_session(manager)

    def dispose(self) -> None:
        """Close all connections that nobody uses."""
        for engine in (self.engine, self._snapshots, self._statements):
            engine.dispose()


def is_postgresql(reader: Reader) -> bool:
    """Tell which of the two databases a statement will run on."""
    bind = reader if isinstance(reader, Connection) else reader.get_bind()
    return bind.dialect.name == "postgresql"


_MAPPED = 2**31 - 2**16
"""Bytes of a file that nobody writes to that are read as memory: more than SQLite maps at most."""


def read_only_url(path: Path) -> str:
    """Return the URL of an SQLite file that nobody writes to; its folder may be read-only, too."""
    return f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&immutable=1&uri=true"


def _sqlite_engine(url: URL, timeout: timedelta, journal: str | None, **pool: Any) -> Engine:
    """Return an engine on an SQLite file, which only reads where it has no journal mode.

    The driver is put into manual mode: it would otherwise begin transactions
    by itself, late and deferred. A writer begins IMMEDIATE, which makes it wait
    for the writer before it instead of failing in the middle. The service tries
    three times, so each waits for a third of the time.
    """
    engine = create_engine(url, **pool)
    wait_ms = int(timeout.total_seconds() * 1000 / 3)
    begin = "BEGIN IMMEDIATE" if journal else "BEGIN"

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {wait_ms}")
        cursor.execute("PRAGMA foreign_keys = ON")
        if journal:
            cursor.execute(f"PRAGMA journal_mode = {journal}")
        else:
            cursor.execute("PRAGMA query_only = ON")
        if url.query.get("immutable") == "1":
            cursor.execute(f"PRAGMA mmap_size = {_MAPPED}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
