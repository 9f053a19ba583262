"""The tables of docs/scaling.md, as Markdown."""

import math
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import simpy

from simulation import one_machine, theory
from simulation.plans import DATABASE_CORES, FULL, SITES, Costs
from simulation.scenarios import RATES, SHARES, WAYS, Results
from simulation.stations import Station
from simulation.storm import Storm

OPERATIONS = {
    "query": "the query at a point that was not asked for before",
    "hot": "the query at the same point again and again",
    "not-modified": "the same with `If-None-Match`: a 304",
    "status": "`gtstatus`",
    "live": "`/health/live`: the cheapest request",
}


POLICIES = {
    "always fresh, and no cache is there": ["open tag, no cache"],
    "always fresh, with site caches": ["open tag, site caches ask each time"],
    "up to 60 s old, or closed": ["open tag, copies hold 60 s", "closed tag, site caches"],
}


def tables(costs: Costs, results: Results) -> Mapping[str, str]:
    """Return each table by its name in the page."""
    return {
        "machine": _machine(costs),
        "costs": _costs(costs),
        "growth": _growth(costs),
        "theory": _theory(),
        "measured": _measured(costs),
        "capacity": _capacity(results),
        "limits": _limits(results),
        "restart": _restarts(results),
        "buy": _buy(results),
    }


