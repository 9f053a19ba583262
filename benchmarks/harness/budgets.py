"""What cdb wants to reach, and what nopayloaddb reached elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.figures import Figure
from harness.results import Result

OTHER = (
    "nopayloaddb's figures were taken with its main branch, gunicorn with 1 worker and 4 threads, "
    "on a comparable machine with 2 cores and the same PostgreSQL and data; not in these runs."
)


@dataclass(frozen=True)
class Budget:
    """A figure to reach in a scenario.

    `least` gives the rate that is wanted, of a result, since some of them are shares of another
    rate; where `most_ms` is given, the median may be so many milliseconds.
    """

    scenario: str
    work: str
    says: str
    other: str
    least: Callable[[Result, int], float | None] | None = None
    most_ms: float | None = None
    only: str = ""
    """Of variants whose name has this in it."""

    connections: int = 4
    """Under load; as many as nopayloaddb had threads, where it is not said."""

    def met(self, result: Result, figure: Figure) -> bool | None:
        """Return whether a figure is within the budget; nothing where that cannot be said."""
        if self.most_ms is not None:
            return None if figure.median_ms is None else figure.median_ms <= self.most_ms
        wanted = self.least(result, figure.connections) if self.least else None
        return None if wanted is None or figure.rate is None else figure.rate >= wanted


def _rate(number: float) -> Callable[[Result, int], float | None]:
    return lambda _result, _connections: number


def _share(work: str, share: float) -> Callable[[Result, int], float | None]:
    def wanted(result: Result, connections: int) -> float | None:
        found = result.figure(work, connections)
        return found.rate * share if found and found.rate else None

    return wanted


def _hot(result: Result, connections: int) -> float | None:
    settings = result.setting["service"].get("settings", {})
    if int(settings.get("cdb.freshness_ms", 0)) >= 100:
        return _share("live", 0.8)(result, connections)
    return 700.0


def _queries(scenario: str, other: int) -> Budget:
    says = f"{6 * other:,}/s; stretch goal {20 * other:,}/s"
    return Budget(scenario, "query.random", says, f"{other}/s", _rate(6 * other))


LARGEST, HALF_MILLION = "200x26000", "100x5000"

BUDGETS = [
    _queries("10x10", 252),
    _queries("100x200", 69),
    _queries(HALF_MILLION, 78),
    _queries(LARGEST, 48),
    Budget(
        LARGEST,
        "query.hot",
        "700/s; with `cdb.freshness_ms` of 100 or more, 80 % of `/health/live`",
        "48/s",
        _hot,
    ),
    Budget(
        LARGEST,
        "query.hot",
        "10,000/s through the shipped nginx, with 50 connections",
        "",
        _rate(10_000),
        only="nginx",
        connections=50,
    ),
    Budget(LARGEST, "frozen.hot", "80 % of `/health/live`", "", _share("live", 0.8)),
    Budget(LARGEST, "as_of.hot", "80 % of `/health/live`", "", _share("live", 0.8)),
    Budget(LARGEST, "globalTags", "the rate of hot points", "1.4/s", _share("query.hot", 1)),
    Budget(LARGEST, "gtstatus", "the rate of hot points", "1.4/s", _share("query.hot", 1)),
    Budget(HALF_MILLION, "pairs", "200/s", "21/s", _rate(200)),
    Budget(HALF_MILLION, "bulk", "40,000 rows/s", "610 rows/s", _rate(40_000)),
    Budget(HALF_MILLION, "clone", "50 ms", "198 s", most_ms=50),
    Budget(
        HALF_MILLION,
        "whole",
        "5 s, and 50 MB of memory more",
        "69 s",
        most_ms=5_000,
    ),
]


def budget(scenario: str, work: str) -> Budget | None:
    """Return the budget of some work in a scenario, if there is one."""
    found = (each for each in BUDGETS if (each.scenario, each.work) == (scenario, work))
    return next(found, None)
