"""A picture of a global tag, a lane for each payload list, or of one; buckets where it is much.

To look at every interval of a large tag takes seconds. What a log showed as of
a change never changes, so what was worked out of it is remembered; a second
look, or one after a write, costs what has changed.
"""

from array import array
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from cdb.domain import timeline
from cdb.domain.points import MAX, OPEN, ORIGIN, Interval, Point
from cdb.domain.timeline import FEWEST_BUCKETS, MOST_BUCKETS, Grid, Ruler
from cdb.errors import Invalid
from cdb.services.remembered import Remembered
from cdb.services.rules import Rules
from cdb.store import iovs, stretches, views
from cdb.store import timeline as stored
from cdb.store.engine import Database
from cdb.store.reads import ListRecord, TagRecord
from cdb.store.stretches import State
from cdb.store.views import Member

WORKERS = 4
"""Lanes that are read at a time, for all pictures together: each takes a connection."""

REMEMBERED_MB = 64
"""What all that is remembered weighs at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a tag or a list is looked at, and how closely.

    Attributes:
        window: the part of the axis; None for what the data fill.
        buckets: how many at most, FEWEST_BUCKETS … MOST_BUCKETS.
        offset: lanes to leave out before the first.
        limit: lanes at most.
        intervals: how many are shown at most instead of buckets, in all lanes; a
            lane that holds more than its share of them has buckets.

    """

    window: Interval | None = None
    buckets: int = 600
    offset: int = 0
    limit: int = 200
    intervals: int = 5_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A payload IOV. Points are written `major,minor`; the end does not belong to it."""

    start: str
    end: str
    payload_url: str
    checksum: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class Lane:
    """What a payload list shows in the window: either its intervals, or numbers by buckets.

    Attributes:
        payload_type: the name of its type.
        payload_list: its name.
        iovs: how many overlap the window.
        start: where the first of these starts, which may be before the window; None
            where there is none.
        end: where the last one ends, which may be after the window.
        counts: how many start in each bucket; those that reach into the window
            from before count in the first one. They add up to `iovs`.
        payloads: how many different payloads these have.
        covered: how much of each bucket has a payload, per mille: 0 only where
            nothing has, 1000 only where all has. Where buckets are whole majors, it is the
            part of these in which anything is valid.
        intervals: all that overlap the window, whole, in order.

    """

    payload_type: str
    payload_list: str
    iovs: int
    start: str | None = None
    end: str | None = None
    counts: list[int] | None = None
    payloads: list[int] | None = None
    covered: list[int] | None = None
    intervals: list[Shown] | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A picture of a global tag or of a payload list as of a change.

    Attributes:
        change: as of which it is.
        edges: where the buckets begin, written `major,minor`, and the end of the last
            one; the first and the last one are those of the window.
        lists: how many payload lists there are to be shown.
        lanes: those that were asked for, by payload type in order of code points.

    """

    change: int
    edges: list[str]
    lists: int
    lanes: list[Lane]


class _Task(NamedTuple):
    """A lane to draw: its list, the state of its log, and its first and last interval.

    These overlap the window; None where no interval does.
    """

    member: Member
    state: State
    ends: tuple[Interval, Interval] | None


class _Key(NamedTuple):
    """What the buckets of a lane follow from."""

    state: State
    grid: Grid
    window: Interval


_Numbers: TypeAlias = "array[int]"  # subscripted from Python 3.12 on


class _Buckets(NamedTuple):
    """What `Lane` has by buckets, in little memory."""

    iovs: int
    counts: _Numbers
    payloads: _Numbers
    covered: _Numbers

    @property
    def weight(self) -> int:
        """Return the bytes it takes, and somewhat more for its key."""
        columns = (self.counts, self.payloads, self.covered)
        return 1000 + sum(column.itemsize * len(column) for column in columns)


_remembered: Remembered[_Key, _Buckets] = Remembered(REMEMBERED_MB * 10**6)
workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="timeline")


