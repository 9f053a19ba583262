"""Figures: what one measurement found, and tables of them."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

ENOUGH = 100
"""Requests; of fewer, nobody can say how long the slowest in a hundred take."""

BUSY = 0.7
"""Of what the load generator can do at most: above that it may be what is measured."""


@dataclass(frozen=True)
class Figure:
    """What was found of one kind of work, with a number of connections.

    `rate` is in `unit` a second; `median_ms` and `p99_ms` are milliseconds of one request, or of
    one pair of requests. Where the service does not offer the work, there are none, and `note`
    says so. `ceiling` is the rate of the load generator against a constant answer, and `client_ms`
    the milliseconds of CPU that a client which does one after the other takes itself. `rates` are
    those of all runs, of which this is the one in the middle. Of a long answer, `size_mb` is its
    size, and `growth_mb` by how much the memory of the service grew, in MB of 10**6 bytes.
    """

    work: str
    connections: int = 1
    unit: str = "requests"
    count: int = 0
    rate: float | None = None
    median_ms: float | None = None
    p99_ms: float | None = None
    errors: int = 0
    ceiling: float | None = None
    client_ms: float | None = None
    rates: Sequence[float] = ()
    size_mb: float | None = None
    growth_mb: float | None = None
    note: str = ""

    @property
    def near_ceiling(self) -> bool:
        """Whether the load generator may be what held it back."""
        return bool(self.rate and self.ceiling and self.rate > BUSY * self.ceiling)


def not_offered(work: str, connections: int = 1) -> Figure:
    """Return the figure of what a service does not have."""
    return Figure(work, connections, note="not offered")


def of_times(work: str, seconds: Sequence[float], unit: str = "requests") -> Figure:
    """Return the figure of what was done one after the other, by the seconds of each."""
    taken = sorted(seconds)
    return Figure(
        work,
        unit=unit,
        count=len(taken),
        rate=len(taken) / sum(taken),
        median_ms=median(taken) * 1000,
        p99_ms=slowest(taken) * 1000 if len(taken) >= ENOUGH else None,
    )


def slowest(taken: Sequence[float]) -> float:
    """Return what the fastest of the slowest in a hundred takes, of times in their order."""
    return taken[len(taken) * 99 // 100]


def one_by_one(
    work: str, steps: Iterable[Callable[[], object]], enough: float, unit: str = "requests"
) -> Figure:
    """Do one step after the other, until all are done or they took so many seconds."""
    taken: list[float] = []
    own = time.process_time()
    for step in steps:
        taken.append(timed(step))
        if sum(taken) > enough:
            break
    own = time.process_time() - own
    return replace(of_times(work, taken, unit), client_ms=own / len(taken) * 1000)


def in_the_middle(runs: Sequence[Figure]) -> Figure:
    """Return the figure of the run in the middle, with the rates of all."""
    found = sorted(runs, key=lambda figure: figure.rate or 0)
    rates = [figure.rate for figure in found if figure.rate is not None]
    return replace(found[len(found) // 2], rates=rates)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(figures: Sequence[float]) -> float:
    """Return the median of some figures."""
    return statistics.median(figures)


def shown(cell: object) -> str:
    """Return a cell of a table: numbers with three digits that count, or whole."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    cells = [list(header), *([shown(cell) for cell in line] for line in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def markdown(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    rows = [list(header), ["---"] * len(header), *([shown(cell) for cell in row] for row in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
