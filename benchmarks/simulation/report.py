"""The tables of docs/scaling.md, as Markdown."""

import math
import random
from collections.abc import Mapping
from pathlib import Path

import simpy
from harness.figures import markdown, shown

from simulation import one_machine, theory
from simulation.plans import DATABASE_CORES, FULL, SITES, Costs, Outcome, Plan
from simulation.scenarios import (
    ANY_POINT,
    CLOSED,
    OPEN,
    OPEN_60_S,
    OPEN_COMPARED,
    RATES,
    SHARES,
    WAYS,
    Results,
)
from simulation.stations import Station
from simulation.storm import Storm

OPERATIONS = {
    "query": "the query at a point that was not asked for before",
    "hot": "the query at the same point again and again",
    "settled": "the same as of a change",
    "not-modified": "the query with `If-None-Match`: a 304",
    "status": "`gtstatus`",
    "live": "`/health/live`",
}

POLICIES = {
    "always fresh, and no cache is there": [OPEN],
    "always fresh, with site caches": [OPEN_COMPARED],
    "up to 60 s old, or closed": [OPEN_60_S, CLOSED],
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
        "reading": _reading(results),
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
        before, mark, rest = text.partition(f"<!-- table: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not (mark and end):
            raise ValueError(f"{page} has no place for the table {name}.")
        text = f"{before}{mark}\n{table}\n\n{end}{after}"
    page.write_text(text)


def _machine(costs: Costs) -> str:
    how = costs.figures["measured"]
    settings = ", ".join(f"`{key} = {value}`" for key, value in how["settings"].items())
    return (
        f"Measured on {how['at']} by `{how['command']}`: {how['cores']} cores"
        f" ({how['processor']}), Python {how['versions']['Python']}; {how['lists']} payload lists"
        f" of {how['iovs']:,} payload IOVs each, one process with {how['threads']} threads,"
        " PostgreSQL with its default settings, all on the one machine."
        f"{' The lists are compiled.' if how.get('compiled') else ''}"
        f"{f' Settings of the service: {settings}.' if settings else ''}"
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
    query = costs.figures["operations"]["query"]
    share = query["gzip_bytes"] / query["bytes"]
    return (
        f"{markdown([*header, 'CPU of PostgreSQL ms', 'bytes'], rows)}\n\n"
        f"Of a kept answer, the look at the change log takes {shown(costs.look.service * 1000)} ms"
        f" of the service's CPU and {shown(costs.look.database * 1000)} ms of PostgreSQL's."
        f" Compressed, the first answer is {share:.0%} as large: checksums are random, and do not"
        " become shorter."
    )


def _growth(costs: Costs) -> str:
    rows = [
        [g["lists"], g["median_ms"], g["service_cpu_ms"], g["database_cpu_ms"], g["bytes"]]
        for g in costs.figures["growth"]
    ]
    header = ["payload lists", "median ms", "CPU of the service ms"]
    return markdown([*header, "CPU of PostgreSQL ms", "bytes"], rows)


def _theory() -> str:
    rows: list[list[object]] = []
    for servers, load in ((1, 0.7), (4, 0.8), (16, 0.9)):
        exact = theory.waiting_time(load * servers, 1.0, servers)
        found = simulated_wait(load * servers, servers)
        rows.append([f"M/M/{servers}, {load:.0%} busy: mean wait", exact, found])
    return markdown(["case", "theory", "simulated"], rows)


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
            points = "hot" if line.work == "hot" else "random"
            rows.append([points, line.connections, who, rate, median * 1000, p99 * 1000])
    return markdown(["points", "connections", "", "queries/s", "median ms", "p99 ms"], rows)


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
    return markdown([*header, "median ms", "p99 ms"], rows)


def _reading(results: Results) -> str:
    """Say of each rate what some ways of asking need."""
    return "\n".join(
        f"- **{rate:,} requests/s.** "
        + "; ".join(f"*{way}*: {_bought(results.capacity[rate, way])}" for way in _TOLD)
        + "."
        for rate in RATES
    )


_TOLD = (ANY_POINT, OPEN, OPEN_60_S)


def _bought(found: tuple[Plan, Outcome]) -> str:
    plan, outcome = found
    servers = "one PostgreSQL server" if plan.databases == 1 else f"{plan.databases} of PostgreSQL"
    return (
        f"{plan.processes} processes and {servers} for the {shown(outcome.reach)} that reach them"
    )


def _limits(results: Results) -> str:
    rows: list[list[object]] = []
    for way, limit in results.limits.items():
        seen = dict(zip(SHARES, (p99 * 1000 for _, p99 in limit.curve), strict=False))
        times = [seen.get(share, "not simulated") for share in SHARES]
        rows.append([way, limit.part, limit.rate, *times])
    shares = [f"p99 ms at {share:.0%}" for share in SHARES]
    return markdown(["asked for", "full first", "at requests/s", *shares], rows)


def _restarts(results: Results) -> str:
    rows = [[name, *_became(storm)] for name, storm in results.restarts.items()]
    header = ["set-up", "half ready, s", "99 % ready, s", "all ready, s", "reached the service"]
    found = markdown([*header, "given up", "refused", "most at once"], rows)
    return (
        f"{results.jobs:,} jobs on {SITES} sites; {results.service.processes} processes,"
        f" {results.service.databases} × {DATABASE_CORES} cores of PostgreSQL,"
        f" {results.service.front_cores} cores of nginx.\n\n{found}"
    )


def _became(storm: Storm) -> list[object]:
    ready = [storm.until(share) for share in (0.5, 0.99, 1.0)]
    times = ["never" if seconds is None else seconds for seconds in ready]
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
    return markdown([*header, "caches of each site × cores"], rows)
