"""The set-up that can be measured: client, one process and PostgreSQL on the same few cores."""

import random
from collections.abc import Hashable
from dataclasses import dataclass

import simpy

from simulation import clients
from simulation.plans import Costs
from simulation.servers import QUERY, Databases, Process
from simulation.stations import Station, Steps

HOT_POINTS = 100
"""Points that the run with hot points asks for again and again, as service_times.py does."""


@dataclass(frozen=True)
class Compared:
    """Foretold and measured: requests/s, and seconds of the median and of one in a hundred."""

    work: str
    connections: int
    foretold: tuple[float, float, float]
    measured: tuple[float, float, float]


def compare(costs: Costs, seconds: float = 20.0) -> list[Compared]:
    """Foretell each run of the load generator from the costs with one connection."""
    lines = []
    for run in costs.figures["loaded"]:
        measured = run["per_second"], run["median_ms"] / 1000, run["p99_ms"] / 1000
        foretold = foretell(
            costs,
            run["work"],
            run["connections"],
            cores=costs.figures["measured"]["cores"],
            threads=costs.figures["measured"]["threads"],
            client=run["client_cpu_ms"] / 1000,
            seconds=seconds,
        )
        lines.append(Compared(run["work"], run["connections"], foretold, measured))
    return lines


def foretell(
    costs: Costs,
    work: str,
    connections: int,
    *,
    cores: int,
    threads: int,
    client: float,
    seconds: float,
) -> tuple[float, float, float]:
    """Return requests/s, median and p99 of a closed loop: at random points, or at hot ones."""
    chance = random.Random(1)
    env = simpy.Environment()
    machine = Station(env, cores)
    databases = Databases(env, [machine], 0.0)
    process = Process(env, costs, databases, machine, chance, threads=threads)
    process.remembers |= set(range(HOT_POINTS))
    generators = [simpy.Resource(env, 1) for _ in range(2)]
    log = clients.Log()

    def point() -> Hashable:
        return object() if work == QUERY else chance.randrange(HOT_POINTS)

    for number in range(connections):
        generator = generators[number % 2]

        def think(generator: simpy.Resource = generator) -> simpy.Process:
            return env.process(_work(env, generator, machine, client))

        env.process(clients.connection(env, process, point, think, log))
    env.run(seconds / 10)
    log.taken.clear()
    env.run(seconds * 11 / 10)
    taken = sorted(log.taken)
    return len(taken) / seconds, taken[len(taken) // 2], taken[len(taken) * 99 // 100]


def _work(
    env: simpy.Environment, generator: simpy.Resource, machine: Station, seconds: float
) -> Steps:
    with generator.request() as turn:
        yield turn
        yield env.timeout(machine.delay(seconds))
    return True
