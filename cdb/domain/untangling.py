"""From the rows of a payload list of nopayloaddb, which may overlap, to intervals that do not.

nopayloaddb answers a query with the last start at or before the point, and its
clients leave out what has ended. So the answer at a point hangs on one row only:
a row holds until its own end or the next start, whichever comes first. That is
what is kept here, with a finding for every row that says something else.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from cdb.domain.points import MAX, OPEN, ORIGIN, IovMode, Point, after
from cdb.domain.portable import PortableIov
from cdb.domain.series import is_open

TOLD = 100
"""Ids that a finding about a whole payload list names at most."""


class Asked(StrEnum):
    """What nopayloaddb's query, which compares one decimal number, makes of a start."""

    RIGHT = "right"
    ROUNDED = "rounded"
    NEVER = "never"


class LegacyRow(NamedTuple):
    """A payload IOV as nopayloaddb keeps it.

    Attributes:
        id: of the row there.
        start: as it is written, so either number may be below 0.
        end: as it is written; inclusive where the service was discrete.
        payload_url: of the payload.
        checksum: of the payload.
        size: of the payload, where it is known.
        revision: the payload's own; nopayloaddb calls it `extra`.
        inserted: when the row was made.
        asked: what its query makes of the start.

    """

    id: int
    start: Point
    end: Point
    payload_url: str
    checksum: str
    size: int | None
    revision: str | None
    inserted: datetime
    asked: Asked = Asked.RIGHT


class Kind(StrEnum):
    """What was found in nopayloaddb that is not, or not quite, taken over as it stands."""

    CUT = "cut"
    """A closed interval reached beyond the next start."""

    CLIPPED = "clipped"
    """Of discrete neighbours, the first one's last point was the second one's, or the next."""

    DUPLICATE = "duplicate"
    """Several rows had one start."""

    EMPTY = "empty"
    """The end was not after the start."""

    OUT_OF_RANGE = "out-of-range"
    """A number was below 0, or the start was after every point."""

    NEVER_ANSWERED = "never-answered"
    """The number that its query compares was missing."""

    ROUNDED_START = "rounded-start"
    """The number that its query compares was rounded, so that it answered beside the start."""

    REVISION = "revision-not-decimal"
    """The revision was not a decimal number."""

    NO_REVISION = "no-revision"
    """Payload IOVs had no revision; one finding for a list."""

    UNTIL_NEXT = "until-next-start"
    """Open intervals reached beyond the next start; one finding for a list."""

    MIXED_MAJORS = "mixed-majors"
    """Some intervals ended within their major number, others in a later one; one for a list."""

    DETACHED = "detached"
    """A payload IOV was in no payload list, so that nothing answered it."""

    SECOND_LIST = "second-list"
    """A global tag had several payload lists of one type; about one of the older ones."""

    CHANGED_SINCE = "changed-since"
    """A payload list that was imported before has not the rows any more that it had then."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found.

    Attributes:
        kind: what it is.
        ids: of the rows in nopayloaddb, the one that was changed or left out first.
        text: what was done about it, as a sentence.
        start: where the row starts, as it was written.
        end: where it ends, as it was written.
        until: the point that it holds until, which is not part of it; None where it
            was left out, or where nothing was changed.
        count: how many rows it is about.
        payload_url: of the row.
        checksum: of the row.
        revision: of the row.

    """

    kind: Kind
    ids: tuple[int, ...]
    text: str
    start: Point | None = None
    end: Point | None = None
    until: Point | None = None
    count: int = 1
    payload_url: str | None = None
    checksum: str | None = None
    revision: str | None = None


Note = Callable[[Finding], None]
"""Takes the findings one by one: there may be as many as there are rows."""


class _Placed(NamedTuple):
    """A row where it really is: the first point that it can answer, and its exclusive end."""

    start: Point
    end: Point
    opens: bool
    row: LegacyRow


def untangled(rows: Iterable[LegacyRow], mode: IovMode, note: Note) -> Iterator[PortableIov]:
    """Yield the payload IOVs of a list in order of start, without overlaps.

    Open intervals keep their declared end, so that a delete gives the time back;
    closed ones that are cut do not.

    Args:
        rows: of one payload list, in order of start and, where that is the same, of id.
        mode: the IOV mode of the service that they were written through.
        note: takes what is found on the way; what is about the whole list comes last.

    """
    tally = _Tally()
    for this, following in _with_next(_newest(_placed(rows, mode, note), note)):
        start, end, opens, row = this
        if end <= start:
            note(_empty(this))
            continue
        is_cut = following is not None and following.start < end
        tally.count(this, is_cut)
        if following is not None and is_cut:
            end = following.start
            if not opens:
                note(_cut(this, following, mode))
        declared = this.end if opens else end
        yield PortableIov(start, end, declared, *row[3:8])
    for finding in tally.findings():
        note(finding)


def exclusive(end: Point, mode: IovMode) -> Point:
    """Return the exclusive end that nopayloaddb's clients take a written one for."""
    return _first_from(end) if min(end) < 0 else mode.end_from_interface(end)


