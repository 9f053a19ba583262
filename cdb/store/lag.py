"""How far replicas are behind, without comparing the clocks of two machines.

A process asks the primary several times in `max_lag` how far its write-ahead log has
come, and notes by its own clock when it asked: a mark. A replica that has replayed the log
up to a mark shows at least what the primary showed then. What was confirmed to a writer
is in the log before, since a commit waits for the log to be written.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from cdb.store.pools import is_lost, patience

log = logging.getLogger(__name__)

_MARKS = 16
"""Marks that are kept: more than are made in `max_lag`, since older ones let no replica serve."""

_CONNECT_S = 2
"""Seconds after which a server counts as one that cannot be reached."""

_OF_PRIMARY = text("""
    select cast(pg_current_wal_lsn() - '0/0' as bigint) as lsn, change.change, change.nonce
    from (select 1) as one
    left join (select change, nonce from change order by change desc limit 1) as change on true
""")

_REPLAYED = text("""
    select cast(pg_last_wal_replay_lsn() - '0/0' as bigint) as lsn
    where pg_is_in_recovery()
""")

_OTHER_HISTORY = "has another history than the primary"

_NONCE = text("select nonce from change where change = :change")

_ANY = text("select 1 from change limit 1")


class Mark(NamedTuple):
    """What the primary had at a moment.

    Attributes:
        at: the moment, in seconds of this process's own clock.
        lsn: the bytes of its write-ahead log; all that was confirmed before is in them.
        change: the last change, None where there is none.
        nonce: of that change. Another history than the primary's has another one.

    """

    at: float
    lsn: int
    change: int | None
    nonce: str | None


class Primary:
    """What is known of the primary.

    Attributes:
        marks: what it had, the newest last.
        problem: why it cannot be reached; None where it can.

    """

    def __init__(self, url: URL, every: float, news: Callable[[], None]) -> None:
        self.marks: tuple[Mark, ...] = ()
        self.problem: str | None = None
        self._news = news
        self.looks = Looks("primary", own_connection(url), every, self._look)

    def _look(self, ask: "Ask") -> None:
        at = time.monotonic()
        try:
            mark = Mark(at, *ask(_OF_PRIMARY)[0])
        except DBAPIError as error:
            lost = is_lost(error)  # else it is there, and has no tables yet
            if lost and self.problem is None:
                log.warning("the primary cannot be reached: %s", _first_line(error))
            self.problem = _unreachable(error) if lost else None
            return
        if self.problem is not None:
            log.info("the primary answers again")
        if self.marks and mark.lsn < self.marks[-1].lsn:
            log.warning("the log of the primary has gone back: it is another server, or restored")
            self.marks = ()
        self.marks = (*self.marks[1 - _MARKS :], mark)
        self.problem = None
        self._news()


class Reached(NamedTuple):
    """How far a replica was when it was looked at.

    Attributes:
        lsn: the bytes of the log that it has replayed.
        mark: the newest mark that it has reached; None where it has reached none.

    """

    lsn: int
    mark: Mark | None


class Replica:
    """What is known of a replica.

    Attributes:
        number: which one it is of those that the settings name, 1, 2, …
        reached: how far it is; None where it cannot be asked.
        problem: why it cannot be asked.

    """

    def __init__(self, number: int, url: URL, every: float, primary: Primary) -> None:
        self.number = number
        self.reached: Reached | None = None
        self.problem: str | None = "was not looked at yet"
        self._primary = primary
        self._seen: tuple[float, int] | None = None
        self._is_ahead = False
        self.looks = Looks(f"replica-{number}", own_connection(url), every, self._look)

    def fails(self, error: DBAPIError) -> None:
        """Note that it cannot be asked, until a look finds that it can."""
        self._is_out(_unreachable(error), _first_line(error))

    def _is_out(self, problem: str, detail: str = "") -> None:
        if self.reached:
            log.warning("replica %d is not asked: %s", self.number, detail or problem)
        self.reached, self.problem = None, problem

    def _look(self, ask: "Ask") -> None:
        marks = self._primary.marks
        try:
            replayed = ask(_REPLAYED)
            if not replayed:
                self._is_out("is no standby, or no longer")
                return
            lsn = int(replayed[0].lsn)
            if self._is_ahead_of(marks, lsn):
                self._is_out(_OTHER_HISTORY)
                return
            mark = next((each for each in reversed(marks) if each.lsn <= lsn), None)
            # In a statement of its own: one that began before would not see the change yet.
            found = ask(_NONCE, change=mark.change) if mark and mark.change else None
            # Before the first change nothing can be compared: who has one may be another database.
            if mark and mark.change is None and ask(_ANY):
                mark = None
        except DBAPIError as error:
            self.fails(error)
            return
        if mark and found is not None:
            if not found:  # a commit is seen before its log where `synchronous_commit` is off
                mark = None
            elif found[0].nonce != mark.nonce:
                self._is_out(_OTHER_HISTORY)
                return
        if self.reached is None:
            log.info("replica %d is looked at, and can be asked", self.number)
        self.reached, self.problem = Reached(lsn, mark), None

    def _is_ahead_of(self, marks: Sequence[Mark], lsn: int) -> bool:
        """Tell whether it had replayed more at the look before than the primary had after that.

        So it was ahead of another replica that has become the primary: what that lacks is lost,
        and shown here only. Where the primary was not seen since, what was found before stands.

        Args:
            marks: of the primary.
            lsn: the bytes of the log that it has replayed now.

        """
        before, self._seen = self._seen, (time.monotonic(), lsn)
        if before and marks and marks[-1].at >= before[0]:
            self._is_ahead = before[1] > marks[-1].lsn
        return self._is_ahead


Ask = Callable[..., Sequence[Any]]
"""Runs a statement on the server, with its parameters, and returns the rows."""


class Looks:
    """A thread that looks at a server again and again, and at once where somebody wants it.

    Args:
        name: of the thread.
        engine: of a connection of its own, so that no number of requests keeps it from looking.
        every: seconds between two looks; None to look only where somebody wants it.
        look: looks, with what runs a statement.

    """

    def __init__(
        self, name: str, engine: Engine, every: float | None, look: Callable[[Ask], None]
    ) -> None:
        self._name = f"cdb-{name}"
        self._engine = engine
        self._every = every
        self._look = look
        self._changed = threading.Condition()
        self._wanted = self._looked = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, where that was not done."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def now(self, wait: float = 0) -> bool:
        """Look at once; return after a look that began from now on, or so many seconds.

        Tells whether there was such a look.
        """
        with self._changed:
            self._wanted += 1
            mine = self._wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._looked >= mine or self._thread is None, wait)
            return self._looked >= mine

    def stop(self) -> None:
        """Look no more."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread:
            thread.join(timeout=1)  # no longer: it may wait for a server that is silent

    def _run(self) -> None:
        this = threading.current_thread()
        while True:
            with self._changed:
                self._changed.wait_for(self._is_wanted, self._every)
                if self._thread is not this:
                    break
                wanted = self._wanted
            try:
                self._look(self._ask)
            except Exception:  # it looks again: what it found before counts as old until then
                log.exception("%s: the look failed", self._name)
            with self._changed:
                self._looked = wanted
                self._changed.notify_all()
        self._engine.dispose()

    def _is_wanted(self) -> bool:
        return self._wanted > self._looked or self._thread is not threading.current_thread()

    def _ask(self, statement: Any, **parameters: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(statement, parameters).all()


def own_connection(url: URL) -> Engine:
    """Return the engine of one connection to a PostgreSQL server that may be gone."""
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args=patience(_CONNECT_S),
        pool_size=1,
        max_overflow=0,
    )


def _unreachable(error: DBAPIError) -> str:
    # What the driver says names addresses, and this is shown to everybody.
    return f"cannot be reached ({type(error).__name__})"


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
