"""Whether a process can do its work: each part is looked at beside the others, for a time.

A part that hangs, as a database that takes connections and never answers, or a file system
on a network that is gone, keeps no answer waiting: it is told that it hangs. It is looked at
by one thread at most, whose end later probes wait for, too; so they do not pile up.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event, Lock, Thread
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cdb.errors import ServerFailed, Unavailable
from cdb.registry.plugins import Plugins
from cdb.rest.compiled import Compiled
from cdb.services import statuses
from cdb.services.payloads import PayloadStore
from cdb.services.rules import Rules
from cdb.store import schema
from cdb.store.engine import Database

log = logging.getLogger(__name__)

OK = "ok"

_UNKNOWN = "unknown"

_TRIES = 4
"""Connections of both pools of a database may be broken, and one replica after the other."""


class Part(NamedTuple):
    """What is looked at by itself.

    Attributes:
        names: what it tells of; the first one is its own, and is told where it hangs.
        look: returns `ok`, or what is the matter, by those names; raises what nobody foresaw.
        is_needed: whether requests have to go elsewhere where it is not well.

    """

    names: Sequence[str]
    look: Callable[[], Mapping[str, str]]
    is_needed: bool = False


class Found(NamedTuple):
    """What a probe found: `ok`, `degraded` or `failing`, and of which parts, in how many seconds.

    Attributes:
        status: `failing` where a part that is needed is not well.
        checks: `ok` or what is the matter, half a sentence, by name.
        seconds: how long it took to look at each part, or for how long that hangs by now.

    """

    status: str
    checks: Mapping[str, str]
    seconds: Mapping[str, float]


class Readiness:
    """Looks at the parts of a service, all at once.

    Args:
        parts: of the service.
        limit: seconds that each has for an answer.

    """

    def __init__(self, parts: Sequence[Part], limit: float) -> None:
        self._watched = [_Watched(part) for part in parts]
        self._limit = limit

    def probe(self) -> Found:
        """Look at all parts, and return what was found; it takes as long as the limit at most."""
        deadline = time.monotonic() + self._limit
        looks = [(watched.part, watched.look()) for watched in self._watched]
        checks: dict[str, str] = {}
        seconds: dict[str, float] = {}
        status = OK
        for part, look in looks:
            found, took = look.found_until(deadline)
            checks |= found
            seconds[part.names[0]] = round(took, 3)
            if set(found.values()) != {OK} and status != "failing":
                status = "failing" if part.is_needed else "degraded"
        return Found(status, checks, seconds)


class _Look:
    """One look at a part, in a thread of its own."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._began = time.monotonic()
        self._took = 0.0
        self._found: Mapping[str, str] = {}
        self._done = Event()
        # Of no use once the process ends, which must not wait for what hangs.
        Thread(target=self._run, name=f"cdb-health-{part.names[0]}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._found = self._part.look()
        except Exception as error:
            log.exception("the health of %s cannot be told", self._part.names[0])
            self._found = _of(self._part.names, f"cannot be told ({type(error).__name__})")
        finally:
            self._took = time.monotonic() - self._began
            self._done.set()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def found_until(self, deadline: float) -> tuple[Mapping[str, str], float]:
        """Return what it found by a moment, and how many seconds it took so far."""
        if self._done.wait(max(deadline - time.monotonic(), 0)):
            return self._found, self._took
        took = time.monotonic() - self._began
        return _of(self._part.names, f"has not answered for {took:.1f} s"), took


class _Watched:
    """A part, and the last look at it."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._last: _Look | None = None
        self._starting = Lock()

    def look(self) -> _Look:
        """Return the look that is under way, or one that begins now."""
        with self._starting:
            if self._last is None or self._last.is_done:
                self._last = _Look(self.part)
            return self._last


def _of(names: Sequence[str], problem: str) -> dict[str, str]:
    """Return what to tell where nothing could be seen: the problem, and what follows from it."""
    return {names[0]: problem, **dict.fromkeys(names[1:], _UNKNOWN)}


# --- the parts ------------------------------------------------------------------------


def parts_of(
    database: Database,
    rules: Rules,
    store: PayloadStore | None,
    compiled: Compiled | None,
    plugins: Plugins,
) -> list[Part]:
    """Return what a service is made of, as far as it has it.

    Without the database nothing is answered. All else may be out: the payload store and who
    issues tokens are the same for all processes, so nothing would answer better elsewhere,
    and queries need neither of them.
    """
    needed = ("database", "migrations", "statuses")
    parts = [Part(needed, lambda: _database(database, rules, needed), is_needed=True)]
    if database.replicas:
        parts.append(Part(("primary", "replicas"), database.replicas.checks))
    if store:
        is_written = not database.is_read_only
        parts.append(_named("payload-store", lambda: _payload_store(store, is_written)))
    if compiled:
        parts.append(_named("compiled", compiled.compiler.problem))
    return [*parts, *_of_plugins(plugins)]


def _of_plugins(plugins: Plugins) -> Iterator[Part]:
    for name, look in plugins.looks().items():
        yield _named(f"plugin-{name}", look)


def _named(name: str, problem: Callable[[], str | None]) -> Part:
    return Part((name,), lambda: {name: problem() or OK})


def _database(database: Database, rules: Rules, names: Sequence[str]) -> Mapping[str, str]:
    try:
        return _read(database, lambda reader: _content(reader, rules))
    except (SQLAlchemyError, ServerFailed) as error:
        cause = error.__cause__ if isinstance(error, ServerFailed) else error
        return _of(names, f"cannot be reached ({type(cause).__name__})")


def _read(database: Database, ask: Callable[[Connection], Mapping[str, str]]) -> Mapping[str, str]:
    """Return what a function reads where requests are answered, also where that fails at first."""
    for _ in range(_TRIES - 1):
        try:
            return database.reading().read(ask)
        except ServerFailed:
            continue
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
    return database.reading().read(ask)


def _content(reader: Connection, rules: Rules) -> Mapping[str, str]:
    checks = {"database": OK, "migrations": OK, "statuses": OK}
    if problem := schema.problem(reader):
        checks |= {"migrations": problem, "statuses": _UNKNOWN}
    elif missing := statuses.undeclared(reader, rules):
        checks["statuses"] = f"cdb db upgrade declares {', '.join(missing)}"
    return checks


def _payload_store(store: PayloadStore, is_written: bool) -> str | None:
    try:
        store.files.look(is_written=is_written)
    except Unavailable as error:
        return f"{error.detail.rstrip('.')} ({type(error.__cause__).__name__})"
    return None
