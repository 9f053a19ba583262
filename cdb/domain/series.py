"""How a write changes the intervals of one series.

A series holds rows whose intervals never overlap. Nothing here touches a
database: a write is worked out as a `Plan`, which rows to retire and which to
add, from the rows around the place where it happens. Attaching one payload IOV
is a batch of one, so both ways of writing have the same rules.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple, Protocol

from cdb.domain.points import OPEN, ORIGIN, Interval, IovMode, Point, before
from cdb.domain.statuses import WriteMode
from cdb.errors import Invalid, NotFound, Overlap


class Row(NamedTuple):
    """A live row: `end` is where it really ends, `declared` where it was meant to."""

    id: int
    start: Point
    end: Point
    declared: Point


class NewIov(NamedTuple):
    """A payload IOV to attach; without an `end` it holds until the next start."""

    start: Point
    end: Point | None


class Entering(Protocol):
    """What is attached, as far as the rules look at it: as a NewIov."""

    @property
    def start(self) -> Point:
        """Where it begins."""

    @property
    def end(self) -> Point | None:
        """Where it ends; None until the next start."""


Page = Callable[[Point, int], Sequence[Row]]
"""`page(point, limit)`: the live rows of a series in order of start, at most
`limit` of them, beginning with the last one that starts at or before `point`,
or with the first of all where there is none such."""


class Piece(NamedTuple):
    """A row to add: the payload of a new IOV, or what is left of a retired row.

    Exactly one of `new` (index in the batch) and `row` (id of the retired row)
    is given.
    """

    start: Point
    end: Point
    declared: Point
    new: int | None = None
    row: int | None = None


@dataclass(slots=True)
class Plan:
    """What a write does to a series: ids of rows to retire, rows to add."""

    retired: set[int] = field(default_factory=set)
    added: list[Piece] = field(default_factory=list)

    @property
    def growth(self) -> int:
        """Return by how many the number of live rows changes."""
        return len(self.added) - len(self.retired)


def check_start(start: Point) -> None:
    """Raise Invalid where no interval can start at a point."""
    if start == OPEN:
        raise Invalid(f"An interval cannot start at {start}: nothing comes after it.")


def exclusive_end(start: Point, end: Point, mode: IovMode) -> Point:
    """Return the exclusive end for the numbers of the interface.

    Args:
        start: where the interval begins.
        end: as the interface writes it, inclusive in discrete mode.
        mode: the IOV mode of the service.

    Raises:
        Invalid: the interval would be empty, or end before it starts.

    """
    exclusive = mode.end_from_interface(end)
    if exclusive <= start:
        raise Invalid(f"The end {end} does not come after the start {start}.")
    return exclusive


def attach(
    batch: Sequence[Entering],
    page: Page,
    write_mode: WriteMode,
    iov_mode: IovMode = IovMode.CONTINUOUS,
    labels: Sequence[int] | None = None,
) -> Plan:
    """Work out what attaching payload IOVs does to a series.

    The IOVs are attached in order of their starts, each by these rules:

    - In an open tag the new interval wins: what it covers is retired, what it
      cuts is retired and its remainders are added.
    - In append mode it may only cover points that nothing covers, but for one
      case: an open interval that starts after the last one, open in the same
      way, closes that at its own start.
    - An IOV without an end holds until the next start, and retires nothing
      that starts later.

    Args:
        batch: what to attach, in any order.
        page: reads the series as it is before.
        write_mode: of the tag that the list belongs to; OPEN for a detached list.
        iov_mode: decides which ends mean 'open within its major'.
        labels: what the rows are called in messages; their index where not given.

    Returns:
        The plan; `Piece.new` counts in the order of `batch`.

    Raises:
        Invalid: two rows have the same start, or finite rows overlap each other.
        Overlap: append mode, and something covered would change.

    """
    order = sorted(range(len(batch)), key=lambda index: batch[index].start)
    _check_batch(batch, order, iov_mode, labels or range(len(batch)))
    sweep = _Sweep(page, write_mode, iov_mode)
    # With the first one comes what is there, and whether the others only go on after it.
    for index, following in zip_longest(order[:1], order[1:2]):
        sweep.attach(index, batch[index], None if following is None else batch[following])
    rest = order[1 + sweep.append(batch, order[1:]) :]
    for index, following in zip_longest(rest, rest[1:]):
        sweep.attach(index, batch[index], None if following is None else batch[following])
    return sweep.finish()


def delete(start: Point, end: Point | None, page: Page) -> tuple[Row, Plan]:
    """Work out what deleting the interval at a start does to a series.

    Its time goes back to the interval that ends where it starts, up to that
    one's declared end or the next start, whichever comes first: so rolling back
    the last of 'until the next start' leaves the one before as it was.

    Args:
        start: where the interval begins, exactly.
        end: where it has to end, exactly; None takes whatever begins there.
        page: reads the series as it is before.

    Returns:
        The row that is deleted, and the plan.

    Raises:
        NotFound: no live interval is there.

    """
    around = page(before(start) if start > ORIGIN else start, 3)
    found = [row for row in around if row.start == start and end in (None, row.end)]
    if not found:
        raise NotFound(
            f"No payload IOV starts at {start}" + (f" and ends at {end}." if end else ".")
        )
    row = found[0]
    plan = Plan(retired={row.id})
    previous = next((other for other in around if other.start < start), None)
    following = next((other.start for other in around if other.start > start), OPEN)
    if previous and previous.end == start:
        given_back = min(previous.declared, following)
        if given_back > previous.end:
            plan.retired.add(previous.id)
            plan.added.append(
                Piece(previous.start, given_back, previous.declared, row=previous.id)
            )
    return row, plan


def _check_batch(
    batch: Sequence[Entering], order: Sequence[int], mode: IovMode, labels: Sequence[int]
) -> None:
    """Refuse what cannot be meant: one start twice, finite rows across each other."""
    longest: tuple[int, Interval] | None = None
    last: Point | None = None
    for position, index in enumerate(order):
        iov = batch[index]
        if iov.start == last:
            first, second = sorted((labels[order[position - 1]], labels[index]))
            raise Invalid(f"Rows {first} and {second} both start at {iov.start}.")
        last = iov.start
        if iov.end is None or is_open(iov.start, iov.end, mode):
            continue
        interval = Interval(iov.start, iov.end)
        if longest and iov.start < longest[1].end:
            raise Invalid(
                f"Rows {longest[0]} and {labels[index]} overlap: {longest[1]} and {interval}."
            )
        longest = (labels[index], interval)
    if last is not None:
        check_start(last)


def is_open(start: Point, end: Point, mode: IovMode) -> bool:
    """Tell whether an exclusive end means 'open', for ever or within the major of the start."""
    return end in (OPEN, mode.end_within_major(start))


class _Sweep:
    """One pass over a series from left to right, in step with the batch.

    `_left` is the last row that starts at or before the place reached, as the
    writes so far have made it; everything before it is settled.
    """

    def __init__(self, page: Page, write_mode: WriteMode, iov_mode: IovMode) -> None:
        self._ahead = _Ahead(page)
        self._append = write_mode is WriteMode.APPEND
        self._iov_mode = iov_mode
        self._left: Piece | None = None
        self._left_is_stored = False
        self._plan = Plan()

    def attach(self, index: int, iov: Entering, following: Entering | None) -> None:
        """Attach one of the batch, before the one that follows it."""
        self._move_to(iov.start)
        end = self._ahead.next_start(iov.start) if iov.end is None else iov.end
        if iov.end is None and following and following.end is None and not self._append:
            # That one will end this one there: it need not be made twice.
            end = min(end, following.start)
        if self._append:
            self._make_room_in_append_mode(iov, end)
        elif iov.end is None:
            self._cut_left(iov.start, None)
        else:
            self._clear(iov.start, end)
        self._settle()
        declared = OPEN if iov.end is None else end
        self._left = Piece(iov.start, end, declared, new=index)
        self._left_is_stored = False

    def append(self, batch: Sequence[Entering], order: Sequence[int]) -> int:
        """Attach what only goes on where the series ends; return how many of the batch that are.

        It does what `attach` does, where no row is ahead and none but the one before is cut,
        which was to hold until the next start. Most batches are like that as a whole.
        """
        if self._left is None or self._ahead.peek(self._left.start):
            return 0
        start, end, declared, new, _ = self._left
        added = self._plan.added
        count = 0
        for index in order:
            iov = batch[index]
            following = iov.start
            if end > following:
                if iov.end is not None or (self._append and end != OPEN):
                    break
                end = following
            added.append(Piece(start, end, declared, new))
            start, new = following, index
            end = declared = OPEN if iov.end is None else iov.end
            count += 1
        self._left = Piece(start, end, declared, new)
        return count

    def finish(self) -> Plan:
        self._settle()
        self._plan.added.extend(self._ahead.remainders())
        return self._plan

    def _move_to(self, start: Point) -> None:
        while (row := self._ahead.peek(start)) and row.start <= start:
            self._settle()
            self._left, self._left_is_stored = self._ahead.pop()

    def _settle(self) -> None:
        """Write the row on the left into the plan, unless it stands there unchanged."""
        if self._left and not self._left_is_stored:
            self._plan.added.append(self._left)
        self._left = None

    def _make_room_in_append_mode(self, iov: Entering, end: Point) -> None:
        left = self._left if self._left and self._left.end > iov.start else None
        right = self._ahead.peek(iov.start)
        covered = left if right and right.start >= end else left or right
        if not covered:
            return
        closes_the_last = (
            left
            and right is None
            and left.start < iov.start
            and left.end == end
            and is_open(iov.start, end, self._iov_mode)
        )
        if not closes_the_last:
            raise Overlap(
                f"{Interval(iov.start, end)} overlaps {Interval(covered.start, covered.end)}, "
                f"and the tag only takes additions."
            )
        self._cut_left(iov.start, None)

    def _clear(self, start: Point, end: Point) -> None:
        """Give [start, end) free: rule 2, the new interval wins."""
        if self._left and self._left.end > end:
            self._ahead.push(self._left._replace(start=end))
        self._cut_left(start, start)
        while (row := self._ahead.peek(start)) and row.start < end:
            covered, stored = self._ahead.pop()
            if stored:
                self._retire(covered)
            if covered.end > end:
                self._ahead.push(covered._replace(start=end))

    def _cut_left(self, start: Point, declared: Point | None) -> None:
        """End the row on the left at `start`, with another declared end where one is given."""
        left = self._left
        if not left or left.end <= start:
            return
        if self._left_is_stored:
            self._retire(left)
            self._left_is_stored = False
        if left.start == start:
            self._left = None
        else:
            # Not by _replace, which takes three times as long, and there is one for each row.
            self._left = Piece(left.start, start, declared or left.declared, left.new, left.row)

    def _retire(self, piece: Piece) -> None:
        if piece.row is not None:
            self._plan.retired.add(piece.row)


class _Ahead:
    """The rows of a series that a sweep has not reached, read a page at a time.

    Remainders of cut rows are pushed back in front. Rows that lie between two
    far-apart places of a batch are never read: a write costs what it touches.
    """

    _SMALLEST = 16
    _LARGEST = 4096

    def __init__(self, page: Page) -> None:
        self._page = page
        self._rows: deque[tuple[Piece, bool]] = deque()
        self._read_up_to: Point | None = None
        self._limit = self._SMALLEST
        self._exhausted = False

    def peek(self, place: Point) -> Piece | None:
        """Return the next row, where the sweep stands at `place`; None after the last."""
        if not self._rows and not self._exhausted:
            self._read(place)
        return self._rows[0][0] if self._rows else None

    def pop(self) -> tuple[Piece, bool]:
        """Take the next row, and whether it stands in the database as it is."""
        return self._rows.popleft()

    def push(self, remainder: Piece) -> None:
        """Put back what is left of a row on the right of a cut."""
        self._rows.appendleft((remainder, False))

    def remainders(self) -> list[Piece]:
        """Return what was pushed back and not reached again."""
        return [piece for piece, stored in self._rows if not stored]

    def next_start(self, place: Point) -> Point:
        """Return where the next row starts, or OPEN."""
        row = self.peek(place)
        return row.start if row else OPEN

    def _read(self, place: Point) -> None:
        seen = self._read_up_to
        rows = self._page(place if seen is None else max(place, seen), self._limit)
        self._exhausted = len(rows) < self._limit
        contiguous = bool(rows) and rows[0].start == seen
        grown = min(self._limit * 4, self._LARGEST)
        self._limit = grown if contiguous else self._SMALLEST
        for row in rows:
            if seen is None or row.start > seen:
                piece = Piece(row.start, row.end, row.declared, row=row.id)
                self._rows.append((piece, True))
        if rows:
            self._read_up_to = rows[-1].start
