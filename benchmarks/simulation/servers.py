"""The service: PostgreSQL servers, processes with threads, and what stands in front of them."""

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import simpy

from simulation.stations import Operation, Station, Steps

QUERY, HOT, NOT_MODIFIED = "query", "hot", "not-modified"
"""A point that a process has not answered yet, one that it has, and a copy that still holds."""

STATUS = "status"
"""Asked before the query by every job, as `gtstatus` is: the key of what is the same for all."""

SETTLED = 1.0
"""Seconds: how old a look at the change log may be for what the rules keep from changing."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old answers may be.

    Attributes:
        service: seconds, `cdb.freshness_ms` of the service.
        is_closed: whether the tag that all ask for is closed for ever, or asked as of a change.

    """

    service: float = 0.0
    is_closed: bool = False

    def copies(self, key: Hashable) -> float:
        """Return for how many seconds caches may give a copy: HTTP counts whole ones."""
        if self.is_closed and key != STATUS:
            return math.inf
        return math.floor(self.service)

    def patience(self, key: Hashable) -> float:
        """Return how many seconds a look may be old that a process answers after."""
        return max(self.service, SETTLED) if self.is_closed and key != STATUS else self.service


ALWAYS = Freshness()
"""Every answer has all that was confirmed before the request came."""


class Costing(Protocol):
    """What the work of a process costs, by kind of request, and a look at the change log."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The kinds of requests, without the look."""
        ...

    @property
    def look(self) -> Operation:
        """The look."""
        ...


class Answers(Protocol):
    """Whatever can be asked for a key: a process, a front, a cache."""

    def answer(self, key: Hashable, *, known: bool = False) -> Steps:
        """Answer; `known` says that the asker has a copy, and only asks whether it holds."""
        ...


class Databases:
    """A primary and its replicas, among which reads are spread.

    The network between them and the service is a machine room's, in seconds for
    there and back.
    """

    def __init__(
        self, env: simpy.Environment, servers: Sequence[Station], round_trip: float
    ) -> None:
        self.env = env
        self.servers = servers
        self.round_trip = round_trip

    def read(self, seconds: float) -> simpy.Event:
        """Return the end of a read: on the server that is free first."""
        server = min(self.servers, key=lambda each: each.backlog)
        return self.env.timeout(self.round_trip + server.delay(seconds))


class Process:
    """One process of the service: its threads, of which one at a time runs Python, and its cache.

    `cores` are those of its machine, which it may share with others. The
    interpreter's lock is held while it waits for a core, as in truth. Before it
    answers, it looks whether the change log goes on, unless it has looked just now.
    """

    def __init__(
        self,
        env: simpy.Environment,
        costs: Costing,
        databases: Databases,
        cores: Station,
        chance: random.Random,
        fresh: Freshness = ALWAYS,
        threads: int = 8,
    ) -> None:
        self.env = env
        self.costs = costs
        self.fresh = fresh
        self.databases = databases
        self.cores = cores
        self.chance = chance
        self.threads = simpy.Resource(env, threads)
        self.interpreter = simpy.Resource(env, 1)
        self.remembers: set[Hashable] = set()
        self.answered = self.looks = 0
        self._looked = -math.inf
        self._looking = simpy.Resource(env, 1)
        self._next: simpy.Event | None = None

    @property
    def waiting(self) -> int:
        """Return how many requests are in it."""
        return self.threads.count + len(self.threads.queue)

    def answer(self, key: Hashable, *, known: bool = False) -> Steps:
        """Answer one request, half of its work before the database is asked, and half after."""
        with self.threads.request() as thread:
            yield thread
            # Who has a copy has seen its change, and is told of nothing older.
            patience = 0.0 if known else self.fresh.patience(key)
            if self.env.now - self._looked >= patience:
                yield from self._look()
            yield from self._work(self.costs.operations[self._kind(key, known)])
        self.answered += 1
        return True

    def _look(self) -> Steps:
        """Look at the end of the log, together with all who wait for the next look."""
        if self._next:
            yield self._next
            return True
        shared = self._next = self.env.event()
        with self._looking.request() as turn:
            yield turn
            # Who comes from here on may have seen a write that this look does not see.
            self._next, began = None, self.env.now
            yield from self._work(self.costs.look)
        self._looked = began
        self.looks += 1
        shared.succeed()
        return True

    def _work(self, operation: Operation) -> Steps:
        factor = operation.factor(self.chance)
        half = operation.service * factor / 2
        yield from self._compute(half)
        if operation.database:
            yield self.databases.read(operation.database * factor)
        if operation.rest:
            yield self.env.timeout(operation.rest)
        yield from self._compute(half)
        return True

    def _kind(self, key: Hashable, known: bool) -> str:
        if known:
            return NOT_MODIFIED
        if key == STATUS:
            return STATUS
        if key in self.remembers:
            return HOT
        self.remembers.add(key)
        return QUERY

    def _compute(self, seconds: float) -> Steps:
        if self.cores.servers == 1:
            # A core of its own: who waits for the lock waits for the core.
            yield self.env.timeout(self.cores.delay(seconds))
            return True
        with self.interpreter.request() as lock:
            yield lock
            yield self.env.timeout(self.cores.delay(seconds))
        return True