def of_tag(
    database: Database, rules: Rules, record: TagRecord, change: int, wanted: Wanted
) -> Timeline:
    """Return a picture of a global tag as of a change.

    Args:
        database: read in parts, of which some are read at once.
        rules: of the service; they say what is open within its major.
        record: of the tag, as of that change.
        change: as of when.
        wanted: what is looked at.

    Raises:
        Invalid: there cannot be so many buckets, or so few.

    """
    with database.statement() as reader:
        members = sorted(views.of_tag(reader, record.id, change), key=lambda each: each.type)
    look = Look(database, stored.Lists("global_tag", record.id), change)
    return _timeline(database, rules, look, members, wanted)


def of_list(
    database: Database, rules: Rules, record: ListRecord, change: int, wanted: Wanted
) -> Timeline:
    """Return a picture of a payload list as of a change: one lane, whether it is in a tag or not.

    Raises:
        Invalid: there cannot be so many buckets, or so few.

    """
    with database.statement() as reader:
        members = views.of_list(reader, record.id, change)
    look = Look(database, stored.Lists("payload_list", record.id), change)
    return _timeline(database, rules, look, members, wanted)


def _timeline(
    database: Database, rules: Rules, look: "Look", members: Sequence[Member], wanted: Wanted
) -> Timeline:
    shown = members[wanted.offset : wanted.offset + wanted.limit]
    picture = framed(database, rules, [look], wanted, len(shown))
    return Timeline(look.change, picture.written, len(members), picture.lanes(look, shown))


def framed(
    database: Database, rules: Rules, looks: Sequence["Look"], wanted: Wanted, lanes: int
) -> "Picture":
    """Return the picture that so many lanes are drawn in, with one window for all of them.

    Args:
        database: read in parts.
        rules: of the service; they say what is open within its major.
        looks: at the lists that it is of; without a window, what all of these fill.
        wanted: what is looked at.
        lanes: how many share the intervals that are shown.

    Raises:
        Invalid: there cannot be so many buckets, or so few.

    """
    if not FEWEST_BUCKETS <= wanted.buckets <= MOST_BUCKETS:
        raise Invalid.field("buckets", f"{FEWEST_BUCKETS} to {MOST_BUCKETS} can be asked for.")
    window = wanted.window or timeline.extent(
        chain.from_iterable(look.firsts() for look in looks),
        chain.from_iterable(look.lasts() for look in looks),
        rules.iov_mode,
    )
    scale = 0
    if timeline.wants_scale(window, wanted.buckets):
        scale = max(look.scale(window) for look in looks)
    grid = timeline.grid(window, wanted.buckets, scale)
    edges = grid.edges(window)
    share = wanted.intervals // max(lanes, 1)
    return Picture(database, window, grid, edges, Ruler.of(edges, grid), share)


class Look:
    """Where some lists begin and end as of a change."""

    def __init__(self, database: Database, lists: stored.Lists, change: int) -> None:
        self.change = change
        self._database = database
        self._lists = lists

    def firsts(self) -> Collection[Interval]:
        """Return the first interval of each list."""
        return self._first_from(ORIGIN).values()

    def lasts(self) -> Collection[Interval]:
        """Return the last interval of each list."""
        return self._last_before(OPEN).values()

    def scale(self, window: Interval) -> int:
        """Return how far into their majors the data reach, as some majors show."""
        reached = (
            timeline.reached(major, last)
            for major in timeline.sampled(window)
            for last in self._last_before(Point(major, MAX)).values()
        )
        return max(reached, default=0)

    def ends(self, window: Interval) -> dict[int, tuple[Interval, Interval]]:
        """Return the first and the last interval of lists that overlap a window, by series."""
        before, lasts = self._last_before(window.start), self._last_before(window.end)
        firsts = self._first_from(window.start)
        firsts |= {series: each for series, each in before.items() if each.end > window.start}
        return {
            series: (first, lasts[series])
            for series, first in firsts.items()
            if first.start < window.end
        }

    def _first_from(self, point: Point) -> dict[int, Interval]:
        with self._database.statement() as reader:
            return stored.first_from(reader, self._lists, self.change, point)

    def _last_before(self, point: Point) -> dict[int, Interval]:
        with self._database.statement() as reader:
            return stored.last_before(reader, self._lists, self.change, point)


