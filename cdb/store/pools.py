"""Pools of connections to one database, each for one kind of transaction.

Nothing is kept on a connection between transactions, so that a pooler in
transaction mode and read-only standbys work.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, Self, TypeVar, cast

from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import Connection, Engine, QueuePool, TextClause, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError

_P = ParamSpec("_P")
_T = TypeVar("_T")

PRIMARY = "primary"
"""The name of the server that all is written to."""

BUNDLE: Final = "bundle"
"""The name of what stands for a server where a bundle is read."""

_CONNECT_S = 5
"""Seconds after which a PostgreSQL server counts as one that cannot be reached."""

_FILE = "file"
"""What a connection to an SQLite file notes: which one it is."""

_MAPPED = 2**31 - 2**16
"""Bytes of a file that nobody writes to that are read as memory: more than SQLite maps at most."""


class Readable(ABC):
    """What can be read: the database of a service, or what a request sees of it.

    Attributes:
        is_postgresql: of which of the two kinds it is.
        layouts: what the query remembers of the tags in it, by name.

    """

    is_postgresql: bool
    layouts: dict[str, Any]

    @property
    def name(self) -> str:
        """The server that is read."""
        return PRIMARY

    @abstractmethod
    def snapshot(self, min_change: int = 0) -> AbstractContextManager[Connection]:
        """Give a connection on which all statements see the same state; it cannot write.

        Args:
            min_change: a change that this state must not lack.

        """

    @abstractmethod
    def statement(self, min_change: int = 0) -> AbstractContextManager[Connection]:
        """Give a connection for one reading statement, which costs one round trip.

        Args:
            min_change: a change that must not be missing where it is read.

        """

    def rows(
        self, statement: TextClause, parameters: Mapping[str, Any], min_change: int = 0
    ) -> Sequence[Any]:
        """Return the rows of one reading statement.

        Args:
            statement: with its parameters by name, none of which is a list.
            parameters: their values.
            min_change: a change that must not be missing where it is read.

        """
        with self.statement(min_change) as reader:
            return reader.execute(statement, parameters).all()

    def read(
        self, ask: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """Return what a function reads by one statement; the rest of a long answer reads so."""
        with self.statement() as reader:
            return ask(reader, *args, **more)


def is_lost(error: DBAPIError) -> bool:
    """Tell whether an error says that a server cannot be reached, or is in no state to answer.

    psycopg2 has no more to say of a server that breaks off than that it is an error.
    """
    unusable = isinstance(error, (OperationalError, InterfaceError))
    return unusable or error.connection_invalidated


def patience(seconds: int) -> dict[str, int]:
    """Return how long libpq waits for a PostgreSQL server that may be gone, in seconds; 2 or more.

    For a connection, for what is sent to arrive, and, where an answer takes longer than that,
    for a sign that the machine is there still: the system would wait for hours.
    """
    return {
        "connect_timeout": seconds,
        "tcp_user_timeout": seconds * 1000,
        "keepalives_idle": seconds,
        "keepalives_interval": 1,
        "keepalives_count": seconds,
    }


class InUse(NamedTuple):
    """How many connections of a pool are open, and how many there can be.

    Attributes:
        idle: that wait to be used.
        busy: that somebody uses.
        limit: that there can be.

    """

    idle: int
    busy: int
    limit: int


class Pools(NamedTuple):
    """The connections to one database.

    Attributes:
        writes: transactions that write.
        snapshots: transactions that read; all statements of one see the same state.
        statements: single statements that read, each of which costs one round trip.

    """

    writes: Engine
    snapshots: Engine
    statements: Engine

    @classmethod
    def postgresql(cls, url: URL, connect_s: int = _CONNECT_S, **pool: Any) -> Self:
        """Return the pools of a PostgreSQL server.

        Args:
            url: of the server.
            connect_s: see `patience`.
            pool: what SQLAlchemy's pools take.

        """
        connect = patience(connect_s)
        writes = create_engine(url, isolation_level="READ COMMITTED", connect_args=connect, **pool)
        _keep_none_in_a_transaction(writes)
        return cls(
            writes,
            writes.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
            # A pool of its own: to change the mode of a connection costs a round trip.
            create_engine(url, isolation_level="AUTOCOMMIT", connect_args=connect, **pool),
        )

    @classmethod
    def sqlite(cls, url: URL, timeout: timedelta, journal: str | None, **pool: Any) -> Self:
        """Return the pools of an SQLite file, of which nobody writes to one without journal."""
        reads = _sqlite_engine(url, timeout, None, **pool)
        writes = _sqlite_engine(url, timeout, journal, **pool) if journal else reads
        return cls(writes, reads, reads)

    def rows(self, statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows of one reading statement, asked of the driver itself.

        A connection of SQLAlchemy takes longer than a cheap statement does. Where the
        driver's has been lost, one of SQLAlchemy's tells what is the matter, or answers.

        Raises:
            DBAPIError: the database cannot be read.

        """
        engine = self.statements
        sql, order = as_the_driver_takes_it(statement, engine)
        values = parameters if order is None else [parameters[name] for name in order]
        connection = None
        try:
            connection = engine.raw_connection()
            cursor = connection.cursor()
            cursor.execute(sql, values)
            found = cursor.fetchall()
        except engine.dialect.loaded_dbapi.Error:
            if connection:
                connection.invalidate()
        else:
            connection.close()
            return found
        with engine.connect() as asking:
            return asking.execute(statement, parameters).all()

    def in_use(self) -> dict[str, InUse]:
        """Return how far each pool is used; what two kinds of transactions share is one.

        The names are `writes`, `snapshots` and `statements`, or two of them as in
        `writes-snapshots`.
        """
        kinds: dict[QueuePool, list[str]] = {}
        for kind, engine in self._asdict().items():
            kinds.setdefault(cast("QueuePool", engine.pool), []).append(kind)
        return {
            # As many again as are kept open are made on demand.
            "-".join(names): InUse(pool.checkedin(), pool.checkedout(), 2 * pool.size())
            for pool, names in kinds.items()
        }

    def dispose(self) -> None:
        """Close all connections that nobody uses."""
        for engine in self:
            engine.dispose()


