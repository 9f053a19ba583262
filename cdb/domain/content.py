"""What a payload list answers along the axis, whatever rows it is kept in."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, Self, TypeVar

from cdb.domain.points import Point


class Content(NamedTuple):
    """What makes two payloads the same one.

    The size is left out: it follows from the file, and may be known to one
    service and not to another.
    """

    payload_url: str
    checksum: str
    revision: str | None


class Stretch(NamedTuple):
    """A part of the axis that has one answer, half-open."""

    start: Point
    end: Point
    content: Content


class _Joinable(Protocol):
    """A stretch, or a part of the axis with another kind of content."""

    @property
    def start(self) -> Point: ...

    @property
    def end(self) -> Point: ...

    @property
    def content(self) -> object: ...

    def _replace(self, *, end: Point) -> Self: ...


_Part = TypeVar("_Part", bound=_Joinable)


def joined(stretches: Iterable[_Part]) -> Iterator[_Part]:
    """Yield stretches with those made one that touch and have the same content.

    Args:
        stretches: in order of start, without overlaps.

    """
    last: _Part | None = None
    for stretch in stretches:
        if last and last.end == stretch.start and last.content == stretch.content:
            last = last._replace(end=stretch.end)
            continue
        if last:
            yield last
        last = stretch
    if last:
        yield last
