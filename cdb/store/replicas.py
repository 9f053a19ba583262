"""Hot standbys that share the reads: which of them may be asked, and what a request sees."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError

from cdb.errors import ServerFailed
from cdb.store import lag
from cdb.store.pools import PRIMARY, InUse, Pools, Readable, is_lost

Kind = Callable[[Pools], Engine]
"""Which of the pools of a server a connection comes from."""

_P = ParamSpec("_P")
_T = TypeVar("_T")

_LOOKS = 4
"""How often the primary is asked in `max_lag`."""

_WAIT_S = 2
"""Seconds that a request waits, where it has to, for what a server says when it is looked at."""

_CONNECT_S = 2
"""Seconds after which a replica counts as out: there are other places to ask."""

_REPLAYED = """
    select cast(pg_last_wal_replay_lsn() - '0/0' as bigint), {change} where pg_is_in_recovery()
"""
"""How far a replica is; nothing where it is no standby. To look for the last change costs more."""

_LAST = text(_REPLAYED.format(change="coalesce((select max(change) from change), 0)"))
_LOG = text(_REPLAYED.format(change="0"))


class Server(NamedTuple):
    """A replica: what is known of it, and its connections."""

    known: lag.Replica
    pools: Pools

    @property
    def name(self) -> str:
        """As in logs and metrics: by its place in the settings."""
        return f"replica-{self.known.number}"

    def lsn(self, min_change: int) -> int:
        """Return the bytes of the log that it has replayed; -1 where it lacks a change.

        Raises:
            DBAPIError: it cannot be reached.

        """
        found = self.pools.rows(_LAST if min_change else _LOG, {})
        return int(found[0][0]) if found and found[0][1] >= min_change else -1

    def fails(self, error: DBAPIError) -> None:
        """Ask it no more until it was looked at, which is done at once."""
        self.known.fails(error)
        self.pools.dispose()  # what is kept open for later may be broken, too
        self.known.looks.now()


class State(NamedTuple):
    """How a replica is, as it was last looked at.

    Attributes:
        answers: whether it can be reached.
        is_asked: whether reads are answered by it.
        lag: seconds; nothing that was confirmed so long ago is missing there. None where
            nobody can tell.

    """

    answers: bool
    is_asked: bool
    lag: float | None


class Candidate(NamedTuple):
    """A replica that may be asked, and the bytes of the log that it has to have replayed."""

    server: Server
    lsn: int


class Reading(Readable):
    """What one request sees, which is never less than it saw before.

    All is read on one replica, as long as that answers and has what it had. Else it is the
    next one that has all that was seen, and at last the primary, which has everything.
    """

    def __init__(
        self, replicas: "Replicas", candidates: Sequence[Candidate], min_change: int
    ) -> None:
        self.is_postgresql = True
        self.layouts = replicas.layouts
        self._replicas = replicas
        self._candidates = tuple(candidates)
        self._min_change = min_change
        self._seen_lsn = 0

    @property
    def name(self) -> str:
        """The server that was asked last, or would be asked first."""
        return self._candidates[0].server.name if self._candidates else PRIMARY

    def snapshot(self, min_change: int = 0) -> AbstractContextManager[Connection]:
        """Give a connection on which all statements see the same state; see `Readable`.

        Raises:
            ServerFailed: the server failed meanwhile; the next one is asked from then on.

        """
        return self._connected(lambda pools: pools.snapshots, min_change)

    def statement(self, min_change: int = 0) -> AbstractContextManager[Connection]:
        """Give a connection for one reading statement; see `Readable` and `snapshot`."""
        return self._connected(lambda pools: pools.statements, min_change)

    def read(
        self, ask: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **more: _P.kwargs
    ) -> _T:
        """Return what a function reads, on the next server where one fails."""
        while self._candidates:
            with suppress(ServerFailed):
                return super().read(ask, *args, **more)
        return super().read(ask, *args, **more)

    def rows(
        self, statement: TextClause, parameters: Mapping[str, Any], min_change: int = 0
    ) -> Sequence[Any]:
        """Return the rows of one reading statement; see `Readable` and `snapshot`."""
        server = self._server(min_change)
        with self._watched(server):
            return self._pools(server).rows(statement, parameters)

    @contextmanager
    def _connected(self, kind: Kind, min_change: int) -> Iterator[Connection]:
        server = self._server(min_change)
        with self._watched(server), kind(self._pools(server)).connect() as connection:
            yield connection

    def _pools(self, server: Server | None) -> Pools:
        return server.pools if server else self._replicas.primary

    def _server(self, min_change: int) -> Server | None:
        """Return the replica to ask, which has all that it must not lack; None for the primary.

        It is asked for it each time: after a restart a replica may show less than before, and
        a pooler does not tell of one. What it has, a statement or a snapshot that is taken
        afterwards has, too.
        """
        while self._candidates:
            server, needed = self._candidates[0]
            seen = self._seen_lsn
            try:
                lsn = server.lsn(max(min_change, self._min_change))
            except DBAPIError as error:
                self._fails(server, error)
                continue
            if lsn >= max(needed, seen):
                self._seen_lsn = lsn
                return server
            self._candidates = self._candidates[1:]
        return None

    @contextmanager
    def _watched(self, server: Server | None) -> Iterator[None]:
        """Leave a server that fails meanwhile."""
        try:
            yield
        except DataError:  # a value is wrong wherever it is sent
            raise
        except DBAPIError as error:
            self._fails(server, error)
            raise ServerFailed("The database cannot be used at the moment.") from error

    def _fails(self, server: Server | None, error: DBAPIError) -> None:
        if server:
            server.fails(error)
            self._candidates = self._candidates[1:]
        elif is_lost(error):
            self._replicas.primary_answers()  # if not, replicas may be asked that may not now
        else:
            raise error


class Replicas:
    """The replicas of a primary: which of them may be asked.

    They are looked at from the first read on, so in the process that reads.

    Args:
        url: of the primary.
        primary: its connections.
        urls: of the replicas; each of one server.
        max_lag: what a replica shows is at most that old, as long as the primary answers.
        pool: what SQLAlchemy's pools take.

    """

    def __init__(
        self, url: URL, primary: Pools, urls: Sequence[URL], max_lag: timedelta, pool: Any
    ) -> None:
        self.primary = primary
        self.layouts: dict[str, Any] = {}
        self._max_lag = max_lag.total_seconds()
        every = self._max_lag / _LOOKS
        self._known = lag.Primary(url, every, self._look)
        self._servers = [
            Server(
                lag.Replica(number, each, 2 * every, self._known),
                Pools.postgresql(each, _CONNECT_S, **pool),
            )
            for number, each in enumerate(urls, 1)
        ]
        self._turns = count()
        self._starting = threading.Lock()
        self._is_started = False

    def reading(self, min_change: int = 0) -> Reading:
        """Return what one request sees.

        Args:
            min_change: a change that nothing of what is read must lack.

        """
        self.start()
        sound = [each for each in map(self._candidate, self._servers) if each]
        first = next(self._turns) % max(len(sound), 1)
        return Reading(self, sound[first:] + sound[:first], min_change)

    def primary_answers(self) -> bool:
        """Look whether the primary can be reached."""
        self.start()
        self._known.looks.now(_WAIT_S)
        return self._known.problem is None

    def checks(self) -> dict[str, str]:
        """Look at all, and return what is wrong with the `primary` and with the `replicas`."""
        answers = self.primary_answers()
        for server in self._servers:
            server.known.looks.now(_WAIT_S)
        out = [
            f"replica {server.known.number} {server.known.problem or 'is too far behind'}"
            for server in self._servers
            if not self._candidate(server)
        ]
        return {
            "primary": "ok" if answers else f"{self._known.problem}: nothing can be written",
            "replicas": "; ".join(out) or "ok",
        }

    def states(self) -> dict[str, State]:
        """Return how each replica is, by its name; all are out until they were looked at."""
        return {each.name: self._state(each) for each in self._servers}

    def in_use(self) -> dict[str, InUse]:
        """Return how far the pools of all replicas are used; see `Pools.in_use`."""
        return {
            f"{server.name}-{pool}": used
            for server in self._servers
            for pool, used in server.pools.in_use().items()
        }

    def _state(self, server: Server) -> State:
        reached = server.known.reached
        mark = reached and reached.mark
        return State(
            reached is not None,
            self._candidate(server) is not None,
            # What the primary has since it was seen last, nobody knows.
            time.monotonic() - mark.at if mark and self._known.problem is None else None,
        )

    def dispose(self) -> None:
        """Look at them no more, and close all connections that nobody uses."""
        with self._starting:
            if self._is_started:
                for looks in self._looks():
                    looks.stop()
            self._is_started = False
        for server in self._servers:
            server.pools.dispose()

    def _candidate(self, server: Server) -> Candidate | None:
        """Return a replica as one that may be asked, None where it may not."""
        reached, marks = server.known.reached, self._known.marks
        if reached is None:
            return None
        if self._known.problem is None:
            mark = reached.mark
            is_fresh = mark is not None and time.monotonic() - mark.at <= self._max_lag
            return Candidate(server, mark.lsn) if mark and is_fresh else None
        # Nobody can tell of anything newer than what the primary was last seen to have, or,
        # where it was never seen, than what the replica has that is farthest.
        if marks:
            return Candidate(server, marks[-1].lsn) if reached.mark is marks[-1] else None
        known = (each.known.reached for each in self._servers)
        farthest = max(each.lsn for each in known if each)
        return Candidate(server, farthest) if reached.lsn >= farthest else None

    def start(self) -> None:
        """Look at all of them from now on, and return when that was done once."""
        if self._is_started:
            return
        with self._starting:
            if not self._is_started:
                for looks in self._looks():
                    looks.start()
                for looks in self._looks():
                    looks.now(_WAIT_S)
                self._is_started = True

    def _looks(self) -> list[lag.Looks]:
        return [self._known.looks, *(server.known.looks for server in self._servers)]

    def _look(self) -> None:
        for server in self._servers:
            server.known.looks.now()