@cache
def as_the_driver_takes_it(
    statement: TextClause, engine: Engine
) -> tuple[str, Sequence[str] | None]:
    """Return the text of a statement, and the names of its parameters where they have an order."""
    compiled: Any = statement.compile(engine)
    return str(compiled), compiled.positiontup


def _keep_none_in_a_transaction(engine: Engine) -> None:
    """Close a connection to PostgreSQL that is returned before its transaction has ended.

    Where a COMMIT is cancelled, as by a time limit, the driver takes the transaction to be over,
    and ends it no more. The server would refuse every statement of all who get the connection
    next.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(connection: Any, record: Any) -> None:
        if connection and connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            record.invalidate()


def _notice_another_file(engine: Engine, path: str) -> None:
    """Use no connection to a file that was removed, or replaced by another one of its name.

    SQLite would go on with it, and confirm writes that are gone as soon as the service ends.
    """

    def file() -> tuple[int, int] | None:
        try:
            found = os.stat(path)  # noqa: PTH116 - of a text, before each statement
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @event.listens_for(engine, "connect")
    def _connect(_connection: Any, record: Any) -> None:
        record.info[_FILE] = file()

    @event.listens_for(engine, "checkout")
    def _checkout(_connection: Any, record: Any, _proxy: object) -> None:
        if record.info[_FILE] != file():
            raise DisconnectionError(f"{path} is another file than it was")


def sqlite_connection(url: URL, timeout: timedelta) -> Engine:
    """Return the engine of one connection that reads an SQLite file."""
    return _sqlite_engine(url, timeout, None, pool_size=1, max_overflow=0)


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

    if not url.query and url.database:
        _notice_another_file(engine, url.database)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
