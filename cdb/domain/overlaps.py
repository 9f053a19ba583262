"""Rows of a log that are visible at one change and cover one point: there must be none.

A row takes a rectangle: its interval along the axis, and the changes from the one
that added it to the one that retired it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple


class LogRow(NamedTuple):
    """A row of a log: where it holds, and at which changes it is visible; both half-open."""

    series: int
    start: tuple[int, int]
    end: tuple[int, int]
    added_by: int
    retired_by: int
    id: int


def overlapping(rows: Iterable[LogRow]) -> Iterator[tuple[LogRow, LogRow]]:
    """Yield each row that overlaps one before it, after that one.

    Those that hold at a place, in order of their changes, do not overlap, so that a
    row is compared with the two beside it only. A row that overlaps is left out from
    there on: what overlaps it alone is told once it is gone. Only the rows that hold at
    the place reached are kept in memory.

    Args:
        rows: in order of series and start.

    """
    series: int | None = None
    holding: list[tuple[int, int, LogRow]] = []
    ends: list[tuple[tuple[int, int], tuple[int, int, LogRow]]] = []
    for row in rows:
        if row.series != series:
            series, holding, ends = row.series, [], []
        while ends and ends[0][0] <= row.start:
            gone = heappop(ends)[1]
            del holding[bisect_left(holding, gone)]
        entry = row.added_by, row.id, row
        place = bisect_left(holding, entry)
        if place and holding[place - 1][2].retired_by > row.added_by:
            yield holding[place - 1][2], row
        elif place < len(holding) and holding[place][0] < row.retired_by:
            yield holding[place][2], row
        else:
            insort(holding, entry, lo=place)
            heappush(ends, (row.end, entry))
