"""Two global tags, or one as of two changes: where they answer differently.

Nothing is read of lists that show the same log as of the same state, as a clone
and its source mostly do. Of others, the database finds the rows that the other
side has not; they are read in parts, so that memory stays flat for any length.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from cdb.domain import differences
from cdb.domain.content import Content
from cdb.domain.differences import Difference, Row
from cdb.domain.points import AXIS, Interval, Point
from cdb.services import contents
from cdb.store import compare, iovs, query, views
from cdb.store.pools import Readable
from cdb.store.reads import TagRecord, View
from cdb.store.views import Member

PAGE = 20_000
"""Rows of a payload list that the database compares at a time, at most."""

FIRST_PAGE = 100
"""Rows that it compares at first where one difference is enough."""

_GROWTH = 8

_Part = TypeVar("_Part")


class Side(NamedTuple):
    """A global tag as of a change."""

    tag: TagRecord
    change: int


class TypeDifference(NamedTuple):
    """Where a payload type has two answers, half-open; None where a side has no payload."""

    payload_type: str
    start: Point
    end: Point
    a: Content | None
    b: Content | None


class ListDifference(NamedTuple):
    """A payload type whose lists differ: in an answer, or in that only one side has a list.

    `first` is where the answers differ first, None where a list that the other side
    has not holds nothing either.
    """

    payload_type: str
    list_a: str | None
    list_b: str | None
    first: Point | None


class Pair(NamedTuple):
    """The lists of a payload type on both sides, of which one may be missing."""

    payload_type: str
    a: Member | None
    b: Member | None

    @property
    def views(self) -> tuple[View, View]:
        """What both sides show; as of change 0 every log is empty, as a missing list is."""
        empty = next(View(each.view.series, 0) for each in (self.a, self.b) if each)
        return self.a.view if self.a else empty, self.b.view if self.b else empty


def intervals(
    database: Readable,
    a: Side,
    b: Side,
    window: Interval = AXIS,
    types: Collection[str] | None = None,
    size: int | None = None,
) -> Iterator[TypeDifference]:
    """Return where the answers of two sides differ, by payload type and start.

    Intervals are cut at the window, and otherwise as long as both payloads stay
    the same.

    Args:
        database: read in parts, while the answer is taken.
        a: the one side.
        b: the other.
        window: the part of the axis that is looked at.
        types: the payload types that are looked at; None for all.
        size: as `of_pair` takes it.

    Raises:
        NotFound: neither side has a list of a type.

    """
    return (
        TypeDifference(pair.payload_type, *difference)
        for pair in pairs(database, a, b, types)
        for difference in of_pair(database, pair, window, size)
    )


def at(
    database: Readable,
    a: Side,
    b: Side,
    point: Point,
    types: Collection[str] | None = None,
) -> list[TypeDifference]:
    """Return which payload types have other answers at a point, by one look at each side.

    The interval of a difference is the part around the point in which neither
    side shows another row.

    Raises:
        NotFound: neither side has a list of a type.

    """
    on_a, on_b = (_answers(database, side, point) for side in (a, b))
    names = contents.of_types(on_a.keys() | on_b.keys(), types)
    found = [_at_point(name, on_a.get(name), on_b.get(name)) for name in names]
    return [difference for difference in found if difference.a != difference.b]


def lists(
    database: Readable,
    a: Side,
    b: Side,
    window: Interval = AXIS,
    types: Collection[str] | None = None,
) -> Iterator[ListDifference]:
    """Return the payload types whose lists differ, and where each differs first.

    Takes and raises what `intervals` does.
    """
    compared = ((pair, _first(database, pair, window)) for pair in pairs(database, a, b, types))
    return (
        ListDifference(pair.payload_type, pair.a and pair.a.name, pair.b and pair.b.name, first)
        for pair, first in compared
        if first is not None or None in (pair.a, pair.b)
    )


def _answers(database: Readable, side: Side, point: Point) -> dict[str, query.Member]:
    with database.statement() as reader:
        found = query.members_at(reader, side.tag.name, point, side.change)
    return {member.payload_type: member for member in found.lists} if found else {}


def _at_point(payload_type: str, a: query.Member | None, b: query.Member | None) -> TypeDifference:
    holds = [member.holds for member in (a, b) if member]
    return TypeDifference(
        payload_type,
        max(each.start for each in holds),
        min(each.end for each in holds),
        _content(a),
        _content(b),
    )


def _content(member: query.Member | None) -> Content | None:
    if member is None or member.valid is None:
        return None
    return Content(member.valid.payload_url, member.valid.checksum, member.valid.extra)


def pairs(database: Readable, a: Side, b: Side, types: Collection[str] | None) -> list[Pair]:
    """Return the payload types that one of two sides has, in order of code points.

    Raises:
        NotFound: neither side has a list of a type.

    """
    found = []
    for side in (a, b):
        with database.statement() as reader:
            found.append(
                {each.type: each for each in views.of_tag(reader, side.tag.id, side.change)}
            )
    on_a, on_b = found
    names = contents.of_types(on_a.keys() | on_b.keys(), types)
    return [Pair(name, on_a.get(name), on_b.get(name)) for name in names]


def of_pair(
    database: Readable, pair: Pair, window: Interval, size: int | None = None
) -> Iterator[Difference]:
    """Yield where a payload type has two answers, in order of start.

    Args:
        database: read in parts, as differences are taken.
        pair: the lists of the type.
        window: the part of the axis that is looked at.
        size: how many rows of each list are compared at first; as many as can be where
            all differences are wanted.

    """
    return differences.differences(_rows(database, pair, window, size or PAGE), window)


def apart(
    database: Readable,
    pair: Pair,
    window: Interval,
    paired: Callable[[Iterable[Sequence[int]]], None],
) -> Iterator[Difference]:
    """Yield where a payload type has two answers, cut wherever a row begins or ends.

    Takes what `of_pair` does, and `paired`, which is told instead of the intervals that both lists
    have, with other payloads, as the four numbers of each; these may reach out of the window.
    """

    def rows() -> Iterator[Row]:
        for part in _parts(database, pair, window, PAGE, compare.apart):
            paired(part.paired)
            yield from part.rows

    return differences.pieces(rows(), window)


def _first(database: Readable, pair: Pair, window: Interval) -> Point | None:
    found = differences.pieces(_rows(database, pair, window, FIRST_PAGE), window)
    return next((difference.start for difference in found), None)


def _rows(database: Readable, pair: Pair, window: Interval, size: int) -> Iterator[Row]:
    """Yield the rows that only one side has."""
    return chain.from_iterable(_parts(database, pair, window, size, compare.unlike))


def _parts(
    database: Readable, pair: Pair, window: Interval, size: int, read: Callable[..., _Part]
) -> Iterator[_Part]:
    """Yield what is read of two lists, part by part of the window."""
    if pair.views[0] == pair.views[1]:
        return
    a, b = (
        compare.Side(view, database.read(iovs.reach, view, window.start)) for view in pair.views
    )
    low = window.start
    while low < window.end:
        end = database.read(compare.edge, a, b, window.end, size)
        yield database.read(read, a, b, end)
        a, b, low = a._replace(low=end), b._replace(low=end), end
        size = min(size * _GROWTH, PAGE)
