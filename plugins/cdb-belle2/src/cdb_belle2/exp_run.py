"""Experiment and run, as basf2 writes intervals of validity."""

import re
from typing import ClassVar

from cdb.plugin import MAX, OPEN, IovDimension, NotationError, Point

_LARGEST = 2**31 - 1
"""The largest experiment and run: basf2 reads both into 32 bits, without a check."""

_POINT = re.compile("([0-9]+)[,.]([0-9]+)")
_WHOLE_EXPERIMENT = re.compile("([0-9]+)[,.]-1")
_WITHOUT_EXPERIMENT = re.compile("-1[,.](.*)", re.DOTALL)


class ExpRun(IovDimension):
    """Experiment and run, as in `12,34`; `12.34` is read, too.

    An end is the last run that is still valid: `12,34` is that run, `12,-1` all
    runs of experiment 12, and `-1,-1` is open. With the numbers of a discrete
    service the same ends are (12, 34), (12, 2**63-1) and (2**63-1, 2**63-1),
    which basf2 turns into these.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    components = ("experiment", "run")
    ranges = ((0, _LARGEST), (0, _LARGEST))
    inclusive_ends = True
    open_end = "-1,-1"

    def parse(self, notation: str) -> Point:
        """Return the point that starts a run.

        Raises:
            NotationError: it is not two decimal numbers, 0 … 2**63-1.

        """
        found = _POINT.fullmatch(notation)
        if found is None:
            raise NotationError(f"{notation!r} is not written as 'experiment,run', as in '12,34'")
        return Point(_number(found[1], "experiment"), _number(found[2], "run"))

    def format(self, point: Point) -> str:
        """Return both numbers, with a comma between them."""
        return f"{point.major},{point.minor}"

    def parse_end(self, notation: str, start: Point) -> Point:
        """Return the exclusive end after the last run that a notation names.

        Raises:
            NotationError: it names none, or a run of no experiment, as in `-1,5`.

        """
        if open_within := _WHOLE_EXPERIMENT.fullmatch(notation):
            return super().parse_end(f"{open_within[1]},{MAX}", start)
        if without := _WITHOUT_EXPERIMENT.fullmatch(notation):
            if without[1] == "-1":
                return OPEN
            raise NotationError(
                f"{notation!r} is an end without an experiment but with a run; '-1,-1' is open"
            )
        return super().parse_end(notation, start)

    def format_end(self, end: Point, start: Point) -> str:
        """Return the last run of an interval, or -1 for 'all that come'; undoes `parse_end`."""
        written = super().format_end(end, start)
        return written.removesuffix(str(MAX)) + "-1" if written.endswith(f",{MAX}") else written

    def normalise(self, start: Point, end: Point | None) -> tuple[Point, Point | None]:
        """Return the interval as it is, if basf2 can read its numbers.

        Raises:
            NotationError: an experiment or a run has more than 31 bits, and does
                not stand for 'all'.

        """
        start, end = super().normalise(start, end)
        if end is not None and end != OPEN:
            experiment, run = self._last(end)
            super().normalise(Point(experiment, 0 if run == MAX else run), None)
        return start, end

    @staticmethod
    def _last(end: Point) -> Point:
        """Return the last run before an exclusive end; its number is MAX for 'all'."""
        if end.minor:
            return Point(end.major, end.minor - 1)
        return Point(end.major - 1, MAX)


def _number(digits: str, component: str) -> int:
    # The length comes first: Python refuses to read numbers of thousands of digits.
    if len(digits) > 19 or int(digits) > MAX:
        raise NotationError(f"{component} is larger than {MAX}")
    return int(digits)
