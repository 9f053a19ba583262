"""Connections: one kind for reading, one for writing, on PostgreSQL and SQLite.

Nothing is kept on a connection between transactions, so that a pooler in
transaction mode and read-only standbys work.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import transaction
import zope.sqlalchemy
from sqlalchemy import Connection, TextClause
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cdb.plugin import Event  # noqa: TC001 - the annotations of a class are looked at
from cdb.store import lag
from cdb.store.pools import (
    BUNDLE,
    PRIMARY,
    InUse,
    Pools,
    Readable,
    as_the_driver_takes_it,
    is_lost,
    sqlite_connection,
)
from cdb.store.replicas import Replicas

_P = ParamSpec("_P")
_T = TypeVar("_T")

_CONNECTION = "connection"
"""Where a write session keeps its connection: to ask it each time costs as much as a statement."""

EVENTS = "events"
"""Where a write session keeps the changes that it has recorded."""

Reader = Connection | Session
"""What a reading function runs its statements on: a snapshot, or the session of a write."""

Asked = Reader | Readable
"""A reader; or what can be read, where one statement is all that is asked."""


Statement = tuple[TextClause, Mapping[str, Any]]
"""A statement with the values of its parameters."""


class Database(Readable):
    """The database of a service; with replicas: its primary, which has all.

    Args:
        url: a SQLAlchemy URL of the drivers `postgresql+psycopg2` or `sqlite`.
        pool_size: connections kept open for reads and for writes each; as many
            again on demand.
        timeout: how long to wait for a connection, and for the writer before.
        journal: SQLite's journal mode: OFF for a file that is thrown away unless it is whole.
        replicas: URLs of hot standbys, on PostgreSQL; see `reading`.
        max_lag: what a replica shows is at most that old, as long as the primary answers.

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
        replicas: Sequence[str] = (),
        max_lag: timedelta = timedelta(seconds=2),
    ) -> None:
        self.url = make_url(url)
        self.is_read_only = self.url.query.get("immutable") == "1"
        self.timeout = timeout
        self.listener: Callable[[Event], None] | None = None
        self.layouts = {}
        self._looks: list[lag.Looks] = []
        self.is_postgresql = self.url.get_backend_name() == "postgresql"
        pool: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": pool_size,
            "pool_timeout": timeout.total_seconds(),
            # What was sent does not get into the log with an error.
            "hide_parameters": True,
        }
        if self.is_postgresql:
            self._pools = Pools.postgresql(self.url, **pool)
        else:
            mode = None if self.is_read_only else journal
            self._pools = Pools.sqlite(self.url, timeout, mode, **pool)
        self.engine = self._pools.writes
        urls = [make_url(each) for each in replicas]
        self.replicas = Replicas(self.url, self._pools, urls, max_lag, pool) if urls else None

    @property
    def name(self) -> str:
        """The server that is read."""
        return BUNDLE if self.is_read_only else PRIMARY

    def reading(self, min_change: int = 0) -> Readable:
        """Return what one request reads: a replica where there is one that may be asked.

        Args:
            min_change: a change that nothing of what is read must lack.

        """
        return self.replicas.reading(min_change) if self.replicas else self

    @contextmanager
    def snapshot(self, min_change: int = 0) -> Iterator[Connection]:
        """Give a connection on which all statements see one state; nothing is missing here."""
        with self._pools.snapshots.connect() as connection:
            yield connection

    @contextmanager
    def statement(self, min_change: int = 0) -> Iterator[Connection]:
        """Give a connection for one reading statement; nothing is missing here."""
        with self._pools.statements.connect() as connection:
            yield connection

    def rows(
        self, statement: TextClause, parameters: Mapping[str, Any], min_change: int = 0
    ) -> Sequence[Any]:
        """Return the rows of one reading statement; see `Readable`."""
        return self._pools.rows(statement, parameters)

    def read_newest(
        self, ask: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """Return what a function reads of what must never be old, such as a token's revocation.

        The primary is asked, and while nobody reaches that, a replica that has all that it
        was last seen to have: nothing can be revoked meanwhile.
        """
        try:
            return self.read(ask, *args, **more)
        except DBAPIError as error:
            if self.replicas is None or not is_lost(error) or self.replicas.primary_answers():
                raise
            return self.reading().read(ask, *args, **more)

    def write_session(self, manager: transaction.TransactionManager) -> Session:
        """Return a session that commits or rolls back with a transaction manager.

        It is marked as changed from the start: zope.sqlalchemy would otherwise
        commit only what the ORM flushes, and lose every other statement. What it
        changes is told to `listener` once it is committed.
        """
        session = Session(self.engine, expire_on_commit=False, autoflush=False)
        zope.sqlalchemy.mark_changed(session, manager)
        manager.get().addAfterCommitHook(self._tell, (session,))
        return session

    def _tell(self, committed: bool, session: Session) -> None:
        if committed:
            self.tell(session)

    def tell(self, session: Session) -> None:
        """Tell `listener` what a session has changed, which is committed."""
        if self.listener:
            for event in session.info.pop(EVENTS, ()):
                self.listener(event)

    @contextmanager
    def writing(self, *, dry_run: bool = False) -> Iterator[Session]:
        """Give a write session outside a request: committed at the end, or rolled back whole.

        Args:
            dry_run: roll back what was done, too.

        """
        manager = transaction.TransactionManager(explicit=True)
        with manager:
            yield self.write_session(manager)
            if dry_run:
                manager.abort()
                manager.begin()  # so that there is something to commit, if nothing in it

    def in_use(self) -> dict[str, InUse]:
        """Return how far the pools of this process are used; see `Pools.in_use`."""
        return self._pools.in_use() | (self.replicas.in_use() if self.replicas else {})

    def looks(self, name: str, look: Callable[[lag.Ask], None]) -> lag.Looks:
        """Return who looks at the primary where somebody wants it, by a connection of its own.

        It ends with `dispose`.
        """
        own = (
            lag.own_connection(self.url)
            if self.is_postgresql
            else sqlite_connection(self.url, self.timeout)
        )
        self._looks.append(lag.Looks(name, own, None, look))
        return self._looks[-1]

    def dispose(self) -> None:
        """Close all connections that nobody uses, and look no more."""
        for looks in self._looks:
            looks.stop()
        if self.replicas:
            self.replicas.dispose()
        self._pools.dispose()


class Underway(Readable):
    """What a write has done so far: it is read by its own session, which alone sees that."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.layouts = {}
        self.is_postgresql = is_postgresql(session)

    @contextmanager
    def snapshot(self, min_change: int = 0) -> Iterator[Connection]:
        """Give the connection of the write, with all that it has done."""
        yield connection_of(self._session)

    statement = snapshot


def connection_of(reader: Reader) -> Connection:
    """Return the connection that statements run on: a write session has one for its transaction.

    Not the session itself: the ORM would look at every row for objects to make.
    """
    if isinstance(reader, Connection):
        return reader
    found: Connection | None = reader.info.get(_CONNECTION)
    if found is None or found.closed:
        found = reader.info[_CONNECTION] = reader.connection()
    return found


def rows(
    asked: Asked, statement: TextClause, parameters: Mapping[str, Any], min_change: int = 0
) -> Sequence[Any]:
    """Return the rows of a reading statement, as the driver gives them; see `Readable`."""
    if isinstance(asked, Readable):
        return asked.rows(statement, parameters, min_change)
    if isinstance(asked, Session) and is_postgresql(asked):
        with driver_cursor(asked) as cursor:
            cursor.execute(_of_driver(statement, asked), parameters)
            found: Sequence[Any] = cursor.fetchall()
        return found
    with connection_of(asked).execute(statement, parameters) as result:
        return result.cursor.fetchall()


@contextmanager
def driver_cursor(session: Session) -> Iterator[Any]:
    """Give a cursor of the driver itself, for what a write asks most often, and for COPY.

    SQLAlchemy takes longer for a small statement than PostgreSQL does. The errors are those
    that it would raise.
    """
    connection = connection_of(session)
    driver = connection.dialect.loaded_dbapi.Error
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except driver as error:
        is_lost = connection.dialect.is_disconnect(error, connection.connection, cursor)
        if is_lost:
            connection.invalidate(error)
            connection.engine.dispose()  # others that are kept open will be lost, too
        raise DBAPIError.instance(
            None, None, error, driver, connection_invalidated=is_lost
        ) from error
    finally:
        cursor.close()


def _of_driver(statement: TextClause, session: Session) -> str:
    return as_the_driver_takes_it(statement, connection_of(session).engine)[0]


def send(session: Session, statements: Sequence[Statement]) -> None:
    """Run statements of a write one after the other: on PostgreSQL in one round trip.

    They are put together by the driver. SQLite takes one at a time.
    """
    if not is_postgresql(session):
        for statement, values in statements:
            connection_of(session).execute(statement, values)
        return
    with driver_cursor(session) as cursor:
        parts = (cursor.mogrify(_of_driver(each, session), values) for each, values in statements)
        cursor.execute(b";".join(parts))


@contextmanager
def reading(asked: Asked) -> Iterator[Reader]:
    """Give a reader: this one, or one of what can be read."""
    if isinstance(asked, Readable):
        with asked.statement() as reader:
            yield reader
    else:
        yield asked


def is_postgresql(reader: Asked) -> bool:
    """Tell which of the two databases a statement will run on."""
    if isinstance(reader, Readable):
        return reader.is_postgresql
    bind = reader if isinstance(reader, Connection) else reader.get_bind()
    return bind.dialect.name == "postgresql"


def embedded_file(url: str) -> Path | None:
    """Return the file of an embedded database; None of others, and where the name is a URI.

    Such a name leads to a file that is there, as a bundle.
    """
    made = make_url(url)
    if made.get_backend_name() != "sqlite" or made.query or not made.database:
        return None
    return Path(made.database)


def read_only_url(path: Path) -> str:
    """Return the URL of an SQLite file that nobody writes to; its folder may be read-only, too."""
    return f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&immutable=1&uri=true"