def detached(row: LegacyRow) -> Finding:
    """Return the finding for a payload IOV that is in no payload list."""
    return _about(Kind.DETACHED, row, "It was in no payload list, and is not taken over.")


def _placed(rows: Iterable[LegacyRow], mode: IovMode, note: Note) -> Iterator[_Placed]:
    """Yield the rows that nopayloaddb's query can answer with, where they are inside."""
    for row in rows:
        start, end = row.start, row.end
        revision = row.revision
        if revision is not None and not (revision.isascii() and revision.isdigit()):
            text = f"Its revision {revision!r} is taken over as it is."
            note(_about(Kind.REVISION, row, text))
        if row.asked is not Asked.RIGHT:
            note(_misheard(row))
            if row.asked is Asked.NEVER:
                continue
        if start == OPEN:
            text = "No point comes after its start; it is not taken over."
            note(_about(Kind.OUT_OF_RANGE, row, text))
            continue
        if start.major < 0 or start.minor < 0 or end.major < 0 or end.minor < 0:
            note(_about(Kind.OUT_OF_RANGE, row, "There is no number below 0; it counts as 0."))
            start = _first_from(start)
        end = exclusive(end, mode)
        # Most ends can be told from 'open within the major' by one number.
        opens = end.major == MAX or (end.minor in (0, MAX) and is_open(start, end, mode))
        yield _Placed(start, end, opens, row)


def _misheard(row: LegacyRow) -> Finding:
    if row.asked is Asked.NEVER:
        text = "Its combined start was missing, so no query found it; it is not taken over."
        return _about(Kind.NEVER_ANSWERED, row, text)
    text = "Its combined start is not quite its start; it is taken over with its start."
    return _about(Kind.ROUNDED_START, row, text)


def _newest(placed: Iterable[_Placed], note: Note) -> Iterator[_Placed]:
    """Yield of those with one start the last, which is the newest."""
    for this, following in _with_next(placed):
        if following is None or following.start > this.start:
            yield this
            continue
        text = f"Payload IOV {following.row.id} has the same start and is newer."
        note(_about(Kind.DUPLICATE, this.row, text, following.row))


def _with_next(placed: Iterable[_Placed]) -> Iterator[tuple[_Placed, _Placed | None]]:
    last: _Placed | None = None
    for this in placed:
        if last:
            yield last, this
        last = this
    if last:
        yield last, None


def _first_from(point: Point) -> Point:
    """Return the first point that there is, from a pair on that may be below 0."""
    if point.major < 0:
        return ORIGIN
    return Point(point.major, max(point.minor, 0))


def _cut(this: _Placed, following: _Placed, mode: IovMode) -> Finding:
    touching = mode is IovMode.DISCRETE and this.end <= after(after(following.start))
    text = (
        f"It ends where payload IOV {following.row.id} starts."
        if touching
        else f"It is cut where payload IOV {following.row.id} starts, and gets nothing back "
        "after that one's end."
    )
    kind = Kind.CLIPPED if touching else Kind.CUT
    return _about(kind, this.row, text, following.row, following.start)


def _empty(this: _Placed) -> Finding:
    text = "Its end is not after its start: it is left out, and what it covered stays covered."
    return _about(Kind.EMPTY, this.row, text)


def _about(
    kind: Kind,
    row: LegacyRow,
    text: str,
    other: LegacyRow | None = None,
    until: Point | None = None,
) -> Finding:
    ids = (row.id,) if other is None else (row.id, other.id)
    return Finding(
        kind, ids, text, row.start, row.end, until, 1, row.payload_url, row.checksum, row.revision
    )


@dataclass(slots=True)
class _Ids:
    """How many rows there are of a sort, and the first of them."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, row: LegacyRow) -> None:
        self.count += 1
        if len(self.first) < TOLD:
            self.first.append(row.id)

    def finding(self, kind: Kind, text: str) -> Finding:
        return Finding(kind, tuple(self.first), text, count=self.count)


@dataclass(slots=True)
class _Tally:
    """What is told of a payload list as a whole, since it may be so of every row."""

    without_revision: _Ids = field(default_factory=_Ids)
    until_next: _Ids = field(default_factory=_Ids)
    beyond_major: _Ids = field(default_factory=_Ids)
    within_major: int = 0

    def count(self, this: _Placed, is_cut: bool) -> None:
        start, end, opens, row = this
        if row.revision is None:
            self.without_revision.add(row)
        if opens:
            if is_cut:
                self.until_next.add(row)
        elif end.major == start.major or (end.major == start.major + 1 and not end.minor):
            self.within_major += 1
        else:
            self.beyond_major.add(row)

    def findings(self) -> Iterator[Finding]:
        if self.until_next.count:
            text = "They were open, and hold until the next start; they keep their declared end."
            yield self.until_next.finding(Kind.UNTIL_NEXT, text)
        if self.without_revision.count:
            text = "They have no revision, here as there."
            yield self.without_revision.finding(Kind.NO_REVISION, text)
        if self.within_major and self.beyond_major.count:
            text = (
                f"They end in a later major number, {self.within_major} others within their own; "
                "all are taken over as they are."
            )
            yield self.beyond_major.finding(Kind.MIXED_MAJORS, text)