def put(page: Path, found: Mapping[str, str]) -> None:
    """Write the tables into a page, between their marks.

    Raises:
        ValueError: the page has no place for one of them.

    """
    text = page.read_text()
    for name, table in found.items():
        place = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, number = place.subn(lambda mark, t=table: f"{mark[1]}\n{t}\n\n{mark[2]}", text)
        if number != 1:
            raise ValueError(f"{page} has {number} places for the table {name}.")
    page.write_text(text)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [list(header), ["---"] * len(header), *([_shown(cell) for cell in r] for r in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _shown(cell: object) -> str:
    if cell is None:
        return "never"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _machine(costs: Costs) -> str:
    how = costs.figures["measured"]
    return (
        f"Measured on {how['at']} by `{how['command']}`: {how['cores']} cores"
        f" ({how['processor']}), Python {how['versions']['Python']}; {how['lists']} payload lists"
        f" of {how['iovs']:,} payload IOVs each, one process with {how['threads']} threads,"
        " PostgreSQL with its default settings, all on the one machine."
    )


def _costs(costs: Costs) -> str:
    rows: list[list[object]] = [
        [what, o["median_ms"], o["p99_ms"], o["service_cpu_ms"], o["database_cpu_ms"], o["bytes"]]
        for name, what in OPERATIONS.items()
        for o in [costs.figures["operations"][name]]
    ]
    hit = costs.figures["operations"]["cache-hit"]
    nginx = "a constant answer of nginx"
    rows.append([nginx, hit["median_ms"], hit["p99_ms"], hit["cache_cpu_ms"], 0.0, hit["bytes"]])
    header = ["request", "median ms", "p99 ms", "CPU of the service (nginx) ms"]
    return _table([*header, "CPU of PostgreSQL ms", "bytes"], rows)


def _growth(costs: Costs) -> str:
    rows = [
        [g["lists"], g["median_ms"], g["service_cpu_ms"], g["database_cpu_ms"], g["bytes"]]
        for g in costs.figures["growth"]
    ]
    header = ["payload lists", "median ms", "CPU of the service ms"]
    return _table([*header, "CPU of PostgreSQL ms", "bytes"], rows)


def _theory() -> str:
    rows: list[list[object]] = []
    for servers, load in ((1, 0.7), (4, 0.8), (16, 0.9)):
        exact = theory.waiting_time(load * servers, 1.0, servers)
        found = simulated_wait(load * servers, servers)
        rows.append([f"M/M/{servers}, {load:.0%} busy: mean wait", exact, found])
    return _table(["case", "theory", "simulated"], rows)


def simulated_wait(rate: float, servers: int, *, number: int = 200_000) -> float:
    """Return the mean wait at a station with exponential work of mean 1, arriving at random."""
    chance = random.Random(1)
    env = simpy.Environment()
    station = Station(env, servers)
    waited = 0.0
    for _ in range(number):
        env.run(env.now + chance.expovariate(rate))
        work = chance.expovariate(1.0)
        waited += station.delay(work) - work
    return waited / number


def _measured(costs: Costs) -> str:
    rows = []
    for line in one_machine.compare(costs):
        for who, (rate, median, p99) in (
            ("simulated", line.foretold),
            ("measured", line.measured),
        ):
            rows.append([line.connections, who, rate, median * 1000, p99 * 1000])
    return _table(["connections", "", "queries/s", "median ms", "p99 ms"], rows)


def _capacity(results: Results) -> str:
    rows: list[list[object]] = []
    for rate in RATES:
        for way in WAYS:
            plan, found = results.capacity[rate, way]
            servers = f"{plan.databases} × {DATABASE_CORES}"
            bought = [plan.processes, servers, plan.front_cores, f"{plan.cards} × 10"]
            times = [found.median * 1000, found.p99 * 1000]
            rows.append([rate, way, found.reach, *bought, found.gigabits, *times])
    header = ["requests/s", "asked for", "reach the service, /s", "processes, a core each"]
    header += ["PostgreSQL servers × cores", "nginx cores", "cards × Gbit/s", "Gbit/s out"]
    return _table([*header, "median ms", "p99 ms"], rows)


def _limits(results: Results) -> str:
    rows: list[list[object]] = []
    for way, limit in results.limits.items():
        seen = dict(zip(SHARES, (p99 * 1000 for _, p99 in limit.curve), strict=False))
        times = [seen.get(share, "not simulated") for share in SHARES]
        rows.append([way, limit.part, limit.rate, *times])
    shares = [f"p99 ms at {share:.0%}" for share in SHARES]
    return _table(["asked for", "full first", "at requests/s", *shares], rows)


def _restarts(results: Results) -> str:
    rows = [[name, *_became(storm)] for name, storm in results.restarts.items()]
    header = ["set-up", "half ready, s", "99 % ready, s", "all ready, s", "reached the service"]
    found = _table([*header, "given up", "refused", "most at once"], rows)
    return (
        f"{results.jobs:,} jobs on {SITES} sites; {results.service.processes} processes,"
        f" {results.service.databases} × {DATABASE_CORES} cores of PostgreSQL,"
        f" {results.service.front_cores} cores of nginx.\n\n{found}"
    )


def _became(storm: Storm) -> list[object]:
    times = [storm.until(share) for share in (0.5, 0.99, 1.0)]
    return [*times, storm.reach, storm.timed_out, storm.refused, storm.most]


_FOR_PROCESSES = 14
"""Cores of a service machine of 16 that processes have; the others are for the system."""


def _buy(results: Results) -> str:
    rows: list[list[object]] = []
    for rate in RATES:
        for policy, ways in POLICIES.items():
            plans = [results.capacity[rate, way][0] for way in ways]
            site = max(results.capacity[rate, way][1].site for way in ways) / SITES / FULL
            machines = math.ceil(max(plan.processes for plan in plans) / _FOR_PROCESSES) + 1
            databases = max(plan.databases for plan in plans)
            front = max(max(plan.cards, math.ceil(plan.front_cores / 16)) for plan in plans) + 1
            caches = f"2 × {max(1, math.ceil(site))}"
            rows.append([rate, policy, machines, f"1 + {databases}", front, caches])
    header = ["requests/s", "open tags are", "machines of the service, 16 cores"]
    header += ["PostgreSQL, 16 cores: primary + replicas", "machines of nginx, 10 Gbit/s"]
    return _table([*header, "caches of each site × cores"], rows)
