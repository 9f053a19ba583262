"""What a payload list answers along the axis, whatever rows it is kept in."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

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


def joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Yield stretches with those made one that touch and have the same payload.

    Args:
        stretches: in order of start, without overlaps.

    """
    last: Stretch | None = None
    for stretch in stretches:
        if last and last.end == stretch.start and last.content == stretch.content:
            last = last._replace(end=stretch.end)
            continue
        if last:
            yield last
        last = stretch
    if last:
        yield last
