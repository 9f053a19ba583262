"""Those who ask: jobs one by one, many jobs as a stream, and a closed loop of connections."""

import random
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from simulation.servers import Answers
from simulation.stations import Steps

Walk = Generator[simpy.Event, Any, None]

Visits = Sequence[tuple[float, Hashable]]
"""What a job asks for, each after so many seconds of work on events: an answer that holds is kept,
so the next one is asked for where the window of validity ends."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How jobs ask.

    Attributes:
        jitter: seconds within which the jobs start, each at a random time.
        limit: seconds for which an answer is waited for, before it is asked for again.
        backs_off: whether a refused or disappointed job waits twice as long each time, up to
            a minute, and a random part of that; else it comes back after `pause`.
        pause: the seconds of a refusal's Retry-After.

    """

    jitter: float = 0.0
    limit: float = 30.0
    backs_off: bool = False
    pause: float = 1.0

    def wait(self, failures: int, chance: random.Random) -> float:
        """Return the seconds until the next try, after so many failures."""
        if not self.backs_off:
            return self.pause
        longest = min(60.0, self.pause * 2.0**failures)
        return chance.uniform(0.5, 1.0) * longest


@dataclass
class Log:
    """What happened: seconds that answers took, when jobs were ready, and what went wrong."""

    taken: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    timed_out: int = 0
    refused: int = 0


def job(
    env: simpy.Environment,
    site: Answers,
    visits: Visits,
    manners: Manners,
    chance: random.Random,
    log: Log,
) -> Walk:
    """Start, ask, go on; the job is ready when it has what it asks for before any work."""
    yield env.timeout(chance.uniform(0.0, manners.jitter))
    is_ready = False
    for work, key in visits:
        if work and not is_ready:
            is_ready = True
            log.ready.append(env.now)
        if work:
            yield env.timeout(work)
        failures = 0
        while not (yield from _ask(env, site, key, manners, log)):
            yield env.timeout(manners.wait(failures, chance))
            failures += 1
    if not is_ready:
        log.ready.append(env.now)


def _ask(
    env: simpy.Environment, site: Answers, key: Hashable, manners: Manners, log: Log
) -> Steps:
    start = env.now
    asked = env.process(site.answer(key))
    yield asked | env.timeout(manners.limit)
    if not asked.triggered:
        # The request stays under way: nobody tells the service that its client has left.
        log.timed_out += 1
        return False
    log.taken.append(env.now - start)
    log.refused += not asked.value
    return bool(asked.value)


def stream(
    env: simpy.Environment,
    sites: Sequence[Answers],
    rate: float,
    draw: Callable[[], Hashable],
    chance: random.Random,
    log: Log,
) -> Walk:
    """Ask `rate` times a second at random moments: what very many jobs are together."""
    while True:
        yield env.timeout(chance.expovariate(rate))
        env.process(_timed(env, chance.choice(sites), draw(), log))


def _timed(env: simpy.Environment, site: Answers, key: Hashable, log: Log) -> Walk:
    start = env.now
    answered = yield from site.answer(key)
    log.taken.append(env.now - start)
    log.refused += not answered


def connection(
    env: simpy.Environment,
    service: Answers,
    draw: Callable[[], Hashable],
    think: Callable[[], simpy.Process],
    log: Log,
) -> Walk:
    """Ask again and again, as a load generator does; `think` is its own work on one request."""
    while True:
        yield think()
        start = env.now
        yield from service.answer(draw())
        log.taken.append(env.now - start)
