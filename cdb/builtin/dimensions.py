"""Notations of points: two numbers, run and luminosity section, and time."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

from cdb.plugin import MAX, IovDimension, NotationError, Point

_NUMBER = re.compile("[0-9]{1,19}")
_PAIR = re.compile("([0-9]+),([0-9]+)")


@dataclass(frozen=True, slots=True)
class EndOptions:
    """What the notation of an end means."""

    ends: Literal["exclusive", "inclusive"] = field(
        default="exclusive",
        metadata={
            "help": "Whether the written end of an interval is the first point after it, or "
            "the last one in it."
        },
    )


class _TwoNumbers(IovDimension):
    """Two decimal numbers with a separator; the major number alone is its first point.

    In an end, the word `end` in place of the minor number is the largest one
    that there is: `299400:end` is an interval that is open within run 299400. An
    inclusive end of a major number alone means all of that, too.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = EndOptions
    options: EndOptions
    separator: ClassVar[str]
    last_minor: ClassVar[str] = "end"

    def __init__(self, name: str, options: EndOptions) -> None:
        super().__init__(name, options)
        self.inclusive_ends = options.ends == "inclusive"

    def parse(self, notation: str) -> Point:
        """Return the point of a notation.

        Raises:
            NotationError: it is not one or two decimal numbers, 0 … 2**63-1.

        """
        if pair := _pair(notation):
            return pair
        major, separator, minor = notation.partition(self.separator)
        if not separator:
            return Point(self._number(notation, major, self.components[0]), 0)
        return Point(
            self._number(notation, major, self.components[0]),
            self._number(notation, minor, self.components[1]),
        )

    def format(self, point: Point) -> str:
        """Return both numbers."""
        return f"{point.major}{self.separator}{point.minor}"

    def parse_end(self, notation: str, start: Point) -> Point:
        """Return the exclusive end that a notation means.

        Raises:
            NotationError: it means none.

        """
        whole_major = notation.removesuffix(f"{self.separator}{self.last_minor}")
        is_whole = whole_major != notation
        if is_whole or (self.inclusive_ends and _NUMBER.fullmatch(notation)):
            major = self._number(notation, whole_major, self.components[0])
            return super().parse_end(f"{major},{MAX}", start)
        return super().parse_end(notation, start)

    def format_end(self, end: Point, start: Point) -> str:
        """Return the notation of an exclusive end; undoes `parse_end`."""
        written = super().format_end(end, start)
        major, separator, minor = written.partition(self.separator)
        return f"{major}{separator}{self.last_minor}" if minor == str(MAX) else written

    def _number(self, notation: str, digits: str, component: str) -> int:
        if not digits.isascii() or not digits.isdigit():
            form = self.separator.join(self.components)
            raise NotationError(f"{notation!r} is not written as {form!r}, in decimal digits")
        return _bounded(digits, component)


class MajorMinor(_TwoNumbers):
    """The two numbers as they are, as in `12,3`."""

    components = ("major", "minor")
    separator = ","


class RunLumi(_TwoNumbers):
    """Run and luminosity section, as in `299400:12`."""

    components = ("run", "lumi")
    separator = ":"


# --- time -------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 10**9
_FORM = "as in '2017-06-01', '2017-06-01T12:30Z' or '2017-06-01T12:30:00.5+02:00'"
_LATEST = "2262-04-11T23:47:16.854775807Z"
_TIME = re.compile(
    r"""(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})
    (?:T(?P<clock>[0-9]{2}:[0-9]{2}(?P<second>:[0-9]{2})?)
       (?:\.(?P<fraction>[0-9]{1,9}))?
       (?P<zone>Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))?""",
    re.VERBOSE,
)


class UtcTime(IovDimension):
    """Nanoseconds since 1970-01-01T00:00:00Z, written as in ISO 8601.

    The time is the major number; the minor one is always 0. A date alone is its
    midnight in UTC; a time of day needs `Z` or an offset. Exact to the
    nanosecond, from 1970 to 2262-04-11T23:47:16.854775807Z. Leap seconds are not
    counted, as in Unix time, and cannot be written.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    components = ("time", "none")
    ranges = ((0, MAX), (0, 0))

    def parse(self, notation: str) -> Point:
        """Return the point of a time.

        Raises:
            NotationError: it is not a time, or too early or late for 64 bits.

        """
        if pair := _pair(notation):
            return pair
        found = _TIME.fullmatch(notation)
        if found is None or (found["fraction"] and not found["second"]):
            raise NotationError(f"{notation!r} is not a time, {_FORM}")
        if found["second"] == ":60":
            raise NotationError(f"{notation!r} is a leap second, which has no number of its own")
        try:
            since = datetime.fromisoformat(_without_fraction(found)) - _EPOCH
        except (ValueError, OverflowError) as error:
            raise NotationError(f"{notation!r} is not a time: {error}") from error
        seconds = since // timedelta(seconds=1)
        nanoseconds = seconds * _SECOND + int((found["fraction"] or "").ljust(9, "0"))
        if not 0 <= nanoseconds <= MAX:
            raise NotationError(f"{notation!r} is not between 1970-01-01T00:00:00Z and {_LATEST}")
        return Point(nanoseconds, 0)

    def format(self, point: Point) -> str:
        """Return the time in UTC, with as many decimals as it needs."""
        if point.minor:
            return f"{point.major},{point.minor}"
        seconds, nanoseconds = divmod(point.major, _SECOND)
        written = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
        return f"{written}{fraction}Z"


def _without_fraction(found: re.Match[str]) -> str:
    if found["clock"] is None:
        return f"{found['date']}T00:00:00+00:00"
    return f"{found['date']}T{found['clock']}{found['zone']}"


# --- what all have ----------------------------------------------------------


def _pair(notation: str) -> Point | None:
    """Return the point of `major,minor`, which every dimension reads; None for anything else."""
    found = _PAIR.fullmatch(notation)
    if found is None:
        return None
    return Point(_bounded(found[1], "major"), _bounded(found[2], "minor"))


def _bounded(digits: str, component: str) -> int:
    # The length comes first: Python refuses to read numbers of thousands of digits.
    if len(digits) > 19 or int(digits) > MAX:
        raise NotationError(f"{component} is larger than {MAX}")
    return int(digits)
