"""The points of a fixed-target experiment: run and spill."""

import re
from typing import ClassVar

from cdb.plugin import MAX, IovDimension, NotationError, Point

# Every dimension also reads the two numbers with a comma.
_NOTATION = re.compile("([0-9]{1,19})[.,]([0-9]{1,19})")


class RunSpill(IovDimension):
    """Run and spill, as in `1234.7`."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    components = ("run", "spill")

    def parse(self, notation: str) -> Point:
        """Return the point of a run and a spill, each from 0 to 2**63-1.

        Raises:
            NotationError: it is written in another way, or a number is too large.

        """
        found = _NOTATION.fullmatch(notation)
        if found is None:
            raise NotationError(f"{notation!r} is not written as 'run.spill', in decimal digits")
        point = Point(int(found[1]), int(found[2]))
        if max(point) > MAX:
            raise NotationError(f"{notation!r} has a number that is larger than {MAX}")
        return point

    def format(self, point: Point) -> str:
        """Return run and spill."""
        return f"{point.major}.{point.minor}"
