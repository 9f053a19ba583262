"""Notations of points: those that every service has are read here, without asking it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cdb_client.errors import NotationError
from cdb_client.points import MAX, Point

Components = tuple[str, str]
"""What a dimension calls the major and the minor number of a point, as in ('run', 'lumi')."""

BUILT_IN: Mapping[str, Components] = {
    "major-minor": ("major", "minor"),
    "run-lumi": ("run", "lumi"),
    "utc-time": ("time", "none"),
}
"""The dimensions that every service has."""

_SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = "2262-04-11T23:47:16.854775807Z"
_PAIR = re.compile("([0-9]+),([0-9]+)")
_TIME = re.compile(
    r"""(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})
    (?:T(?P<clock>[0-9]{2}:[0-9]{2}(?P<second>:[0-9]{2})?)
       (?:\.(?P<fraction>[0-9]{1,9}))?
       (?P<zone>Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))?""",
    re.VERBOSE,
)


def point_of(dimension: str, notation: str) -> Point | None:
    """Return the point that a notation means; None where only the service can tell.

    Every dimension reads `major,minor`.

    Raises:
        NotationError: the dimension is known here, and the notation means no point.

    """
    if pair := _PAIR.fullmatch(notation):
        return _number(pair[1], "major"), _number(pair[2], "minor")
    read = _READERS.get(dimension)
    return read(notation) if read else None


def point_of_time(time: datetime) -> Point:
    """Return the point of a time in the dimension `utc-time`: nanoseconds since 1970, and 0.

    Raises:
        NotationError: it has no time zone, or lies before 1970 or after 2262.

    """
    if time.tzinfo is None:
        raise NotationError(f"{time} has no time zone, so it could be any of 24 hours.")
    microseconds = (time - _EPOCH) // timedelta(microseconds=1)
    return _moment(1000 * microseconds, str(time))


def _two_numbers(separator: str, components: Components) -> Callable[[str], Point]:
    def read(notation: str) -> Point:
        major, found, minor = notation.partition(separator)
        numbers = [major, minor] if found else [major]
        if not all(each.isascii() and each.isdigit() for each in numbers):
            form = separator.join(components)
            raise NotationError(f"{notation!r} is not written as {form!r}, in decimal digits.")
        return (
            _number(major, components[0]),
            _number(minor, components[1]) if found else 0,
        )

    return read


def _time(notation: str) -> Point:
    found = _TIME.fullmatch(notation)
    if found is None or (found["fraction"] and not found["second"]):
        raise NotationError(
            f"{notation!r} is not a time, as in '2017-06-01', '2017-06-01T12:30Z' or "
            "'2017-06-01T12:30:00.5+02:00'."
        )
    if found["second"] == ":60":
        raise NotationError(f"{notation!r} is a leap second, which has no number of its own.")
    # Without a time of day it is the date's midnight in UTC.
    clock = f"T{found['clock']}{found['zone']}" if found["clock"] else "T00:00:00+00:00"
    try:
        since = datetime.fromisoformat(found["date"] + clock) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise NotationError(f"{notation!r} is not a time: {error}.") from None
    # datetime keeps microseconds only; the rest is added as it was written.
    fraction = int((found["fraction"] or "").ljust(9, "0"))
    return _moment(since // timedelta(seconds=1) * _SECOND + fraction, notation)


def _moment(nanoseconds: int, written: str) -> Point:
    if not 0 <= nanoseconds <= MAX:
        raise NotationError(f"{written!r} is not between 1970-01-01T00:00:00Z and {_LATEST}.")
    return nanoseconds, 0


def _number(digits: str, name: str) -> int:
    # The length comes first: Python refuses to read numbers of thousands of digits.
    if len(digits) > 19 or int(digits) > MAX:
        raise NotationError(f"{name} is larger than {MAX}.")
    return int(digits)


_READERS: Mapping[str, Callable[[str], Point]] = {
    "major-minor": _two_numbers(",", BUILT_IN["major-minor"]),
    "run-lumi": _two_numbers(":", BUILT_IN["run-lumi"]),
    "utc-time": _time,
}
