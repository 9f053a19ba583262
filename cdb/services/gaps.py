"""What nothing covers."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from cdb.domain.points import AXIS, Interval, Point
from cdb.services import contents
from cdb.store import coverage, iovs, views
from cdb.store.engine import Database
from cdb.store.reads import ListRecord, TagRecord, View

PAGE = 20_000
"""Payload IOVs that the database looks at in one read, 2 or more."""


class Gap(NamedTuple):
    """A part of the axis where a payload list has no payload, half-open."""

    payload_type: str
    payload_list: str
    start: Point
    end: Point


def of_tag(
    database: Database,
    tag: TagRecord,
    change: int,
    window: Interval = AXIS,
    types: Collection[str] | None = None,
) -> Iterator[Gap]:
    """Return the gaps of the payload lists of a tag, by payload type and start.

    Args:
        database: read in parts, while the answer is taken.
        tag: the global tag, as of the change.
        change: as of when.
        window: the part of the axis that is looked at; gaps are cut at its ends.
        types: the payload types that are looked at; None for all.

    Raises:
        NotFound: the tag has no list of a type.

    """
    with database.statement() as reader:
        members = {each.type: each for each in views.of_tag(reader, tag.id, change)}
    return (
        Gap(name, members[name].name, *gap)
        for name in contents.of_types(members, types)
        for gap in _gaps(database, members[name].view, window)
    )


def of_list(
    database: Database, record: ListRecord, change: int, window: Interval = AXIS
) -> Iterator[Gap]:
    """Return the gaps of a payload list as of a change, in order; see `of_tag`."""
    return (
        Gap(record.type, record.name, *gap) for gap in _gaps(database, record.view(change), window)
    )


def _gaps(database: Database, view: View, window: Interval) -> Iterator[Interval]:
    first = database.read(iovs.page_at, view, None, 1, window)
    if not first:
        yield window
        return
    reached = first[0].start
    if reached > window.start:
        yield Interval(window.start, reached)
    while True:
        # It begins with the row that the last part ended with, so that a gap between is seen.
        page = database.read(coverage.before_gaps, view, reached, window.end, PAGE)
        for row in page:
            if row.following:
                yield Interval(row.end, row.following)
        last = page[-1]
        if last.start == reached:
            break
        reached = last.start
    if last.end < window.end:
        yield Interval(last.end, window.end)