class Balancer:
    """Hands a request to the emptier of two processes that it picks blindly."""

    def __init__(self, processes: Sequence[Process], chance: random.Random) -> None:
        self.processes = processes
        self.chance = chance

    def answer(self, key: Hashable, *, known: bool = False) -> Steps:
        """Answer by one of the processes."""
        first, second = (self.chance.choice(self.processes) for _ in range(2))
        chosen = first if first.waiting <= second.waiting else second
        return (yield from chosen.answer(key, known=known))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy or a cache runs.

    Attributes:
        cores: those of its machine.
        cost: seconds of CPU for each request.
        round_trip: seconds there and back to what is behind it.
        card: its network card, where that can be too slow.
        seconds: how long that has to do with an answer, and with one that is only headers.

    """

    cores: Station
    cost: float
    round_trip: float
    card: Station | None = None
    seconds: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Habits:
    """What a proxy or a cache does with answers.

    Attributes:
        keeps: whether it has copies at all.
        fresh: for how long a copy is given without asking whether it still holds.
        collapses: whether those who ask for what is being fetched wait for that.
        limit: so many requests may be under way to what is behind; more are refused.

    """

    keeps: bool = True
    fresh: Freshness = ALWAYS
    collapses: bool = True
    limit: int | None = None


class Front:
    """A proxy or a cache: nginx before the service, a site's Squid, a region's.

    Attributes:
        copies: until when each copy holds.
        refused: requests that were too many.
        most: requests that were under way to what is behind at one time.

    """

    def __init__(
        self, env: simpy.Environment, behind: Answers, place: Place, habits: Habits
    ) -> None:
        self.env, self.behind, self.place, self.habits = env, behind, place, habits
        self.copies: dict[Hashable, float] = {}
        self.fetches: dict[Hashable, simpy.Event] = {}
        self.refused = self.under_way = self.most = 0

    def answer(self, key: Hashable, *, known: bool = False) -> Steps:
        """Answer from a copy, or from what is behind; refuse where that has too much to do."""
        place, habits = self.place, self.habits
        if place.cost:
            yield self.env.timeout(place.cores.delay(place.cost))
        until = self.copies.get(key) if habits.keeps else None
        if until is None or until <= self.env.now:
            fetch = self.fetches.get(key)
            # One that has a copy as old as this one's may be told that it still holds.
            has_copy = known if not habits.keeps else until is not None
            answered = (yield fetch) if fetch else (yield from self._fetch(key, has_copy))
            if not answered:
                return False
        if place.card:
            yield self.env.timeout(place.card.delay(place.seconds[known]))
        return True

    def _fetch(self, key: Hashable, known: bool) -> Steps:
        habits = self.habits
        if habits.limit is not None and self.under_way >= habits.limit:
            self.refused += 1
            return False
        # Where each has to ask whether a copy holds, nobody can use the answer to another.
        holds = habits.fresh.copies(key)
        is_shared = habits.keeps and habits.collapses and (holds > 0 or not known)
        mine = self.env.event() if is_shared else None
        if mine:
            self.fetches[key] = mine
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        yield self.env.timeout(self.place.round_trip)
        answered = yield from self.behind.answer(key, known=known)
        self.under_way -= 1
        if answered and habits.keeps:
            self.copies[key] = self.env.now + holds
        if mine:
            del self.fetches[key]
            mine.succeed(answered)
        return answered
