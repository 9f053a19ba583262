"""The points of CMS: run and luminosity section, packed into one number or as a pair.

CMS keeps a point of a lumi-based tag as one number of 64 bits, the run in the
upper 32 and the lumi section in the lower ones. Numbers of cdb have 63 bits, so
runs go to 2147483647 here.
"""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cdb.plugin import MAX, OPEN, IovDimension, NotationError, Point

LAST_RUN = 2**31 - 1
LAST_LUMI = 2**32 - 1

Packing = Literal["packed", "pair"]

_SECTION = re.compile(r"(?P<run>[0-9]+)(?::(?P<lumi>[0-9]+|end))?")
_PAIR = re.compile(r"([0-9]+),([0-9]+)")


@dataclass(frozen=True, slots=True)
class LumiOptions:
    """Which numbers stand for a lumi section."""

    packing: Packing = field(
        default="packed",
        metadata={
            "help": "`packed` makes one number of both, `run << 32 | lumi`, with a minor number "
            "of 0; `pair` keeps run and lumi section as major and minor."
        },
    )


class CmsLumi(IovDimension):
    """Run and lumi section, as in `299400:12`.

    An end is inclusive: it names the last lumi section that is still valid. A
    run alone is its beginning, and as an end all of it, as is `299400:end`.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = LumiOptions
    options: LumiOptions
    inclusive_ends = True

    def __init__(self, name: str, options: LumiOptions) -> None:
        super().__init__(name, options)
        self._is_packed = options.packing == "packed"
        if self._is_packed:
            self.components = ("run << 32 | lumi", "none")
            self.ranges = ((0, MAX), (0, 0))
        else:
            self.components = ("run", "lumi")
            self.ranges = ((0, LAST_RUN), (0, LAST_LUMI))

    def parse(self, notation: str) -> Point:
        """Return the point of a lumi section, or of the beginning of a run.

        Raises:
            NotationError: the notation is neither, or a number is too large.

        """
        if pair := _pair(notation):
            return pair
        run, lumi = _section(notation)
        if lumi is None:
            raise NotationError(f"{notation!r} is the end of a run, and no point")
        return self._point(run, lumi)

    def format(self, point: Point) -> str:
        """Return run and lumi section; two numbers where a point stands for none."""
        section = self._section_at(point)
        return _two_numbers(point) if section is None else f"{section[0]}:{section[1]}"

    def parse_end(self, notation: str, start: Point) -> Point:
        """Return the exclusive end that an inclusive one means.

        Raises:
            NotationError: it means none.

        """
        if notation == self.open_end or _pair(notation):
            return super().parse_end(notation, start)
        run, lumi = _section(notation)
        if lumi is None or ":" not in notation or lumi == LAST_LUMI:
            return OPEN if run == LAST_RUN else self._point(run + 1, 0)
        return self._point(run, lumi + 1)

    def format_end(self, end: Point, start: Point) -> str:
        """Return the last lumi section before an end; undoes `parse_end`."""
        if end == OPEN:
            return self.open_end
        section = self._section_at(end)
        if section is None:
            before = Point(end.major, end.minor - 1) if end.minor else Point(end.major - 1, MAX)
            return _two_numbers(before)
        run, lumi = section
        return f"{run}:{lumi - 1}" if lumi else f"{run - 1}:end"

    def normalise(self, start: Point, end: Point | None) -> tuple[Point, Point | None]:
        """Return an interval whose numbers are those of lumi sections.

        An end between two packed numbers, as `(major, 1)`, is the latter one.

        Raises:
            NotationError: the start is not a lumi section.

        """
        start, end = super().normalise(start, end)
        if self._is_packed and end is not None and end.minor:
            end = OPEN if end.major == MAX else Point(end.major + 1, 0)
        return start, end

    def _point(self, run: int, lumi: int) -> Point:
        return Point(run << 32 | lumi, 0) if self._is_packed else Point(run, lumi)

    def _section_at(self, point: Point) -> tuple[int, int] | None:
        if self._is_packed:
            return None if point.minor else (point.major >> 32, point.major & LAST_LUMI)
        fits = point.major <= LAST_RUN and point.minor <= LAST_LUMI
        return (point.major, point.minor) if fits else None


def _section(notation: str) -> tuple[int, int | None]:
    """Return run and lumi section; None for the latter is the end of the run."""
    found = _SECTION.fullmatch(notation)
    if found is None:
        raise NotationError(f"{notation!r} is not written as 'run:lumi', in decimal digits")
    run = _bounded(found["run"], "run", LAST_RUN)
    if found["lumi"] == "end":
        return run, None
    return run, _bounded(found["lumi"] or "0", "lumi", LAST_LUMI)


def _pair(notation: str) -> Point | None:
    found = _PAIR.fullmatch(notation)
    if found is None:
        return None
    return Point(_bounded(found[1], "major", MAX), _bounded(found[2], "minor", MAX))


def _two_numbers(point: Point) -> str:
    return f"{point.major},{point.minor}"


def _bounded(digits: str, name: str, largest: int) -> int:
    # The length comes first: Python refuses to read numbers of thousands of digits.
    if len(digits) > 19 or int(digits) > largest:
        raise NotationError(f"{name} is larger than {largest}")
    return int(digits)
