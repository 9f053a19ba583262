"""Two global tags, or one as of two changes, in one picture: what each holds, and what differs."""

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple, TypeAlias

from cdb.domain.differences import Difference
from cdb.domain.points import Interval
from cdb.domain.timeline import Cover, Grid, position
from cdb.services import diff, timeline
from cdb.services.diff import Pair, Side
from cdb.services.remembered import Remembered
from cdb.services.rules import Rules
from cdb.services.timeline import Lane, Look, Picture, Wanted, written
from cdb.store import stretches
from cdb.store import timeline as stored
from cdb.store.engine import Database
from cdb.store.stretches import State

REMEMBERED_MB = 16
"""What all that is remembered weighs at most."""

KINDS = ("added", "removed", "changed")
"""What a difference is: a payload of `b` only, of `a` only, or another one on both sides."""

_ADDED, _REMOVED, _CHANGED = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """A part of the axis with two answers, in points written `major,minor`; None for no answer."""

    start: str
    end: str
    a: dict[str, str | None] | None
    b: dict[str, str | None] | None


@dataclass(frozen=True, slots=True)
class TwoLanes:
    """What both sides show of a payload type in the window, and where they differ.

    Attributes:
        payload_type: its name.
        a: the lane of the one side; None where that has no list of the type.
        b: the lane of the other side.
        intervals: the differences in order, cut at the window, each as long as both
            payloads stay the same; None where they are many.
        added: where they are many, how much of each bucket only `b` has a payload for,
            per mille: 0 only where that is so nowhere, 1000 only where everywhere.
        removed: the same for what only `a` has a payload for.
        changed: the same for what has two different payloads.

    """

    payload_type: str
    a: Lane | None
    b: Lane | None
    intervals: list[ShownDifference] | None = None
    added: list[int] | None = None
    removed: list[int] | None = None
    changed: list[int] | None = None


@dataclass(frozen=True, slots=True)
class DiffTimeline:
    """A picture of two sides.

    Attributes:
        change_a: as of which the one side is.
        change_b: as of which the other one is.
        edges: where the buckets of all lanes begin, written `major,minor`, and the end
            of the last one.
        types: how many payload types there are to be shown.
        lanes: those that were asked for, by payload type in order of code points.

    """

    change_a: int
    change_b: int
    edges: list[str]
    types: int
    lanes: list[TwoLanes]


_Parts: TypeAlias = "tuple[array[int], ...]"  # subscripted from Python 3.12 on


class _Key(NamedTuple):
    """What the buckets of a difference follow from, and that there are buckets."""

    a: State
    b: State
    grid: Grid
    window: Interval
    share: int


_remembered: Remembered[_Key, _Parts] = Remembered(REMEMBERED_MB * 10**6)


def of_two(
    database: Database,
    rules: Rules,
    a: Side,
    b: Side,
    wanted: Wanted,
    types: Collection[str] | None = None,
) -> DiffTimeline:
    """Return the picture of two sides.

    Args:
        database: read in parts, of which some are read at once.
        rules: of the service; they say what is open within its major.
        a: the one side.
        b: the other.
        wanted: what is looked at; a lane is a payload type with both its lists.
        types: the payload types that are looked at; None for all.

    Raises:
        Invalid: there cannot be so many buckets, or so few.
        NotFound: neither side has a list of a type.

    """
    pairs = diff.pairs(database, a, b, types)
    shown = pairs[wanted.offset : wanted.offset + wanted.limit]
    look_a, look_b = (
        Look(database, stored.Lists("global_tag", side.tag.id), side.change) for side in (a, b)
    )
    picture = timeline.framed(database, rules, [look_a, look_b], wanted, 2 * len(shown))
    lanes_a = _by_type(picture.lanes(look_a, [pair.a for pair in shown if pair.a]))
    lanes_b = _by_type(picture.lanes(look_b, [pair.b for pair in shown if pair.b]))
    with database.statement() as reader:
        states = stretches.states(reader, chain.from_iterable(pair.views for pair in shown))

    def compared(pair: Pair) -> TwoLanes:
        name = pair.payload_type
        state_a, state_b = (states[view] for view in pair.views)
        key = _Key(state_a, state_b, picture.grid, picture.window, picture.share)
        return _lanes(picture, pair, key, lanes_a.get(name), lanes_b.get(name))

    found = list(timeline.workers.map(compared, shown))
    return DiffTimeline(a.change, b.change, picture.written, len(pairs), found)


def _by_type(lanes: Iterable[Lane]) -> dict[str, Lane]:
    return {lane.payload_type: lane for lane in lanes}


def _lanes(picture: Picture, pair: Pair, key: _Key, a: Lane | None, b: Lane | None) -> TwoLanes:
    parts = _remembered.get(key)
    if parts is None:
        found = diff.of_pair(picture.database, pair, picture.window, diff.FIRST_PAGE)
        first = list(islice(found, picture.share + 1))
        if len(first) <= picture.share:
            return TwoLanes(pair.payload_type, a, b, [_shown(each) for each in first])
        parts = _parts(picture, pair, a, b)
        _remembered.keep(key, parts, _weight(parts))
    added, removed, changed = (part.tolist() for part in parts)
    return TwoLanes(pair.payload_type, a, b, None, added, removed, changed)


def _parts(picture: Picture, pair: Pair, a: Lane | None, b: Lane | None) -> _Parts:
    """Return how much of each bucket differs, by kind, per mille.

    Where one side has nothing, that is what the other one covers, as its lane tells it.
    """
    nothing = [0] * (len(picture.points) - 1)
    if not (a and a.iovs) and b and b.covered:
        return _packed(b.covered, nothing, nothing)
    if not (b and b.iovs) and a and a.covered:
        return _packed(nothing, a.covered, nothing)
    covers = [Cover(picture.ruler.points) for _ in KINDS]

    def paired(intervals: Iterable[Sequence[int]]) -> None:
        for major, minor, end_major, end_minor in intervals:
            covers[_CHANGED].add(position((major, minor)), position((end_major, end_minor)))

    for each in diff.apart(picture.database, pair, picture.window, paired):
        covers[_kind(each)].add(position(each.start), position(each.end))
    return _packed(*(cover.per_mille() for cover in covers))


def _packed(*parts: list[int]) -> _Parts:
    return tuple(array("H", part) for part in parts)


def _kind(difference: Difference) -> int:
    if difference.a is None:
        return _ADDED
    return _REMOVED if difference.b is None else _CHANGED


def _shown(each: Difference) -> ShownDifference:
    a, b = (content and content._asdict() for content in each.content)
    return ShownDifference(written(each.start), written(each.end), a, b)


def _weight(parts: _Parts) -> int:
    """Return the bytes that they take, and somewhat more for their key."""
    return 1000 + sum(part.itemsize * len(part) for part in parts)
