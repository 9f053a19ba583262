"""Topologies: from worker nodes to PostgreSQL, and how large each part of one has to be."""

import json
import math
import random
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import simpy

from simulation import clients
from simulation.servers import (
    ALWAYS,
    HOT,
    NOT_MODIFIED,
    QUERY,
    STATUS,
    Balancer,
    Databases,
    Freshness,
    Front,
    Habits,
    Place,
    Process,
)
from simulation.stations import Operation, Station

# --- assumptions: everything here that is not measured ----------------------

WORLD = 0.1
"""Seconds there and back from a site to the service: far, but on the same planet."""
REGION = 0.02
"""Seconds there and back from a site to the cache of its region."""
ROOM = 0.0005
"""Seconds there and back within a machine room."""
SQUID = 3 / 39_715
"""Seconds of CPU that a hit costs Squid: 39,715 hits/s with three cores, in its wiki."""
CARD = 10e9 / 8
"""Bytes/s of the network card of a front machine."""
HEADERS = 450
"""Bytes of headers, which are all of a 304."""
HOT_POINTS = 1_000
"""Points that the jobs of an experiment ask for at one time: the runs in work."""
NOVEL = 0.014
"""Share of requests for a point that no cache has: what CMS publishes for its caches."""
SITES = 100
FULL = 0.6
"""A part is bought so large that it is busy for this share of the time."""
DATABASE_CORES = 16
"""Cores of one PostgreSQL server."""


@dataclass(frozen=True)
class Costs:
    """The measured costs, of which a look at the end of the change log is apart.

    Attributes:
        operations: by the kind of request, without that look.
        look: what that costs a process and PostgreSQL.
        front: seconds of CPU of a constant answer in nginx.
        figures: all that was measured, as it was written.

    """

    operations: Mapping[str, Operation]
    look: Operation
    front: float
    figures: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what service_times.py wrote.

        A kept answer was measured twice: with a look before each, and as of a change, where a
        process looks once a second. The difference is the look.
        """
        figures = json.loads(path.read_text())
        found = {name: Operation.of(o) for name, o in figures["operations"].items()}
        look = found["hot"].without(found["settled"])
        operations = {
            HOT: found["settled"],
            **{name: found[name].without(look) for name in (QUERY, NOT_MODIFIED, STATUS)},
        }
        front = figures["operations"]["cache-hit"]["cache_cpu_ms"] / 1000
        return cls(operations, look, front, figures)


@dataclass(frozen=True)
class Plan:
    """A topology, and what is asked of it.

    Attributes:
        processes: of the service, each with a core of its own.
        databases: PostgreSQL servers, the primary and its replicas.
        front_cores: of nginx before the service.
        cards: network cards of the front, of 10 Gbit/s.
        sites: with a cache each where `site_keeps`; else only a distance.
        regions: caches between sites and service; 0 for none.
        fresh: how old answers may be.
        novel: share of points that nobody has asked for yet; 1 for all.

    """

    processes: int = 16
    databases: int = 1
    front_cores: int = 8
    cards: int = 1
    front_keeps: bool = True
    sites: int = SITES
    site_keeps: bool = True
    site_cores: int = 4
    regions: int = 0
    fresh: Freshness = ALWAYS
    collapses: bool = True
    limit: int | None = None
    novel: float = NOVEL


@dataclass
class Built:
    """The parts of a topology in a simulation."""

    sites: list[Front]
    regions: list[Front]
    front: Front
    processes: list[Process]
    databases: list[Station]
    card: Station

    def warm(self, points: int, chance: random.Random) -> None:
        """Let every process and every cache have the hot points, as after hours of work."""
        for process in self.processes:
            process.remembers |= set(range(points))
        for cache in (*self.sites, *self.regions, self.front):
            if cache.habits.keeps:
                for key in range(points):
                    holds = cache.habits.fresh.copies(key)
                    is_finite = holds < math.inf
                    cache.copies[key] = chance.uniform(0, holds) if is_finite else math.inf


def build(env: simpy.Environment, plan: Plan, costs: Costs, chance: random.Random) -> Built:
    """Put a topology together."""
    databases = [Station(env, DATABASE_CORES) for _ in range(plan.databases)]
    reads = Databases(env, databases, ROOM)
    processes = [
        Process(env, costs, reads, Station(env, 1), chance, plan.fresh)
        for _ in range(plan.processes)
    ]
    size = costs.operations[QUERY].size
    card = Station(env, plan.cards)
    seconds = (size + HEADERS) / CARD, HEADERS / CARD
    place = Place(Station(env, plan.front_cores), costs.front, ROOM, card, seconds)
    habits = Habits(plan.front_keeps, plan.fresh, plan.collapses, plan.limit)
    front = Front(env, Balancer(processes, chance), place, habits)
    regions = [_cache(env, plan, front, WORLD) for _ in range(plan.regions)]
    sites = [
        _cache(env, plan, regions[n % plan.regions], REGION)
        if plan.regions
        else _cache(env, plan, front, WORLD, keeps=plan.site_keeps)
        for n in range(plan.sites)
    ]
    return Built(sites, regions, front, processes, databases, card)


def _cache(
    env: simpy.Environment, plan: Plan, behind: Front, round_trip: float, *, keeps: bool = True
) -> Front:
    place = Place(Station(env, plan.site_cores), SQUID if keeps else 0.0, round_trip)
    return Front(env, behind, place, Habits(keeps, plan.fresh, plan.collapses))


# --- steady load ------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a steady load does to a topology.

    Attributes:
        median: seconds of an answer, as a job sees it.
        p99: the same of the slowest in a hundred.
        reach: requests/s that reach the service.
        service: cores of the service that are busy.
        databases: cores of PostgreSQL that are busy.
        front: cores of nginx that are busy.
        gigabits: Gbit/s that leave the front.
        site: cores of all site caches that are busy.

    """

    median: float
    p99: float
    reach: float
    service: float
    databases: float
    front: float
    gigabits: float
    site: float


