"""What is asked of the model: rates and ways of asking, one fixed set-up, and restarts."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pool
from typing import Any

from simulation.clients import Manners
from simulation.plans import DATABASE_CORES, SITES, Costs, Outcome, Plan, sized, steady
from simulation.servers import ALWAYS, Freshness
from simulation.storm import Storm, restart

RATES = (1_000, 10_000, 100_000)

ANY_POINT = "any point, no cache"
OPEN = "open tag, no cache"
OPEN_100_MS = "open tag, no cache, 100 ms old at most"
OPEN_COMPARED = "open tag, site caches ask each time"
OPEN_60_S = "open tag, 60 s old at most, site caches"
CLOSED_NGINX = "closed tag, nginx's cache only"
CLOSED = "closed tag, site caches"

_CLOSED = Freshness(is_closed=True)
_MINUTE_OLD = Freshness(60.0)
_CLOSED_MINUTE_OLD = Freshness(60.0, is_closed=True)

WAYS: Mapping[str, Plan] = {
    ANY_POINT: Plan(site_keeps=False, front_keeps=False, novel=1.0),
    OPEN: Plan(site_keeps=False, front_keeps=False),
    OPEN_100_MS: Plan(site_keeps=False, front_keeps=False, fresh=Freshness(0.1)),
    OPEN_COMPARED: Plan(),
    OPEN_60_S: Plan(fresh=_MINUTE_OLD),
    CLOSED_NGINX: Plan(site_keeps=False, fresh=_CLOSED),
    CLOSED: Plan(fresh=_CLOSED),
}

REFERENCE = Plan(processes=16, databases=1, front_cores=8, cards=1)
"""What many would begin with: a machine or two for the service, a database server, one nginx."""

SHARES = (0.5, 0.8, 0.95, 1.1)
"""Of the rate that fills the first part: where the answering times are simulated."""

_SEEN = 100_000.0
"""Requests/s above which nothing is simulated: what is full there is worked out."""


@dataclass(frozen=True)
class Limit:
    """Where the fixed set-up is full: the part, the requests/s; and p99 in s by rate around it."""

    part: str
    rate: float
    curve: Sequence[tuple[float, float]]


_HASTY = Manners()


@dataclass(frozen=True)
class Restart:
    """A restart of all jobs: how the service that is sized for 1 kHz is set up, and the jobs."""

    plan: Plan
    manners: Manners = _HASTY
    horizon: float = 600.0


_BARE = Plan(site_keeps=False, front_keeps=False)
_LIMITED = replace(_BARE, limit=200)
_NGINX = Plan(site_keeps=False, fresh=_CLOSED)
_SITES = Plan(front_keeps=False, fresh=_CLOSED)
_BOTH = Plan(fresh=_CLOSED)

RESTARTS: Mapping[str, Restart] = {
    "no cache": Restart(_BARE),
    # After the first time-out most work is done for jobs that have left: 100 s show it.
    "no cache; jobs give up after 10 s and ask again": Restart(_BARE, Manners(limit=10.0), 100.0),
    "no cache; above 200 under way a 503, Retry-After: 30": Restart(_LIMITED, Manners(pause=30.0)),
    "the same; jobs double the pause, and vary it": Restart(
        _LIMITED, Manners(pause=30.0, backs_off=True)
    ),
    "no cache; jobs start within 5 minutes": Restart(_BARE, Manners(jitter=300.0)),
    "nginx's cache, without collapsing": Restart(replace(_NGINX, collapses=False)),
    "nginx's cache, with collapsing": Restart(_NGINX),
    "the same; `gtstatus` may be 60 s old": Restart(replace(_NGINX, fresh=_CLOSED_MINUTE_OLD)),
    "site caches, without collapsing": Restart(replace(_SITES, collapses=False)),
    "site caches, with collapsing": Restart(_SITES),
    "site and regional caches, with collapsing": Restart(replace(_SITES, regions=5)),
    "site caches and nginx's, with collapsing": Restart(_BOTH),
    "the same; the tag is open, and always fresh": Restart(replace(_BOTH, fresh=ALWAYS)),
}


@dataclass(frozen=True)
class Results:
    """All that the report says."""

    capacity: Mapping[tuple[int, str], tuple[Plan, Outcome]]
    limits: Mapping[str, Limit]
    service: Plan
    jobs: int
    restarts: Mapping[str, Storm]


def run(costs: Costs, jobs: int) -> Results:
    """Simulate everything, on all cores of this machine."""
    service, _ = sized(WAYS[ANY_POINT], costs, RATES[0])
    with Pool(initializer=gc.disable, maxtasksperchild=1) as pool:
        # The longest first, so that no core is idle at the end.
        storms = {
            name: pool.apply_async(partial(_restart, costs, service, each, jobs))
            for name, each in RESTARTS.items()
        }
        sizes = {
            (rate, way): pool.apply_async(sized, (plan, costs, rate))
            for rate in reversed(RATES)
            for way, plan in WAYS.items()
        }
        limits = {way: pool.apply_async(limit, (plan, costs)) for way, plan in WAYS.items()}
        return Results(_got(sizes), _got(limits), service, jobs, _got(storms))


def _got(waited: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: result.get() for name, result in waited.items()}


def _restart(costs: Costs, service: Plan, each: Restart, jobs: int) -> Storm:
    plan = replace(
        each.plan,
        processes=service.processes,
        databases=service.databases,
        front_cores=service.front_cores,
    )
    return restart(plan, costs, each.manners, jobs=jobs, horizon=each.horizon)


def limit(way: Plan, costs: Costs) -> Limit:
    """Find what of the fixed set-up is full first, and how answers slow down before that."""
    plan = replace(
        REFERENCE,
        site_keeps=way.site_keeps,
        front_keeps=way.front_keeps,
        fresh=way.fresh,
        novel=way.novel,
    )
    # Copies that hold for a time are renewed no more often at higher rates: look there.
    part, rate = _full(sized(plan, costs, _SEEN / 10)[1], _SEEN / 10)
    seen = min(rate, _SEEN)
    part, rate = _full(sized(plan, costs, seen)[1], seen)
    rates = [rate * share for share in SHARES if rate * share <= _SEEN]
    return Limit(part, rate, [(each, steady(plan, costs, each).p99) for each in rates])


def _full(needs: Outcome, rate: float) -> tuple[str, float]:
    shares = {
        "processes": needs.service / REFERENCE.processes,
        "PostgreSQL": needs.databases / REFERENCE.databases / DATABASE_CORES,
        "nginx": needs.front / REFERENCE.front_cores,
        "network": needs.gigabits / 10 / REFERENCE.cards,
        "site caches": needs.site / SITES / REFERENCE.site_cores,
    }
    share, part = max((share, part) for part, share in shares.items())
    return part, rate / share
