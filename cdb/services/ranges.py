"""The payload IOVs of a global tag that overlap a part of the axis."""

from collections.abc import Collection, Iterator

from cdb.domain.points import AXIS, Interval
from cdb.services import contents
from cdb.services.contents import ListPage
from cdb.store.engine import Database
from cdb.store.reads import TagRecord


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
