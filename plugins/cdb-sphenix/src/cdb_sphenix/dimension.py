"""Points of sPHENIX: a run or a time, in the minor number."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from cdb.plugin import MAX, OPEN, IovDimension, NotationError, Point

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_OF_9999 = 253_402_300_799
"""The last second that has a date of four digits."""

_PAIR = re.compile("([0-9]+),([0-9]+)")
_NUMBER = re.compile("[0-9]+")
_TIME = re.compile(
    "([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2}:[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2}))?"
)

_OPEN_TOO = (Point(0, MAX), Point(1, 0))
"""Ends that mean 'open': what clients send, and what a discrete service makes of it."""


@dataclass(frozen=True, slots=True)
class SphenixOptions:
    """What the minor number counts."""

    axis: Literal["run", "timestamp"] = field(
        default="run",
        metadata={
            "help": "What the minor number is: a run, or seconds since 1970-01-01T00:00:00Z."
        },
    )


class Sphenix(IovDimension):
    """A run, as in `54321`, or a time, as in `2024-05-01T12:00:00Z`; the major number is 0.

    Clients compare with the minor number of an end alone. So no other major
    number is taken, and an end at the largest minor number is open.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = SphenixOptions
    options: SphenixOptions
    ranges = ((0, 0), (0, MAX))

    def __init__(self, name: str, options: SphenixOptions) -> None:
        super().__init__(name, options)
        self.components = ("major", options.axis)

    def parse(self, notation: str) -> Point:
        """Return the point of a run or a time; a number is one on both axes.

        Raises:
            NotationError: it is none, or does not fit into 63 bits.

        """
        if pair := _PAIR.fullmatch(notation):
            return Point(_bounded(pair[1], "major"), _bounded(pair[2], self.options.axis))
        if _NUMBER.fullmatch(notation):
            return Point(0, _bounded(notation, self.options.axis))
        if self.options.axis == "timestamp":
            return Point(0, _seconds(notation))
        raise NotationError(f"{notation!r} is not a run, as in '54321'")

    def format(self, point: Point) -> str:
        """Return the run, or the time in UTC; a time after the year 9999 stays a number."""
        if point.major:
            return f"{point.major},{point.minor}"
        if self.options.axis == "run" or point.minor > _LAST_OF_9999:
            return str(point.minor)
        return (_EPOCH + timedelta(seconds=point.minor)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def normalise(self, start: Point, end: Point | None) -> tuple[Point, Point | None]:
        """Return the interval; an end at the largest minor number becomes open.

        Raises:
            NotationError: a major number is not 0.

        """
        if end in _OPEN_TOO:
            end = OPEN
        for point in (start, end):
            if point is not None and point.major and point != OPEN:
                raise NotationError(
                    f"the major number is {point.major} and has to be 0: "
                    "clients look at the minor number alone"
                )
        return super().normalise(start, end)


def _seconds(notation: str) -> int:
    """Return the seconds from 1970 on of a date, which is its midnight in UTC, or a time."""
    found = _TIME.fullmatch(notation)
    if found is None:
        raise NotationError(
            f"{notation!r} is not a time, as in '2024-05-01' or '2024-05-01T12:00:00Z'"
        )
    try:
        time = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00:00'}{found[3] or 'Z'}")
        since = time - _EPOCH
    except (ValueError, OverflowError) as error:
        raise NotationError(f"{notation!r} is not a time: {error}") from error
    if since < timedelta(0):
        raise NotationError(f"{notation!r} is before 1970-01-01T00:00:00Z")
    return since // timedelta(seconds=1)


def _bounded(digits: str, component: str) -> int:
    # The length comes first: Python refuses to read numbers of thousands of digits.
    if len(digits) > 19 or int(digits) > MAX:
        raise NotationError(f"{component} is larger than {MAX}")
    return int(digits)
