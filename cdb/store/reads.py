"""What the database holds: one function for each thing that is asked.

Everything takes `at`, the change that it is asked as of; CURRENT is the latest.
Ends are exclusive, as they are stored.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    and_,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from cdb.domain import series
from cdb.domain.points import Point
from cdb.store.changes import CURRENT
from cdb.store.engine import Reader
from cdb.store.models import (
    LIVE,
    GlobalTag,
    Iov,
    ListState,
    PayloadList,
    PayloadType,
    SeriesChange,
    StagedIov,
    TagState,
    TagStatus,
    Versioned,
)

_Record = TypeVar("_Record")

# A literal, not a parameter: SQLite matches partial indexes by the text of the condition.
_LIVE: ColumnElement[int] = literal_column(str(LIVE), BigInteger)


class StatusRecord(NamedTuple):
    """A status of global tags."""

    id: int
    name: str
    mode: str
    final: bool
    description: str | None
    created: datetime


class TagRecord(NamedTuple):
    """A global tag with its status."""

    id: int
    name: str
    author: str | None
    description: str | None
    contact: str | None
    created: datetime
    head: int
    updated: datetime
    status_id: int
    status: str
    mode: str
    final: bool


class TypeRecord(NamedTuple):
    """A payload type."""

    id: int
    name: str
    description: str | None
    contact: str | None
    created: datetime


class ListRecord(NamedTuple):
    """A payload list, the tag it belongs to, and where its log is."""

    id: int
    name: str
    description: str | None
    contact: str | None
    ends: str
    created: datetime
    type_id: int
    type: str
    tag_id: int | None
    tag: str | None
    mode: str | None
    series: int
    pinned_at: int | None
    n_iov: int


class IovRecord(NamedTuple):
    """A payload IOV; an end of None was not given, and is decided by the attach."""

    id: int
    start: Point
    end: Point | None
    payload_url: str
    checksum: str
    size: int | None
    extra: str | None
    inserted: datetime


def seen(version: type[Versioned] | type[Iov], at: int = CURRENT) -> ColumnElement[bool]:
    """Return the condition that a version is visible as of a change."""
    if at == CURRENT:
        return version.retired_by == _LIVE
    return and_(version.added_by <= at, version.retired_by > at)


def seen_in(state: type[ListState], at: int = CURRENT) -> ColumnElement[bool]:
    """Return the condition that an IOV is visible in a list: at its pin, or as of a change."""
    limit = func.coalesce(state.pinned_at, at)
    return and_(Iov.series == state.series, Iov.added_by <= limit, Iov.retired_by > limit)


def count_in(state: type[ListState], at: int = CURRENT) -> ScalarSelect[int]:
    """Return the number of payload IOVs that a list shows, without counting them."""
    return (
        select(SeriesChange.n_iov)
        .where(
            SeriesChange.series == state.series,
            SeriesChange.change <= func.coalesce(state.pinned_at, at),
        )
        .order_by(SeriesChange.change.desc())
        .limit(1)
        .scalar_subquery()
    )


def _one(
    reader: Reader,
    statement: Select[*tuple[Any, ...]],
    make: Callable[[Row[*tuple[Any, ...]]], _Record],
) -> _Record | None:
    row = reader.execute(statement).one_or_none()
    return None if row is None else make(row)


# --- statuses ---------------------------------------------------------------


def _statuses() -> Select[*tuple[Any, ...]]:
    return select(
        TagStatus.id,
        TagStatus.name,
        TagStatus.mode,
        TagStatus.final,
        TagStatus.description,
        TagStatus.created,
    )


def statuses(reader: Reader) -> list[StatusRecord]:
    """Return all statuses, in the order in which they were declared."""
    rows = reader.execute(_statuses().order_by(TagStatus.id))
    return [StatusRecord._make(row) for row in rows]


def status(reader: Reader, name: str) -> StatusRecord | None:
    """Return a status by its name."""
    return _one(reader, _statuses().where(TagStatus.name == name), StatusRecord._make)


# --- global tags ------------------------------------------------------------


def select_tags(at: int = CURRENT) -> Select[*tuple[Any, ...]]:
    """Return the statement for the columns of TagRecord."""
    return (
        select(
            GlobalTag.id,
            GlobalTag.name,
            GlobalTag.author,
            GlobalTag.description,
            GlobalTag.contact,
            GlobalTag.created,
            TagState.head,
            TagState.updated,
            TagStatus.id.label("status_id"),
            TagStatus.name.label("status"),
            TagStatus.mode,
            TagStatus.final,
        )
        .select_from(GlobalTag)
        .join(TagState, and_(TagState.tag == GlobalTag.id, seen(TagState, at)))
        .join(TagStatus, TagStatus.id == TagState.status)
        .where(seen(GlobalTag, at))
    )


def tags(reader: Reader, at: int = CURRENT) -> list[TagRecord]:
    """Return all global tags in the order in which they were made."""
    return [TagRecord._make(row) for row in reader.execute(select_tags(at).order_by(GlobalTag.id))]


def tag(reader: Reader, name: str, at: int = CURRENT) -> TagRecord | None:
    """Return a global tag by its name."""
    return _one(reader, select_tags(at).where(GlobalTag.name == name), TagRecord._make)


def tag_by_id(reader: Reader, tag_id: int, at: int = CURRENT) -> TagRecord | None:
    """Return a global tag by its id."""
    return _one(reader, select_tags(at).where(GlobalTag.id == tag_id), TagRecord._make)


def tag_counts(
    reader: Reader, tag_ids: Iterable[int] | None = None, at: int = CURRENT
) -> dict[int, tuple[int, int]]:
    """Return how many payload lists and IOVs tags have: tag id → (lists, IOVs).

    Tags without lists are left out; `tag_ids` of None means all tags.
    """
    statement = (
        select(
            ListState.global_tag,
            func.count(),
            func.coalesce(func.sum(count_in(ListState, at)), 0),
        )
        .where(seen(ListState, at), ListState.global_tag.is_not(None))
        .group_by(ListState.global_tag)
    )
    if tag_ids is not None:
        statement = statement.where(ListState.global_tag.in_(list(tag_ids)))
    rows: Iterable[Any] = reader.execute(statement)
    # PostgreSQL sums bigints to a numeric.
    return {tag_id: (lists, int(iovs)) for tag_id, lists, iovs in rows}


# --- payload types ----------------------------------------------------------


def select_types(at: int = CURRENT) -> Select[*tuple[Any, ...]]:
    """Return the statement for the columns of TypeRecord."""
    return select(
        PayloadType.id,
        PayloadType.name,
        PayloadType.description,
        PayloadType.contact,
        PayloadType.created,
    ).where(seen(PayloadType, at))


def types(reader: Reader, at: int = CURRENT) -> list[TypeRecord]:
    """Return all payload types in the order in which they were made."""
    rows = reader.execute(select_types(at).order_by(PayloadType.id))
    return [TypeRecord._make(row) for row in rows]


def type_(reader: Reader, name: str, at: int = CURRENT) -> TypeRecord | None:
    """Return a payload type by its name."""
    return _one(reader, select_types(at).where(PayloadType.name == name), TypeRecord._make)


def type_is_used(reader: Reader, type_id: int) -> bool:
    """Tell whether a live payload list has this type."""
    statement = select(literal(1)).where(PayloadList.payload_type == type_id, seen(PayloadList))
    return reader.execute(statement.limit(1)).one_or_none() is not None


# --- payload lists ----------------------------------------------------------


def select_lists(at: int = CURRENT) -> Select[*tuple[Any, ...]]:
    """Return the statement for the columns of ListRecord."""
    return (
        select(
            PayloadList.id,
            PayloadList.name,
            PayloadList.description,
            PayloadList.contact,
            PayloadList.ends,
            PayloadList.created,
            PayloadType.id.label("type_id"),
            PayloadType.name.label("type"),
            GlobalTag.id.label("tag_id"),
            GlobalTag.name.label("tag"),
            TagStatus.mode,
            ListState.series,
            ListState.pinned_at,
            func.coalesce(count_in(ListState, at), 0).label("n_iov"),
        )
        .select_from(PayloadList)
        .join(ListState, and_(ListState.payload_list == PayloadList.id, seen(ListState, at)))
        .join(PayloadType, and_(PayloadType.id == PayloadList.payload_type, seen(PayloadType, at)))
        .outerjoin(GlobalTag, and_(GlobalTag.id == ListState.global_tag, seen(GlobalTag, at)))
        .outerjoin(TagState, and_(TagState.tag == GlobalTag.id, seen(TagState, at)))
        .outerjoin(TagStatus, TagStatus.id == TagState.status)
        .where(seen(PayloadList, at))
    )


def lists(reader: Reader, at: int = CURRENT) -> list[ListRecord]:
    """Return all payload lists in the order in which they were made."""
    rows = reader.execute(select_lists(at).order_by(PayloadList.id))
    return [ListRecord._make(row) for row in rows]


def lists_of(reader: Reader, tag_id: int, at: int = CURRENT) -> list[ListRecord]:
    """Return the payload lists of a global tag, by the names of their types."""
    statement = select_lists(at).where(ListState.global_tag == tag_id).order_by(PayloadType.name)
    return [ListRecord._make(row) for row in reader.execute(statement)]


def list_(reader: Reader, name: str, at: int = CURRENT) -> ListRecord | None:
    """Return a payload list by its name."""
    return _one(reader, select_lists(at).where(PayloadList.name == name), ListRecord._make)


def list_by_id(reader: Reader, list_id: int, at: int = CURRENT) -> ListRecord | None:
    """Return a payload list by its id."""
    return _one(reader, select_lists(at).where(PayloadList.id == list_id), ListRecord._make)


# --- payload IOVs -----------------------------------------------------------


def live_page(reader: Reader, series_id: int) -> series.Page:
    """Return the function that reads the live rows of a series for the interval rules."""

    def page(point: Point, limit: int) -> Sequence[series.Row]:
        live = (Iov.series == series_id, seen(Iov))
        start = tuple_(Iov.start_major, Iov.start_minor)
        first = reader.execute(
            select(Iov.start_major, Iov.start_minor)
            .where(*live, start <= tuple_(*map(literal, point)))
            .order_by(Iov.start_major.desc(), Iov.start_minor.desc())
            .limit(1)
        ).one_or_none()
        rows = reader.execute(
            select(
                Iov.id,
                Iov.start_major,
                Iov.start_minor,
                Iov.end_major,
                Iov.end_minor,
                Iov.declared_end_major,
                Iov.declared_end_minor,
            )
            .where(*live, start >= tuple_(*map(literal, first or point)))
            .order_by(Iov.start_major, Iov.start_minor)
            .limit(limit)
        )
        return [
            series.Row(row[0], Point(row[1], row[2]), Point(row[3], row[4]), Point(row[5], row[6]))
            for row in rows
        ]

    return page


_IOV_COLUMNS = (
    Iov.id,
    Iov.start_major,
    Iov.start_minor,
    Iov.end_major,
    Iov.end_minor,
    Iov.payload_url,
    Iov.checksum,
    Iov.size,
    Iov.extra,
    Iov.inserted,
)
_STAGED_COLUMNS = tuple(getattr(StagedIov, column.key) for column in _IOV_COLUMNS)


def _iov(row: Row[*tuple[Any, ...]]) -> IovRecord:
    end = None if row[3] is None else Point(row[3], row[4])
    return IovRecord(row[0], Point(row[1], row[2]), end, row[5], row[6], row[7], row[8], row[9])


def iovs(reader: Reader, ids: Iterable[int]) -> dict[int, IovRecord]:
    """Return payload IOVs of the log by their ids, live or not."""
    rows = reader.execute(select(*_IOV_COLUMNS).where(Iov.id.in_(list(ids))))
    return {row[0]: _iov(row) for row in rows}


def iov_page(
    reader: Reader, series_id: int, at: int, after: Point | None, limit: int
) -> list[IovRecord]:
    """Return the next payload IOVs of a series as of a change, in order of start.

    Args:
        reader: where to read.
        series_id: the log.
        at: the change, or the pin of the list.
        after: the start of the last one that was read.
        limit: how many at most.

    """
    statement = select(*_IOV_COLUMNS).where(Iov.series == series_id, seen(Iov, at))
    if after is not None:
        start = tuple_(Iov.start_major, Iov.start_minor)
        statement = statement.where(start > tuple_(*map(literal, after)))
    statement = statement.order_by(Iov.start_major, Iov.start_minor).limit(limit)
    return [_iov(row) for row in reader.execute(statement)]


def staged_page(reader: Reader, after_id: int, limit: int) -> list[IovRecord]:
    """Return the next payload IOVs that wait to be attached, by id."""
    statement = select(*_STAGED_COLUMNS).where(StagedIov.id > after_id)
    return [_iov(row) for row in reader.execute(statement.order_by(StagedIov.id).limit(limit))]


def staged(reader: Reader, iov_id: int) -> IovRecord | None:
    """Return a payload IOV that waits to be attached."""
    return _one(reader, select(*_STAGED_COLUMNS).where(StagedIov.id == iov_id), _iov)


def lists_showing(reader: Reader, iov_id: int, at: int = CURRENT) -> list[str]:
    """Return the names of the payload lists that show an IOV, the one that owns it first.

    Clones show the IOVs of the list that they were made from until they are
    written to; nothing shows an IOV that was cut or deleted.
    """
    rows = reader.execute(
        select(PayloadList.name)
        .select_from(Iov)
        .join(ListState, and_(seen_in(ListState, at), seen(ListState, at)))
        .join(PayloadList, and_(PayloadList.id == ListState.payload_list, seen(PayloadList, at)))
        .where(Iov.id == iov_id)
        .order_by(ListState.pinned_at.is_not(None), PayloadList.id)
    )
    return [row.name for row in rows]


def iov_exists(reader: Reader, iov_id: int) -> bool:
    """Tell whether the log has an IOV with this id, live or not."""
    return reader.execute(select(Iov.id).where(Iov.id == iov_id)).one_or_none() is not None
