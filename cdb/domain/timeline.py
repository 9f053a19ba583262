"""How a part of the axis is cut into cells for a picture, exactly.

The axis is two 64-bit integers. A point is counted as `major * 2**63 + minor`,
its *position*, so that lengths are whole numbers of points; Python's integers
have room for them, and nothing is rounded.

Cells are of one kind in a picture, the finest kind of which a window needs no
more than are wanted:

- Within one major, cells are so many minors wide.
- Where a window has few majors, each of them is cut alike: cells of so many
  minors, and as the last one what is left of the major. How far the narrow cells
  reach is its *scale*, from the data: a major has 2**63 minors, of which
  luminosity sections fill some thousands.
- Otherwise cells are so many majors wide.

'So many' is 1, 2 or 5 with noughts, and cells begin at multiples of it: their
edges are round numbers, and stay where they are when the window moves. Only the
first and the last one are cut, by the window itself.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from cdb.domain.points import AXIS, MAX, OPEN, Interval, IovMode, Point, after, before

MOST_BUCKETS = 1500
"""Buckets of a lane at most: one for each pixel of a wide picture."""

FEWEST_BUCKETS = 2
"""A window can lie across an edge of the widest cells that there are."""

FULL = 1000
"""The covered part of a cell is told per mille: of its points, or of its majors."""

_SAMPLES = 8

_MAJOR = MAX + 1
_STEPS = [digit * 10**zeros for zeros in range(19) for digit in (1, 2, 5)]


def position(point: tuple[int, int]) -> int:
    """Return the number of points before one."""
    major, minor = point
    return major * _MAJOR + minor


# --- the window -------------------------------------------------------------


def extent(firsts: Iterable[Interval], lasts: Iterable[Interval], mode: IovMode) -> Interval:
    """Return the part of the axis that lists fill, all of it where they are empty.

    An open end does not stretch it, nor one that is open within its major: what
    counts is where the interval starts.

    Args:
        firsts: the first interval of each list that has any.
        lasts: the last ones.
        mode: decides which ends mean 'open within its major'.

    """
    ends = [
        after(last.start) if last.end in (OPEN, mode.end_within_major(last.start)) else last.end
        for last in lasts
    ]
    return Interval(min(first.start for first in firsts), max(ends)) if ends else AXIS


def wants_scale(window: Interval, buckets: int) -> bool:
    """Tell whether there are buckets enough to cut majors into parts, if the data have any."""
    majors = _majors(window)
    return not _is_within_major(window) and (majors.stop - majors.start) * 2 <= buckets


def sampled(window: Interval) -> list[int]:
    """Return the majors of which the scale is taken: all where they are few, else some."""
    majors = _majors(window)
    return sorted({majors[number * len(majors) // _SAMPLES] for number in range(_SAMPLES)})


def reached(major: int, last: Interval) -> int:
    """Return the first minor of a major that the data do not reach, as its last interval says.

    Args:
        major: the one that is looked at.
        last: the last interval of a list that starts in the major, or before it.

    """
    start = last.start.minor + 1 if last.start.major == major else 0
    end = last.end.minor if last.end.major == major and last.end.minor < MAX else 0
    return max(start, end)


def _is_within_major(window: Interval) -> bool:
    """Tell whether a window ends inside of the major that it begins in."""
    return window.start.major == window.end.major and window.end.minor < MAX


def _majors(window: Interval) -> range:
    return range(window.start.major, before(window.end).major + 1)


# --- cells ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells that fill the axis: so many majors wide, or parts of one major.

    Attributes:
        majors: how many majors a cell is wide; 1 where they have parts.
        minors: how many minors each part is wide but for the last, which takes
            the rest of the major.
        parts: cells of a major; 1 where cells are whole majors.

    """

    majors: int = 1
    minors: int = 1
    parts: int = 1

    @property
    def has_whole_majors(self) -> bool:
        """Whether cells are whole majors, so many or one."""
        return self.parts == 1

    def index(self, point: Point) -> int:
        """Return the number of the cell that a point is in."""
        part = min(point.minor // self.minors, self.parts - 1)
        return point.major // self.majors * self.parts + part

    def start(self, index: int) -> Point:
        """Return where a cell begins; past the last one of the axis that is beyond OPEN."""
        cell, part = divmod(index, self.parts)
        return Point(cell * self.majors, part * self.minors)

    def cells(self, window: Interval) -> range:
        """Return the numbers of the cells that a window reaches into."""
        return range(self.index(window.start), self.index(before(window.end)) + 1)

    def edges(self, window: Interval) -> list[Point]:
        """Return where the cells of a window begin, cut at its start, and its end."""
        return [window.start, *map(self.start, self.cells(window)[1:]), window.end]


def grid(window: Interval, buckets: int, scale: int = 0) -> Grid:
    """Return the finest cells of which a window needs no more than are wanted.

    Args:
        window: the part of the axis that is looked at.
        buckets: how many are wanted, FEWEST_BUCKETS … MOST_BUCKETS.
        scale: up to which minor majors are cut into narrow parts, as `reached`
            says; 0 or 1 leaves them whole.

    """
    if _is_within_major(window):
        fine = [Grid(1, step, _parts(MAX, step)) for step in _STEPS]
    elif scale > 1:
        fine = [Grid(1, step, _parts(scale, step)) for step in _STEPS]
    else:
        fine = []
    for found in (*fine, *map(Grid, _STEPS)):
        cells = found.cells(window)
        # Its length may be more than a length can be.
        if cells.stop - cells.start <= buckets:
            break
    return found


def _parts(scale: int, step: int) -> int:
    """Return the parts of a major: narrow ones up to its scale, and the rest."""
    # As many as there are minors would be one more than 64 bits can count: where all are one
    # minor wide, the largest minor shares its part with the one before.
    return min(-(-scale // step) + 1, MAX)


# --- what is in them --------------------------------------------------------


class Sums(NamedTuple):
    """What the intervals of a list add up to, by the cells of a window in which any start.

    One that starts before the window and reaches into it counts in the first
    cell. All fields have one number for each of these cells.

    Attributes:
        cells: counted from the first cell of the window, in order.
        counts: intervals.
        payloads: distinct payloads of these.
        majors: what to add to the majors of the starts to get those of the ends.
        high: the same for the minors, in units of 2**32.
        low: what this leaves of the minors.
        end_majors: where the one interval ends that starts in the cell, and not
            before the window, but does not end in it; None where there is none.
        end_minors: the other part of that point.
        spans: where cells are whole majors, in how many majors the intervals are
            valid beside those that they start in.
        shared: in how many of those that they start in the interval before is valid, too.

    """

    cells: list[int]
    counts: list[int]
    payloads: list[int]
    majors: list[int]
    high: list[int]
    low: list[int]
    end_majors: list[int | None]
    end_minors: list[int | None]
    spans: Sequence[int] = ()
    shared: Sequence[int] = ()


def spread(cells: Iterable[int], numbers: Iterable[int], length: int) -> list[int]:
    """Return so many numbers, 0 but for those of some cells."""
    found = [0] * length
    for cell, number in zip(cells, numbers, strict=True):
        found[cell] = number
    return found


class Ruler(NamedTuple):
    """Where cells begin, and where the last one ends.

    Attributes:
        points: positions of the edges.
        majors: where cells are whole majors, the first major of each and the one after
            the last; else empty.

    """

    points: Sequence[int]
    majors: Sequence[int]

    @classmethod
    def of(cls, edges: Sequence[Point], grid: Grid) -> "Ruler":
        """Return the ruler of cells with such edges."""
        majors = [edge.major for edge in edges[:-1]] if grid.has_whole_majors else []
        return cls(
            [position(edge) for edge in edges],
            [*majors, _end_major(edges[-1])] if majors else [],
        )

    def up_to(self, cells: int, end: Point) -> "Ruler":
        """Return the ruler of the first cells, of which the last one ends at a point."""
        majors = [*self.majors[:cells], _end_major(end)] if self.majors else []
        return Ruler([*self.points[:cells], position(end)], majors)

    def after(self, cells: int) -> "Ruler":
        """Return the ruler of all but the first cells."""
        return Ruler(self.points[cells:], self.majors[cells:])


def covered_by(ruler: Ruler, interval: Interval) -> list[int]:
    """Return how much of each cell one interval covers, as `covered` does."""
    points = Cover(ruler.points)
    points.add(*_points(interval))
    majors = Cover(ruler.majors)
    majors.add(*_majors_of(interval))
    return points.per_mille(majors)


def covered(ruler: Ruler, sums: Sums, first: Interval, last: Interval) -> list[int]:
    """Return how much of each cell the intervals of a list cover, per mille.

    It is 0 only where they cover nothing, and FULL only where they cover all. Between
    these, cells of whole majors are told by the majors in which anything is valid: of
    2**63 minors, runs fill next to nothing.

    Args:
        ruler: of the cells, which are those of the sums.
        sums: of the intervals.
        first: the first of them, which may start before the first edge.
        last: the last of them, which may end after the last edge.

    """
    parts = zip(sums.majors, sums.high, sums.low, strict=True)
    ends = [
        None if major is None or minor is None else Point(major, minor)
        for major, minor in zip(sums.end_majors, sums.end_minors, strict=True)
    ]
    reaches_in = position(first.start) < ruler.points[0]
    points = Cover(ruler.points)
    points.count(
        sums.cells,
        [majors * _MAJOR + (high << 32) + low for majors, high, low in parts],
        [None if end is None else position(end) for end in ends],
        (_points(first), _points(last)),
        reaches_in=reaches_in,
    )
    majors = Cover(ruler.majors)
    if ruler.majors:
        valid = zip(sums.spans, sums.counts, sums.shared, strict=True)
        majors.count(
            sums.cells,
            [spans + counts - shared for spans, counts, shared in valid],
            [None if end is None else _end_major(end) for end in ends],
            (_majors_of(first), _majors_of(last)),
            reaches_in=reaches_in,
        )
    return points.per_mille(majors)


def _points(interval: Interval) -> tuple[int, int]:
    return position(interval.start), position(interval.end)


def _majors_of(interval: Interval) -> tuple[int, int]:
    """Return the first major in which an interval is valid, and the one after the last."""
    return interval.start.major, _end_major(interval.end)


def _end_major(end: Point) -> int:
    """Return the first major that an end leaves out whole."""
    return end.major + (end.minor > 0)


class Cover:
    """How much of each cell is covered; all places and lengths are in the unit of its edges.

    Args:
        edges: where the cells begin, and where the last one ends: positions, or majors.

    """

    def __init__(self, edges: Sequence[int]) -> None:
        self._edges = edges
        self.widths = [end - start for start, end in pairwise(edges)]
        self.covered = [0] * len(self.widths)

    def count(
        self,
        cells: Sequence[int],
        lengths: Sequence[int],
        ends: Sequence[int | None],
        outer: tuple[tuple[int, int], tuple[int, int]],
        *,
        reaches_in: bool,
    ) -> None:
        """Cover what the intervals of a list do, by the cells in which they start.

        Args:
            cells: in which any start.
            lengths: of all that start in a cell together.
            ends: of the one that leaves the cell, if any does.
            outer: the first interval and the last one.
            reaches_in: whether the first one starts before the first edge.

        """
        (start, first_end), (_, end) = outer
        if sum(lengths) == end - start:
            self.add(start, end)
            return
        for cell, length, leaves_to in zip(cells, lengths, ends, strict=True):
            self.covered[cell] += length
            if leaves_to is not None:
                self._carry(self._edges[cell + 1], leaves_to, cell)
        if reaches_in:
            self._carry(start, first_end, 0)
        if ends[-1] is None:
            # The last edge cuts the cell, so that the end is no sign of having left it.
            self.covered[-1] -= max(end - self._edges[-1], 0)

    def add(self, start: int, end: int) -> None:
        """Cover what nothing covers so far; what is outside of all cells is left out."""
        if not self.covered:
            return
        start, end = max(start, self._edges[0]), min(end, self._edges[-1])
        if start >= end:
            return
        first = bisect_right(self._edges, start) - 1
        last = bisect_right(self._edges, end - 1) - 1
        self.covered[first] -= start - self._edges[first]
        self.covered[last] -= self._edges[last + 1] - end
        for cell in range(first, last + 1):
            self.covered[cell] += self.widths[cell]

    def _carry(self, start: int, end: int, cell: int) -> None:
        """Cover where it is what was counted in a cell as a whole."""
        self.covered[cell] -= end - start
        self.add(start, end)

    def per_mille(self, majors: "Cover | None" = None) -> list[int]:
        """Return the covered parts: all or nothing only where it is just that, in points.

        Args:
            majors: the same, where what lies between is told by majors.

        """
        told = majors if majors and majors.covered else self
        return [
            (FULL if points else 0)
            if points in (0, width)
            else min(max(part * FULL // whole, 1), FULL - 1)
            for points, width, part, whole in zip(
                self.covered, self.widths, told.covered, told.widths, strict=True
            )
        ]
