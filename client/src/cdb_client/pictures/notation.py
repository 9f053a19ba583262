"""How the points of a picture are written, as far as this side knows the dimension."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cdb_client.points import MAX, OPEN, Point

SECOND = 10**9
"""Nanoseconds of one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799
_LUMI_BITS = 32


@dataclass(frozen=True, slots=True)
class Notation:
    """What the two numbers of a point are called, and how they are written.

    Attributes:
        components: what the service calls the major and the minor number.
        separator: what stands between them.
        ticks: how many units of the axis make a second, where it is a time.
        packed: whether the major number holds a run and a lumi section.

    """

    components: tuple[str, str] = ("major", "minor")
    separator: str = ","
    ticks: int | None = None
    packed: bool = False

    @property
    def caption(self) -> str:
        """What the axis shows."""
        if self.ticks:
            return "time (UTC)"
        if self.components == ("major", "minor"):
            return "major,minor"
        names = [name for name in self.components if name not in {"major", "none"}]
        return self.separator.join(names)

    def place(self, point: Point) -> Point:
        """Return a point as it is drawn: run and lumi section in two numbers."""
        if not self.packed or point >= (MAX, 0):
            return point
        return point[0] >> _LUMI_BITS, point[0] & (2**_LUMI_BITS - 1)

    def write(self, point: Point, *, minor: bool = True) -> str:
        """Return a point, as `place` gives it, in words.

        Args:
            point: where.
            minor: whether the second number is written where it is 0.

        """
        if point == OPEN:
            return "∞"
        if self.ticks:
            return _time(point[0] or point[1], self.ticks)
        if point[0] == 0 and self.components[0] == "major" and self.components[1] != "minor":
            return str(point[1])
        if point[1] == 0 and not minor:
            return str(point[0])
        return f"{point[0]}{self.separator}{'end' if point[1] == MAX else point[1]}"


def notation_of(components: tuple[str, str] | None) -> Notation:
    """Return how points are written of a dimension that calls its numbers so."""
    match components:
        case None:
            return Notation()
        case ("run << 32 | lumi", _):
            return Notation(("run", "lumi"), ":", packed=True)
        case ("run", "lumi"):
            return Notation(components, ":")
        case ("time", "none"):
            return Notation(components, ticks=SECOND)
        case (_, "timestamp"):
            return Notation(components, ticks=1)
        case _:
            return Notation(components)


def common(dimensions: Iterable[str | None], plugins: Iterable[Mapping[str, Any]]) -> Notation:
    """Return the notation that all types of a picture share, the plain one where they do not.

    Args:
        dimensions: of the types.
        plugins: what the service says of them.

    """
    names = set(dimensions)
    if len(names) != 1:
        return Notation()
    known = {each["name"]: each["components"] for each in plugins if each.get("components")}
    components = known.get(names.pop())
    return notation_of(None if components is None else (str(components[0]), str(components[1])))


def _time(units: int, per_second: int) -> str:
    seconds, rest = divmod(units, per_second)
    if seconds > _LAST_SECOND:
        return str(units)
    moment = _EPOCH + timedelta(seconds=seconds)
    if rest:
        return f"{moment:%Y-%m-%d %H:%M:%S}.{rest:09d}".rstrip("0")
    if moment.second:
        return f"{moment:%Y-%m-%d %H:%M:%S}"
    return f"{moment:%Y-%m-%d %H:%M}" if moment.hour or moment.minute else f"{moment:%Y-%m-%d}"
