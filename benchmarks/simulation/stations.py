"""Where requests wait: cores, network cards, and the costs that are drawn for each request."""

import heapq
import math
import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import simpy

Steps = Generator[simpy.Event, Any, bool]
"""What a request does, step by step; at the end, whether it was answered."""

_Z99 = 2.3263
"""Standard deviations above the middle of a normal distribution that one in a hundred exceeds."""


class Station:
    """Servers that take what comes in the order of its arrival, such as the cores of a machine.

    The times at which each server is free again say at once how long a new one
    has to wait, so that a visit is one event instead of three. That is exact
    for this order, and what makes 100,000 jobs possible.

    Attributes:
        busy: seconds that all servers together have worked, or will for what has come.

    """

    def __init__(self, env: simpy.Environment, servers: int) -> None:
        self.env = env
        self.servers = servers
        self.busy = 0.0
        self._free = [0.0] * servers

    def delay(self, seconds: float) -> float:
        """Take in work of so many seconds; return in how many it is done."""
        now = self.env.now
        done = max(now, self._free[0]) + seconds
        heapq.heapreplace(self._free, done)
        self.busy += seconds
        return done - now

    @property
    def backlog(self) -> float:
        """Return the seconds that one who comes now has to wait."""
        return max(0.0, self._free[0] - self.env.now)


@dataclass(frozen=True, slots=True)
class Operation:
    """What one request costs.

    Attributes:
        service: seconds of CPU in the service.
        database: seconds of CPU in PostgreSQL.
        rest: seconds in which a thread of the service waits for neither.
        spread: the sigma of the lognormal distribution that the costs have.
        size: bytes of the answer.

    """

    service: float
    database: float
    rest: float
    spread: float
    size: int

    @classmethod
    def of(cls, figures: Mapping[str, float]) -> Self:
        """Return what was measured, in milliseconds, as service_times.py writes it."""
        costs = [figures.get(f"{part}_cpu_ms", 0.0) / 1000 for part in ("service", "database")]
        client = figures.get("client_cpu_ms", 0.0) / 1000
        rest = max(0.0, figures["median_ms"] / 1000 - sum(costs) - client)
        spread = math.log(figures["p99_ms"] / figures["median_ms"]) / _Z99
        return cls(costs[0], costs[1], rest, spread, int(figures["bytes"]))

    def without(self, other: Self) -> Self:
        """Return what remains of the costs without those of a part of the work."""
        return replace(
            self,
            service=max(0.0, self.service - other.service),
            database=max(0.0, self.database - other.database),
            rest=max(0.0, self.rest - other.rest),
        )

    def factor(self, chance: random.Random) -> float:
        """Draw how much dearer than the mean one request is; the mean of that is 1."""
        return chance.lognormvariate(-self.spread * self.spread / 2, self.spread)