@dataclass(frozen=True, slots=True)
class Picture:
    """What all lanes of a picture have in common.

    Attributes:
        database: where they are read.
        window: the part of the axis.
        grid: how it is cut.
        points: the edges of the buckets.
        ruler: the same as numbers.
        share: how many intervals a lane shows at most instead of buckets.

    """

    database: Database
    window: Interval
    grid: Grid
    points: list[Point]
    ruler: Ruler
    share: int

    @property
    def written(self) -> list[str]:
        """The edges, written `major,minor`."""
        return [*map(written, self.points)]

    def lanes(self, look: Look, members: Sequence[Member]) -> list[Lane]:
        """Return the lanes of some lists, of which a look is."""
        with self.database.statement() as reader:
            states = stretches.states(reader, (member.view for member in members))
        ends = look.ends(self.window)
        tasks = [_Task(each, states[each.view], ends.get(each.view.series)) for each in members]
        return list(workers.map(self._lane, tasks))

    def _lane(self, task: _Task) -> Lane:
        """Return a lane: intervals where it has no more than its share of them, else buckets."""
        made = partial(Lane, task.member.type, task.member.name)
        if task.ends is None:
            return made(0, intervals=[])
        first, last = task.ends
        made = partial(made, start=written(first.start), end=written(last.end))
        # Nothing starts after the cell of the last interval. So what is counted up to there is
        # the same for all windows that begin alike, as those do that follow the data.
        end = self.grid.start(self.grid.index(max(last.start, self.window.start)) + 1)
        key = _Key(task.state, self.grid, Interval(self.window.start, min(end, self.window.end)))
        known = _remembered.get(key)
        if known is None or known.iovs <= self.share:
            intervals = self._intervals(task.state)
            if intervals is not None:
                return made(len(intervals), intervals=intervals)
        if known is None:
            known = self._count(key, first, last)
            _remembered.keep(key, known, known.weight)
        rest = self.ruler.after(len(known.counts))
        nothing = [0] * (len(rest.points) - 1)
        return made(
            known.iovs,
            counts=known.counts.tolist() + nothing,
            payloads=known.payloads.tolist() + nothing,
            covered=known.covered.tolist() + timeline.covered_by(rest, last),
        )

    def _intervals(self, state: State) -> list[Shown] | None:
        """Return the intervals of a list, None where they are more than its share."""
        with self.database.statement() as reader:
            rows = iovs.page_at(reader, state.view, None, self.share + 1, self.window)
        return None if len(rows) > self.share else [_shown(row) for row in rows]

    def _count(self, key: _Key, first: Interval, last: Interval) -> _Buckets:
        """Return the buckets of a list from its first to its last interval."""
        with self.database.statement() as reader:
            sums = stored.sums(reader, key.state.view, key.grid, key.window, first.start)
        cells = key.grid.cells(key.window)
        ruler = self.ruler.up_to(len(cells), key.window.end)
        return _Buckets(
            sum(sums.counts),
            array("I", timeline.spread(sums.cells, sums.counts, len(cells))),
            array("I", timeline.spread(sums.cells, sums.payloads, len(cells))),
            array("H", timeline.covered(ruler, sums, first, last)),
        )


def _shown(record: iovs.IovRecord) -> Shown:
    end = record.end or OPEN
    return Shown(
        written(record.start),
        written(end),
        record.payload_url,
        record.checksum,
        record.extra,
    )


def written(point: Point) -> str:
    """Return a point as `major,minor`."""
    return f"{point.major},{point.minor}"
