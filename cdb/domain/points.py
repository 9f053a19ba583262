"""Points, intervals, and how the numeric fields of the interface write their ends."""

from enum import StrEnum
from typing import NamedTuple

MAX = 2**63 - 1
"""The largest coordinate, 9223372036854775807: what a signed 64-bit integer holds."""


class Point(NamedTuple):
    """A place on the axis: two integers, 0 … MAX, compared as a pair."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"({self.major}, {self.minor})"


OPEN = Point(MAX, MAX)
"""The end of an interval that holds for ever; never a start."""

LAST = Point(MAX, MAX - 1)
"""The last point that can be asked for; a query at OPEN means this one."""

ORIGIN = Point(0, 0)


class Interval(NamedTuple):
    """An interval of validity, half-open: `start` belongs to it, `end` does not."""

    start: Point
    end: Point

    def __contains__(self, point: object) -> bool:
        return isinstance(point, tuple) and self.start <= point < self.end

    def __str__(self) -> str:
        return f"[{self.start}, {'open' if self.end == OPEN else self.end})"


AXIS = Interval(ORIGIN, OPEN)
"""All of it."""


class IovMode(StrEnum):
    """What the numeric ends of the interface mean.

    In a continuous service they are exclusive, as inside. In a discrete one
    they are inclusive: the last point that the payload is valid for.
    """

    CONTINUOUS = "continuous"
    DISCRETE = "discrete"

    def end_from_interface(self, end: Point) -> Point:
        """Return the exclusive end that an end of the interface stands for."""
        if self is IovMode.CONTINUOUS:
            return end
        return after(end)

    def end_to_interface(self, end: Point) -> Point:
        """Return what the interface shows for an exclusive end; undoes `end_from_interface`."""
        if self is IovMode.CONTINUOUS or end == OPEN:
            return end
        return before(end)

    def end_within_major(self, start: Point) -> Point:
        """Return the end that means 'open within the major of `start`'.

        The field writes it as `(own major, MAX)`, with one component only.
        """
        return self.end_from_interface(Point(start.major, MAX))


def before(point: Point) -> Point:
    """Return the point just before one; `point` is not the origin."""
    if point.minor:
        return Point(point.major, point.minor - 1)
    return Point(point.major - 1, MAX)


def after(point: Point) -> Point:
    """Return the point just after one; undoes `before`. Nothing comes after LAST but OPEN."""
    if point == OPEN:
        return OPEN
    if point.minor == MAX:
        return Point(point.major + 1, 0)
    return Point(point.major, point.minor + 1)


def clamp(point: Point) -> Point:
    """Return the point that a query at `point` means: OPEN is asked as LAST."""
    return min(point, LAST)


def combined(major: int, minor: int) -> str:
    """Return a point as the decimal that nopayloaddb calls `comb_iov`.

    The minor number fills nineteen decimals: (100, 7) is 100.0000000000000000007.
    """
    return f"{major}.{minor:019d}"
