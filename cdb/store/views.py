"""What payload lists show, in few words: enough to see who shows the same."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, func, select, text
from sqlalchemy.orm import aliased

from cdb.store.changes import Head
from cdb.store.engine import Reader, rows
from cdb.store.models import Change, ListState, PayloadList, PayloadType, SeriesChange
from cdb.store.pools import Readable
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
_EACH = (
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
    .where(seen(ListState, current=False))
)
_MEMBERS = _EACH.where(ListState.global_tag == bindparam("tag"))
_ALONE = _EACH.where(ListState.payload_list == bindparam("list"))

_LAST = aliased(SeriesChange)
_FILLED = (
    _MEMBERS.add_columns(Change.nonce, _LAST.n_iov)
    .join(_LAST, and_(_LAST.series == ListState.series, _LAST.change == _LAST_CHANGE))
    .join(Change, Change.change == _LAST.change)
)


def of_tag(reader: Reader, tag_id: int, at: int) -> list[Member]:
    """Return the payload lists of a global tag as of a change, in no order."""
    return [_member(row) for row in run(reader, _MEMBERS, at, tag=tag_id)]


def of_list(reader: Reader, list_id: int, at: int) -> list[Member]:
    """Return a payload list as of a change, as `of_tag` does those of a tag."""
    return [_member(row) for row in run(reader, _ALONE, at, list=list_id)]


def _member(row: Sequence[Any]) -> Member:
    return Member(row[0], row[1], row[2], View(row[3], row[4]))


class Filled(NamedTuple):
    """A payload list of a global tag that was ever filled.

    Attributes:
        list: with its view.
        last: the change of that.
        iovs: the number of payload IOVs that it shows.

    """

    list: Member
    last: Head
    iovs: int


def filled(reader: Reader, tag_id: int, at: int) -> Sequence[Filled]:
    """Return what was ever filled of a global tag as of a change, in order of payload type."""
    found = run(reader, _FILLED, at, tag=tag_id)
    made = [Filled(_member(row), Head(row[4], row[5]), row[6]) for row in found]
    return sorted(made, key=lambda each: each.list.type)


_SHOWN_BEFORE = text(
    """
    select payload_url, checksum, size, start_major, start_minor, end_major, end_minor, extra
    from iov
    where series = :series and added_by <= :at and retired_by > :at
    and (start_major, start_minor) < (:major, :minor)
    order by start_major desc, start_minor desc limit :limit
    """
)


def shown_before(
    database: Readable, view: View, point: tuple[int, int], limit: int
) -> Sequence[Any]:
    """Return the payload IOVs of a view that start before a point, the last ones first.

    Returns:
        Rows of `query.Valid`, without what is first and last in that.

    """
    asked = {**view._asdict(), "major": point[0], "minor": point[1], "limit": limit}
    return rows(database, _SHOWN_BEFORE, asked, view.at)
