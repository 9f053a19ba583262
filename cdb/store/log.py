"""The change log, as it is read: who changed what, when and why, in order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, bindparam, select, text, union

from cdb.domain.points import Point
from cdb.store import reads
from cdb.store.engine import Reader, connection_of
from cdb.store.models import (
    Change,
    GlobalTag,
    ListState,
    PayloadList,
    PayloadType,
    SeriesChange,
    TagChange,
    TypeChange,
    UtcDateTime,
)


class ChangeRecord(NamedTuple):
    """A change. `detail` names what it touched, and what was before and after it."""

    change: int
    at: datetime
    actor: str
    action: str
    object_type: str
    object_name: str
    comment: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes are asked for.

    Attributes:
        after: only those after this one.
        before: only those before this one; None for up to the latest.
        limit: how many at most.
        newest_first: the order; else as they were made.
        tag_id: only those that touched this global tag.
        list_id: only those that touched this payload list, or the log that it has.
        global_tag: only those that touched a tag of this name, whichever had it then.
        payload_type: only those that touched a type of this name, or its lists.
        actor: only those of this one.
        action: only this verb.
        since: only those at this time or later.

    """

    after: int = 0
    before: int | None = None
    limit: int = 100
    newest_first: bool = False
    tag_id: int | None = None
    list_id: int | None = None
    global_tag: str | None = None
    payload_type: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None


class Maker(NamedTuple):
    """The change that added a row to a log."""

    change: int
    at: datetime
    actor: str
    comment: str | None


_LIST = bindparam("list", type_=BigInteger)
# What a clone shows of the log of its source was there before it; what is written to that
# log after its pin, or after it has a log of its own, is not its own.
_TOUCHED_LIST = union(
    *(
        select(getattr(version, column)).where(key == _LIST)
        for version, key in (
            (PayloadList, PayloadList.id),
            (ListState, ListState.payload_list),
        )
        for column in ("added_by", "retired_by")
    ),
    select(SeriesChange.change)
    .join(ListState, ListState.series == SeriesChange.series)
    .where(
        ListState.payload_list == _LIST,
        SeriesChange.change >= ListState.added_by,
        SeriesChange.change < ListState.retired_by,
        ListState.pinned_at.is_(None),
    ),
)
_MAKERS = text(
    """
    select i.id, c.change, c.at, c.actor, c.comment
    from iov i join change c on c.change = i.added_by
    where i.series = :series and i.added_by <= :at and i.retired_by > :at
    and (i.start_major, i.start_minor) >= (:major, :minor)
    and (i.start_major, i.start_minor) <= (:last_major, :last_minor)
    """
).columns(at=UtcDateTime)

_CHANGES = select(*(getattr(Change, name) for name in ChangeRecord._fields))


def page(reader: Reader, wanted: Wanted) -> list[ChangeRecord]:
    """Return the next changes, at most `limit` of them."""
    order = Change.change.desc() if wanted.newest_first else Change.change
    statement = (
        _CHANGES.where(Change.change > wanted.after, *_conditions(wanted))
        .order_by(order)
        .limit(wanted.limit)
    )
    return [ChangeRecord._make(row) for row in reads.run(reader, statement)]


def one(reader: Reader, change: int) -> ChangeRecord | None:
    """Return a change by its number."""
    result = reads.run(reader, _CHANGES.where(Change.change == change))
    return reads.one(ChangeRecord._make, result)


def makers(reader: Reader, view: reads.View, first: Point, last: Point) -> dict[int, Maker]:
    """Return which changes made the payload IOVs that a list shows, by the ids of those.

    Args:
        reader: where to read.
        view: what the list shows.
        first: where the first of them starts.
        last: where the last of them starts.

    """
    place = {"series": view.series, "at": view.at, "major": first.major, "minor": first.minor}
    place |= {"last_major": last.major, "last_minor": last.minor}
    return {row[0]: Maker(*row[1:]) for row in connection_of(reader).execute(_MAKERS, place)}


def tags_touched(reader: Reader, change: int) -> list[int]:
    """Return the ids of the global tags that a change touched."""
    touched = select(TagChange.tag).where(TagChange.change == change).order_by(TagChange.tag)
    return list(reads.run(reader, touched).scalars())


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.before is not None:
        found.append(Change.change < wanted.before)
    if wanted.since is not None:
        found.append(Change.at >= wanted.since)
    if wanted.actor is not None:
        found.append(Change.actor == wanted.actor)
    if wanted.action is not None:
        found.append(Change.action == wanted.action)
    touched = select(TagChange.change)
    if wanted.tag_id is not None:
        found.append(Change.change.in_(touched.where(TagChange.tag == wanted.tag_id)))
    if wanted.list_id is not None:
        touched_list = _TOUCHED_LIST.params(list=wanted.list_id)
        found.append(Change.change.in_(touched_list))
    if wanted.global_tag is not None:
        named = select(GlobalTag.id).where(GlobalTag.name == wanted.global_tag)
        found.append(Change.change.in_(touched.where(TagChange.tag.in_(named))))
    if wanted.payload_type is not None:
        types = select(PayloadType.id).where(PayloadType.name == wanted.payload_type)
        touched = select(TypeChange.change).where(TypeChange.payload_type.in_(types))
        found.append(Change.change.in_(touched))
    return found
