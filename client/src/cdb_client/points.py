"""Points of the axis on which payloads are valid."""

import re
from typing import Any

MAX = 2**63 - 1
"""The largest number of a point; an interval that ends at it, twice, is open."""

Point = tuple[int, int]
"""A place on the axis, (major, minor), each from 0 to `MAX`; ordered as tuples are."""

Interval = tuple[Point, Point]
"""A part of the axis: the first point belongs to it, the second one does not."""

ORIGIN: Point = (0, 0)

OPEN: Point = (MAX, MAX)
"""The end of an interval that never ends."""

LAST: Point = (MAX, MAX - 1)
"""The last point that can be asked for; `OPEN` is asked as this one."""


def number_of(text: str) -> int | None:
    """Return the number from 0 to `MAX` that digits mean; None for anything else."""
    # int() alone would take signs, blanks, underscores and other scripts' digits.
    number = int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None
    return number if number is not None and number <= MAX else None


def is_number(value: object) -> bool:
    """Tell whether a value can be a number of a point."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX


def checked(major: Any, minor: Any) -> Point:
    """Return the point of two numbers that somebody else wrote; ValueError where it is none."""
    if not (is_number(major) and is_number(minor)):
        raise ValueError(f"{major!r}, {minor!r} is no point")
    return major, minor


def before(point: Point) -> Point:
    """Return the point just before one; `point` is not the origin."""
    major, minor = point
    return (major, minor - 1) if minor else (major - 1, MAX)


def after(point: Point) -> Point:
    """Return the point just after one; nothing comes after `LAST` but `OPEN`."""
    major, minor = point
    if point >= LAST:
        return OPEN
    return (major + 1, 0) if minor == MAX else (major, minor + 1)
