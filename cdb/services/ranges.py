"""The payload IOVs of a global tag or of a payload list that overlap a part of the axis."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from cdb.domain import points
from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval, Point
from cdb.services import contents
from cdb.services.contents import ListPage
from cdb.store import iovs, log
from cdb.store.engine import Database
from cdb.store.iovs import IovRecord
from cdb.store.log import Maker
from cdb.store.reads import ListRecord, TagRecord


class MadeIov(NamedTuple):
    """A payload IOV, and the change that made it as it is: who cut another one made the rest."""

    iov: IovRecord
    maker: Maker


def of_tag(
    database: Database,
    tag: TagRecord,
    change: int,
    window: Interval = AXIS,
    types: Collection[str] | None = None,
) -> Iterator[ListPage]:
    """Return the payload IOVs that overlap a window, by payload type and start, in pages.

    They are whole: those that reach over an edge of the window are not cut.

    Args:
        database: read page by page, while the answer is taken.
        tag: the global tag, as of the change.
        change: as of when.
        window: the part of the axis.
        types: the payload types that are looked at; None for all.

    Raises:
        NotFound: the tag has no list of a type.

    """
    records = {each.type: each for each in contents.lists_at(database, change, tag.id)}
    return (
        ListPage(records[name], page)
        for name in contents.of_types(records, types)
        for page in contents.iovs_at(database, records[name], change, window)
    )


def of_list(
    database: Database,
    record: ListRecord,
    change: int,
    window: Interval = AXIS,
    after: Point | None = None,
    limit: int | None = None,
) -> Iterator[MadeIov]:
    """Return the payload IOVs of a list that overlap a window, by start; see `of_tag`.

    Args:
        database: read page by page, while the answer is taken.
        record: of the list, as of the change.
        change: as of when.
        window: the part of the axis.
        after: only those that start after this point, where one is given.
        limit: how many at most; None for all.

    """
    view = record.view(change)
    for page in contents.iovs_at(database, record, change, window, after=after, limit=limit):
        makers = database.read(log.makers, view, page[0].start, page[-1].start)
        for iov in page:
            yield MadeIov(iov, makers[iov.id])


def around(database: Database, record: ListRecord, change: int, point: Point) -> Interval:
    """Return from where to where a list has the same as at a point: a payload IOV, or none."""
    with database.statement() as reader:
        rows = iovs.page_of(reader, record.view(change))(point, 2)
    before = [row for row in rows if row.start <= point]
    if before and point < before[0].end:
        return Interval(before[0].start, before[0].end)
    following = rows[len(before) :]
    return Interval(before[0].end if before else ORIGIN, following[0].start if following else OPEN)


def at(database: Database, record: ListRecord, change: int, point: Point) -> Iterator[MadeIov]:
    """Return the payload IOV of a list that holds at a point, if one does."""
    return of_list(database, record, change, Interval(point, points.after(point)), limit=1)
