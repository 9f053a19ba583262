"""Where two payload lists answer differently."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from cdb.domain.content import Content, Stretch, joined
from cdb.domain.points import Interval, Point


class Difference(NamedTuple):
    """A part of the axis with two answers, half-open; None where a list has no payload."""

    start: Point
    end: Point
    a: Content | None
    b: Content | None

    @property
    def content(self) -> tuple[Content | None, Content | None]:
        """Return both answers."""
        return self.a, self.b


Row = tuple[int, Stretch]
"""What a list answers, and which of the two lists it is: 0 or 1."""


def differences(rows: Iterable[Row], window: Interval) -> Iterator[Difference]:
    """Yield where the answers of two lists differ, each interval as long as can be.

    Rows that both lists have alike may be left out of both: where such a row
    is, no other row of either list can be, since the rows of a list do not
    overlap; so what is left shows no payload there on either side, which is no
    difference.

    Args:
        rows: of both lists, in order of start; those of one list do not overlap.
        window: the part of the axis that is looked at.

    """
    return joined(pieces(rows, window))


def pieces(rows: Iterable[Row], window: Interval) -> Iterator[Difference]:
    """Yield the differences as they are found, cut wherever a row begins or ends.

    Takes what `differences` does, and no more rows than what is yielded needs.
    """
    place = window.start
    reached: list[Stretch | None] = [None, None]
    rows_and_end: Iterable[tuple[int, Stretch | None]] = chain(rows, [(0, None)])
    for side, row in rows_and_end:
        limit = window.end if row is None else min(row.start, window.end)
        while place < limit:
            holding = [each if each and each.end > place else None for each in reached]
            end = min([limit, *(each.end for each in holding if each)])
            a, b = (each.content if each else None for each in holding)
            if a != b:
                yield Difference(place, end, a, b)
            place = end
        reached[side] = row
