"""What merging payload lists into another one does to it: which intervals enter, and where.

A merge is of layers, as a query of several tags is: for each point the first
layer that has a payload wins.

- `fill`: the list itself is the first layer, the sources come after it in their
  order. So what it answers stays, and its gaps are filled.
- `override`: the sources come first, in their order, and the list after them.
  So sources win where they have a payload; where none has one, the list stays.
- `append`: the sources go on where the list ends, from a point on: the running
  update of Belle II. Nothing before that point changes.

All is worked out for one payload type at a time, from sorted parts of the axis
that do not overlap.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from cdb.domain import series
from cdb.domain.content import Content, Stretch, joined
from cdb.domain.differences import Difference
from cdb.domain.differences import differences as compared
from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval, IovMode, Point
from cdb.domain.series import NewIov, Page, Piece, Plan, Row
from cdb.domain.statuses import WriteMode
from cdb.errors import NotAppendable


class Mode(StrEnum):
    """Who wins where both the list and a source have a payload."""

    FILL = "fill"
    OVERRIDE = "override"
    APPEND = "append"


class Closed(StrEnum):
    """What becomes of appended intervals that end before the next one of their type begins.

    The last one of a type is closed if it has an end at all.
    """

    REFUSE = "refuse"
    ALLOW = "allow"
    FIX = "fix"


class Part(NamedTuple):
    """A part of the axis with its payload, half-open; the size is null where nobody knows it."""

    start: Point
    end: Point
    content: Content
    size: int | None


class Entry(NamedTuple):
    """What a merge does to a payload list.

    Attributes:
        parts: what enters, in order, without overlaps.
        tail: the last interval of the list, from its start to the end that it
            gets first; None where it keeps its end.
        covers: whether what enters may cover what is there, and wins over it;
            else it comes where nothing is.

    """

    parts: Sequence[Part]
    tail: Interval | None = None
    covers: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not self.parts and self.tail is None


# --- layers -----------------------------------------------------------------


def without(
    parts: Iterable[Part], others: Iterable[Part], *, alike: bool = False
) -> Iterator[Part]:
    """Yield parts without what others cover, split where needed.

    Both are read side by side, no further than is needed.

    Args:
        parts: in order, without overlaps.
        others: in order, without overlaps.
        alike: take away only what others cover with the same content.

    """
    ahead = iter(others)
    other = next(ahead, None)
    for part in parts:
        start, end = part.start, part.end
        while other and other.end <= start:
            other = next(ahead, None)
        while other and other.start < end:
            if not alike or other.content == part.content:
                if other.start > start:
                    yield Part(start, other.start, part.content, part.size)
                start = max(start, other.end)
            if other.end > end:  # it may cover the next part, too
                break
            other = next(ahead, None)
        if start == part.start:
            yield part
        elif start < end:
            yield Part(start, end, part.content, part.size)


def layered(layers: Iterable[Iterable[Part]]) -> Iterable[Part]:
    """Return what layers show together: each one only where none before it has a payload."""
    shown: Iterable[Part] = ()
    for number, layer in enumerate(layers):
        if number == 0:  # which is mostly the only one, and need not be held
            shown = layer
        else:
            held = list(shown)
            shown = sorted([*held, *without(layer, held)])
    return shown


def clipped(parts: Iterable[Part], window: Interval) -> Iterator[Part]:
    """Yield parts that overlap a window, cut at its edges."""
    for part in parts:
        if part.start < window.start or part.end > window.end:
            start, end = max(part.start, window.start), min(part.end, window.end)
            yield part._replace(start=start, end=end)
        else:
            yield part


def fill(target: Iterable[Part], sources: Iterable[Iterable[Part]]) -> Entry:
    """Return what fills the gaps of a list."""
    return Entry(list(without(layered(sources), target)))


def override(target: Iterable[Part], sources: Iterable[Iterable[Part]]) -> Entry:
    """Return what wins over a list; what it answers in the same way already stays as it is."""
    return Entry(list(without(layered(sources), target, alike=True)), covers=True)


def changes_answers(target: Sequence[Part], entry: Entry) -> Interval | None:
    """Return the first part of the axis that has an answer, and gets another one."""
    free = list(without(entry.parts, target))
    covered = next(without(entry.parts, free), None)
    return covered and Interval(covered.start, covered.end)


# --- the running update -----------------------------------------------------


def staged(source: Iterable[Part], begin: Point) -> Iterator[Part]:
    """Yield a source as it is appended: what starts at (0, 0) starts where the update does.

    Raises:
        NotAppendable: something else starts before that, or nothing is left of it.

    """
    for part in source:
        if part.start == ORIGIN and part.end > begin:
            yield part._replace(start=begin)
        elif part.start >= begin:
            yield part
        else:
            what = "is over before" if part.start == ORIGIN else "begins before"
            raise NotAppendable(
                f"the source has {Interval(part.start, part.end)}, which {what} {begin}, "
                f"where the update begins; only (0, 0) means that point."
            )


def succession(parts: Iterable[Part], closed: Closed) -> list[Part]:
    """Return parts as they follow each other, those with the same content joined.

    Args:
        parts: what is appended.
        closed: what becomes of those that end before the next one begins.

    Raises:
        NotAppendable: one does, and is refused.

    """
    return list(joined(_ended(list(parts), closed)))


def _ended(parts: Sequence[Part], closed: Closed) -> Iterator[Part]:
    following = chain((part.start for part in parts[1:]), [OPEN])
    for part, end in zip(parts, following, strict=False):  # no part has no last one
        if part.end == end or closed is Closed.ALLOW:
            yield part
        elif closed is Closed.FIX:
            yield part._replace(end=end)
        else:
            what = "no other one follows" if end == OPEN else f"the next one begins at {end}"
            raise NotAppendable(
                f"{Interval(part.start, part.end)} is closed: {what}. "
                f"closed=allow takes it as it is, closed=fix opens it."
            )


def tail(shown: Iterable[Part], begin: Point) -> Part | None:
    """Return the last interval of a list that an update goes on after, None if it is empty.

    Args:
        shown: what the list shows, from the interval before the update on.
        begin: where the update begins.

    Raises:
        NotAppendable: something begins there or later, or goes on there with an
            end: it was decided on already. An open end was not.

    """
    last = None
    for part in shown:
        if part.start >= begin or begin < part.end < OPEN:
            raise NotAppendable(
                f"the tag has {Interval(part.start, part.end)}, which is not over at {begin}, "
                f"where the update begins."
            )
        last = part
    return last


def append(last: Part | None, parts: Sequence[Part], begin: Point, *, full: bool) -> Entry:
    """Return what goes on after the last interval of a list.

    An open one ends where the first new one begins. One that the first new one
    continues with the same content becomes longer instead.

    Args:
        last: what `tail` found.
        parts: what is appended, as `succession` returns it.
        begin: where the update begins.
        full: whether an open interval ends there, too, if nothing is appended.

    """
    if last is None:
        return Entry(parts)
    end = last.end
    if parts and parts[0].content == last.content and parts[0].start <= last.end:
        end, parts = parts[0].end, parts[1:]
    elif last.end == OPEN and parts:
        end = parts[0].start
    elif last.end == OPEN and full:
        end = begin
    return Entry(parts, None if end == last.end else Interval(last.start, end))


def unanswered(last: Part | None, entry: Entry) -> Point | None:
    """Return the first point that an open interval answered, and nothing answers any more."""
    if last is None or last.end < OPEN or entry.tail is None:
        return None
    place = entry.tail.end
    for part in entry.parts:
        if part.start > place:
            return place
        place = part.end
    return None if place == OPEN else place


# --- what is done -----------------------------------------------------------


def plan(entry: Entry, page: Page, iov_mode: IovMode) -> Plan:
    """Return which rows a merge retires and adds; `Piece.new` counts in the parts that enter.

    What enters is declared to end where it ends. The last interval keeps what it
    was declared to, where what follows begins at its end: to delete that gives
    the time back, as after an online update.

    Args:
        entry: what is done.
        page: reads the series as it is before.
        iov_mode: of the service.

    """
    if entry.covers:
        batch = [NewIov(part.start, part.end) for part in entry.parts]
        return series.attach(batch, page, WriteMode.OPEN, iov_mode)
    entered = [
        Piece(part.start, part.end, part.end, new=number)
        for number, part in enumerate(entry.parts)
    ]
    if entry.tail is None:
        return Plan(added=entered)
    start, end = entry.tail
    [row] = page(start, 1)
    is_followed = bool(entry.parts) and entry.parts[0].start == end
    declared = max(row.declared, end) if is_followed else end
    return Plan({row.id}, [Piece(start, end, declared, row=row.id), *entered])


def page_of(parts: Sequence[Part]) -> Page:
    """Return what reads parts as the rows of a series, each with its index as its id."""
    starts = [part.start for part in parts]

    def page(point: Point, limit: int) -> Sequence[Row]:
        first = max(bisect_right(starts, point) - 1, 0)
        some = parts[first : first + limit]
        return [Row(i, part.start, part.end, part.end) for i, part in enumerate(some, first)]

    return page


def differences(target: Sequence[Part], entry: Entry) -> Iterator[Difference]:
    """Yield where a list answers otherwise after a merge: `a` is before it, `b` after it."""
    after = target
    if entry.tail:
        after = [
            part._replace(end=entry.tail.end) if part is target[-1] else part for part in target
        ]
    rows = chain(
        ((0, Stretch(*part[:3])) for part in target),
        ((1, Stretch(*part[:3])) for part in layered([entry.parts, after])),
    )
    return compared(sorted(rows, key=lambda row: row[1].start), AXIS)
