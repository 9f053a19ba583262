"""What cdb wants to reach, and what nopayloaddb reached elsewhere."""

import operator
from collections.abc import Callable, Iterable
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

    `least` is the rate that is wanted, or where `of` names other work, the share of its rate in
    the same run; `most_ms` is what the median may be, in milliseconds, and `most_mb` by how much
    the memory of the service may grow, in MB of 10**6 bytes.
    """

    scenario: str
    work: str
    says: str
    other: str = ""
    least: float | None = None
    of: str = ""
    most_ms: float | None = None
    most_mb: float | None = None
    connections: int = 4
    """Under load; as many as nopayloaddb had threads, where it is not said."""

    applies: Callable[[Result], bool] = lambda _result: True
    """To which results, of those of the scenario."""

    def met(self, result: Result, figure: Figure) -> bool | None:
        """Return whether a figure is within the budget; nothing where that cannot be said."""
        rate = self.share(result, figure) if self.of else figure.rate
        tests = [
            (self.least, rate, operator.ge),
            (self.most_ms, figure.median_ms, operator.le),
            (self.most_mb, figure.growth_mb, operator.le),
        ]
        met = [
            test(found, wanted)
            for wanted, found, test in tests
            if wanted is not None and found is not None
        ]
        return all(met) if met else None

    def share(self, result: Result, figure: Figure) -> float | None:
        """Return what a figure is of the rate of the other work."""
        return share(figure, result.figure(self.of, figure.connections)) if self.of else None


def share(figure: Figure, other: Figure | None) -> float | None:
    """Return what the rate of one figure is of that of another; nothing where one is missing."""
    return figure.rate / other.rate if other and other.rate and figure.rate else None


def _queries(scenario: str, other: int) -> Budget:
    says = f"{6 * other:,}/s; stretch goal {20 * other:,}/s"
    return Budget(scenario, "query.random", says, f"{other}/s", 6 * other)


def _lags(result: Result) -> bool:
    """Tell whether answers may be 100 ms old."""
    settings = result.setting["service"].get("settings", {})
    return int(settings.get("cdb.freshness_ms", 0)) >= 100


def _through_nginx(result: Result) -> bool:
    return bool(result.setting.get("nginx"))


LARGEST, HALF_MILLION = "200x26000", "100x5000"

OF_LIVE = "80 % of `/health/live`"

BUDGETS = [
    _queries("10x10", 252),
    _queries("100x200", 69),
    _queries(HALF_MILLION, 78),
    _queries(LARGEST, 48),
    Budget(LARGEST, "query.hot", "700/s", "48/s", 700),
    Budget(LARGEST, "query.hot", OF_LIVE, least=0.8, of="live", applies=_lags),
    Budget(
        LARGEST,
        "query.hot",
        "10,000/s through the shipped nginx",
        least=10_000,
        connections=50,
        applies=_through_nginx,
    ),
    Budget(LARGEST, "frozen.hot", OF_LIVE, least=0.8, of="live"),
    Budget(LARGEST, "as_of.hot", OF_LIVE, least=0.8, of="live"),
    Budget(LARGEST, "globalTags", "the rate of hot points", "1.4/s", 1, "query.hot"),
    Budget(LARGEST, "gtstatus", "the rate of hot points", "1.4/s", 1, "query.hot"),
    Budget(HALF_MILLION, "pairs", "200/s", "21/s", 200),
    Budget(HALF_MILLION, "bulk", "40,000 rows/s", "610 rows/s", 40_000),
    Budget(HALF_MILLION, "clone", "50 ms", "198 s", most_ms=50),
    Budget(
        HALF_MILLION, "whole", "5 s, and 50 MB of memory more", "69 s", most_ms=5_000, most_mb=50
    ),
]


def says(results: Iterable[Result], work: str, connections: int) -> str:
    """Return the budgets of some work in results of a scenario, in words."""
    found = (
        each.says
        for result in results
        for each in BUDGETS
        if (each.scenario, each.work) == (result.scenario, work)
        and connections in {1, each.connections}
        and each.applies(result)
    )
    return "; ".join(dict.fromkeys(found))
