"""A restart: all jobs begin at once, and none can work before it has its conditions."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import simpy

from simulation import clients
from simulation.plans import HOT_POINTS, Costs, Plan, build
from simulation.servers import STATUS


@dataclass(frozen=True)
class Storm:
    """What became of it.

    Attributes:
        ready: seconds after which each job that got what it needs had it, in order.
        jobs: how many there were.
        reach: requests that the processes of the service answered.
        timed_out: requests that were given up.
        refused: answers that were a 503.
        most: requests under way between front and service at one time.

    """

    ready: Sequence[float]
    jobs: int
    reach: int
    timed_out: int
    refused: int
    most: int

    def until(self, share: float) -> float | None:
        """Return the seconds until this share of the jobs is ready; None where it never was."""
        number = round(self.jobs * share)
        return self.ready[number - 1] if len(self.ready) >= number else None


def restart(
    plan: Plan,
    costs: Costs,
    manners: clients.Manners,
    *,
    jobs: int = 100_000,
    horizon: float = 300.0,
    seed: int = 1,
) -> Storm:
    """Start all jobs, spread over the sites; nothing is in any cache; stop after `horizon` s."""
    chance = random.Random(seed)
    env = simpy.Environment()
    built = build(env, plan, costs, chance)
    log = clients.Log()
    for number in range(jobs):
        visits = [(0.0, STATUS), (0.0, chance.randrange(HOT_POINTS))]
        site = built.sites[number % len(built.sites)]
        env.process(clients.job(env, site, visits, manners, chance, log))
    finished = env.event()
    env.process(_watch(env, log, jobs, finished))
    env.run(finished | env.timeout(horizon))
    reach = sum(process.answered for process in built.processes)
    ready = sorted(log.ready)
    return Storm(ready, jobs, reach, log.timed_out, log.refused, built.front.most)


def _watch(
    env: simpy.Environment, log: clients.Log, jobs: int, finished: simpy.Event
) -> clients.Walk:
    while len(log.ready) < jobs:
        yield env.timeout(0.5)
    finished.succeed()
