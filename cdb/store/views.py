"""What the payload lists of a global tag show, in few words: enough to see who shows the same."""

from typing import NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, func, select

from cdb.store.engine import Reader
from cdb.store.models import ListState, PayloadList, PayloadType, SeriesChange
from cdb.store.reads import View, run, seen


class Member(NamedTuple):
    """A payload list of a global tag, and what it shows.

    The change of its view is the last one that its log had until then, 0 before
    the first: lists have equal views where their log had no change between.
    """

    type: str
    name: str
    dimension: str | None
    view: View


_LAST_CHANGE = (
    select(func.coalesce(func.max(SeriesChange.change), 0))
    .where(
        SeriesChange.series == ListState.series,
        SeriesChange.change
        <= func.coalesce(ListState.pinned_at, bindparam("at", type_=BigInteger)),
    )
    .scalar_subquery()
)
_MEMBERS = (
    select(
        PayloadType.name,
        PayloadList.name,
        PayloadType.dimension,
        ListState.series,
        _LAST_CHANGE,
    )
    .select_from(ListState)
    .join(
        PayloadList,
        and_(PayloadList.id == ListState.payload_list, seen(PayloadList, current=False)),
    )
    .join(
        PayloadType,
        and_(PayloadType.id == PayloadList.payload_type, seen(PayloadType, current=False)),
    )
    .where(ListState.global_tag == bindparam("tag"), seen(ListState, current=False))
)


def of_tag(reader: Reader, tag_id: int, at: int) -> list[Member]:
    """Return the payload lists of a global tag as of a change, in no order."""
    rows = run(reader, _MEMBERS, at, tag=tag_id)
    return [Member(row[0], row[1], row[2], View(row[3], row[4])) for row in rows]
