"""Points of the axis on which payloads are valid."""

import re

MAX = 2**63 - 1
"""The largest number of a point; an interval that ends at it, twice, is open."""

Point = tuple[int, int]
"""A place on the axis, (major, minor), each from 0 to `MAX`; ordered as tuples are."""

OPEN: Point = (MAX, MAX)
"""The end of an interval that never ends."""


def number_of(text: str) -> int | None:
    """Return the number from 0 to `MAX` that digits mean; None for anything else."""
    # int() alone would take signs, blanks, underscores and other scripts' digits.
    number = int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None
    return number if number is not None and number <= MAX else None
