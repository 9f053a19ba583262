"""Everything that tags and lists hold, read in pages at one change.

History is never lost, so what a change saw can be read page by page for as long
as a client takes, each page in a short read of its own, with nothing held open
in between. Where one of several servers fails meanwhile, the next page comes from another.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from cdb.domain import points
from cdb.domain.points import AXIS, MAX, ORIGIN, Interval, Point
from cdb.errors import NotFound
from cdb.store import iovs, reads
from cdb.store.engine import Database

PAGE = 5000
"""Payload IOVs read at a time."""


class ListPage(NamedTuple):
    """Some payload IOVs that a payload list shows, in order of start."""

    record: reads.ListRecord
    iovs: list[iovs.IovRecord]


def tags_at(database: Database, change: int) -> list[reads.TagRecord]:
    """Return all global tags as of a change."""
    return database.read(reads.tags, change)


def lists_at(database: Database, change: int, tag_id: int | None = None) -> list[reads.ListRecord]:
    """Return the payload lists of a tag, or all, as of a change."""
    if tag_id is None:
        return database.read(reads.lists, change)
    return database.read(reads.lists_of, tag_id, change)


def of_types(names: Collection[str], types: Collection[str] | None) -> list[str]:
    """Return the payload types that are there and wanted, in order of code points.

    The order is ours, since databases differ in it.

    Args:
        names: of the types that are there.
        types: those that are wanted; None for all.

    Raises:
        NotFound: one that is wanted is not there.

    """
    missing = sorted(set(types or ()).difference(names))
    if missing:
        raise NotFound(f"There is no payload list of type {missing[0]!r} here.")
    return sorted(names if types is None else set(types))


def statuses(database: Database) -> dict[int, reads.StatusRecord]:
    """Return all statuses by id."""
    return {record.id: record for record in database.read(reads.statuses)}


def iovs_at(
    database: Database,
    record: reads.ListRecord,
    change: int,
    window: Interval = AXIS,
    checksums: Collection[str] = (),
    after: Point | None = None,
    limit: int | None = None,
) -> Iterator[list[iovs.IovRecord]]:
    """Yield the payload IOVs that a list shows as of a change, in order, in pages.

    Args:
        database: read page by page.
        record: of the list, as of that change.
        change: as of when.
        window: they overlap it.
        checksums: they have one of these, where any are given.
        after: they start after this point, where one is given.
        limit: how many at most; None for all.

    """
    if not record.n_iov:
        return
    view = record.view(change)
    left = MAX if limit is None else limit
    while left:
        wanted = min(left, PAGE)
        page = database.read(iovs.page_at, view, after, wanted, window, checksums)
        if page:
            yield page
        if len(page) < wanted:
            return
        after = page[-1].start
        left -= len(page)


def shown_at(
    database: Database, record: reads.ListRecord, change: int
) -> Iterator[list[iovs.ShownRow]]:
    """Yield all payload IOVs that a list shows as of a change, as rows; see `iovs_at`."""
    if not record.n_iov:
        return
    view, low = record.view(change), ORIGIN
    while True:
        page = database.read(iovs.shown_page, view, low, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        low = points.after(Point(*page[-1][5:7]))


def staged(database: Database) -> Iterator[list[iovs.IovRecord]]:
    """Yield the payload IOVs that wait to be attached, by id, in pages."""
    after = 0
    while True:
        page = database.read(iovs.staged_page, after, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].id