def steady(
    plan: Plan, costs: Costs, rate: float, *, requests: int = 10_000, seed: int = 1
) -> Outcome:
    """Let `rate` requests/s come to the sites, after hours of the same, and measure."""
    chance = random.Random(seed)
    env = simpy.Environment()
    built = build(env, plan, costs, chance)
    built.warm(HOT_POINTS, chance)
    log = clients.Log()
    env.process(clients.stream(env, built.sites, rate, _draw(plan, chance), chance, log))
    # Long enough for several trips around the world before the first figure counts.
    settled = max(5 * WORLD, 0.2 * requests / rate)
    env.run(settled)
    log.taken.clear()
    answered, worked = _answered(built), _worked(built)
    seconds = max(requests / rate, 4 * WORLD)
    env.run(settled + seconds)
    taken = sorted(log.taken)
    busy = [
        (after - before) / seconds for before, after in zip(worked, _worked(built), strict=True)
    ]
    return Outcome(
        median=taken[len(taken) // 2],
        p99=taken[len(taken) * 99 // 100],
        reach=(_answered(built) - answered) / seconds,
        service=busy[0],
        databases=busy[1],
        front=busy[2],
        gigabits=busy[3] * CARD * 8 / 1e9,
        site=busy[4],
    )


def _draw(plan: Plan, chance: random.Random) -> Callable[[], Hashable]:
    def point() -> Hashable:
        return object() if chance.random() < plan.novel else chance.randrange(HOT_POINTS)

    return point


def _answered(built: Built) -> int:
    return sum(process.answered for process in built.processes)


def _worked(built: Built) -> list[float]:
    return [
        sum(process.cores.busy for process in built.processes),
        sum(server.busy for server in built.databases),
        built.front.place.cores.busy,
        built.card.busy,
        sum(site.place.cores.busy for site in built.sites),
    ]


def sized(
    plan: Plan, costs: Costs, rate: float, *, requests: int = 10_000
) -> tuple[Plan, Outcome]:
    """Return a topology that is large enough for a rate, and what the rate does to it."""
    dearest, look = costs.operations[QUERY], costs.look
    ample = replace(
        plan,
        processes=math.ceil(rate * (dearest.service + look.service) * 2) + 4,
        databases=math.ceil(rate * (dearest.database + look.database) * 2 / DATABASE_CORES) + 1,
        front_cores=math.ceil(rate * costs.front * 2) + 2,
        cards=math.ceil(rate * dearest.size / CARD * 2) + 1,
    )
    needs = steady(ample, costs, rate, requests=requests // 2)
    enough = replace(
        plan,
        processes=max(2, math.ceil(needs.service / FULL)),
        databases=max(1, math.ceil(needs.databases / DATABASE_CORES / FULL)),
        front_cores=max(2, math.ceil(needs.front / FULL)),
        cards=max(1, math.ceil(needs.gigabits / 10 / FULL)),
    )
    return enough, steady(enough, costs, rate, requests=requests)
