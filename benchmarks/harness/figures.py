"""Figures: what one measurement found, and tables of them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was found of one kind of work, with a number of connections.

    `rate` is in `unit` a second; `median_ms` and `p99_ms` are milliseconds of one request, or of
    one pair of requests. Where the service does not offer the work, there are none, and `note`
    says so. `ceiling` is the rate of the load generator against a constant answer. Of a long
    answer, `size_mb` is its size, and `growth_mb` by how much the memory of the service grew, in
    MB of 10**6 bytes.
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
    size_mb: float | None = None
    growth_mb: float | None = None
    note: str = ""

    @property
    def near_ceiling(self) -> bool:
        """Whether the load generator may be what held it back."""
        return bool(self.rate and self.ceiling and self.rate > 0.7 * self.ceiling)


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
        p99_ms=taken[len(taken) * 99 // 100] * 1000,
    )


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
