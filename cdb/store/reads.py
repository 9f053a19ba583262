"""The statuses, tags, types and lists: one function for each thing that is asked.

Everything takes `at`, the change that it is asked as of; CURRENT is the latest.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    CursorResult,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
)

from cdb.store.changes import CURRENT
from cdb.store.engine import Reader, connection_of
from cdb.store.models import (
    LIVE,
    Change,
    GlobalTag,
    Iov,
    ListState,
    PayloadList,
    PayloadType,
    SeriesChange,
    TagChange,
    TagState,
    TagStatus,
    Versioned,
)

Statement: TypeAlias = Select[*tuple[Any, ...]]
Compound: TypeAlias = CompoundSelect[*tuple[Any, ...]]
Result: TypeAlias = CursorResult[*tuple[Any, ...]]

_Record = TypeVar("_Record")

# A literal, not a parameter: SQLite matches partial indexes by the text of the condition.
_LIVE: ColumnElement[int] = literal_column(str(LIVE), BigInteger)

_AT = bindparam("at", type_=BigInteger)


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
    nonce: str
    status_id: int
    status: str
    mode: str
    final: bool
    digest: str | None


class TypeRecord(NamedTuple):
    """A payload type."""

    id: int
    name: str
    description: str | None
    contact: str | None
    created: datetime
    dimension: str | None
    validator: str | None
    validator_options: dict[str, Any] | None


class View(NamedTuple):
    """What a payload list shows: a log, as of a change."""

    series: int
    at: int


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
    status: str | None
    mode: str | None
    final: bool | None
    series: int
    pinned_at: int | None
    n_iov: int
    dimension: str | None
    validator: str | None
    validator_options: dict[str, Any] | None

    def view(self, at: int) -> View:
        """Return what the list, read as of a change, shows then: a clone stays at its pin."""
        return View(self.series, at if self.pinned_at is None else self.pinned_at)


def seen(version: type[Versioned] | type[Iov], *, current: bool = True) -> ColumnElement[bool]:
    """Return the condition that a version is live, or visible as of the parameter `at`."""
    if current:
        return version.retired_by == _LIVE
    return and_(version.added_by <= _AT, version.retired_by > _AT)


def seen_in(state: type[ListState]) -> ColumnElement[bool]:
    """Return the condition that an IOV is visible in a list: at its pin, or at `at`."""
    limit = func.coalesce(state.pinned_at, _AT)
    return and_(Iov.series == state.series, Iov.added_by <= limit, Iov.retired_by > limit)


def count_in(state: type[ListState]) -> ScalarSelect[int]:
    """Return the number of payload IOVs that a list shows, without counting them."""
    return (
        select(SeriesChange.n_iov)
        .where(
            SeriesChange.series == state.series,
            SeriesChange.change <= func.coalesce(state.pinned_at, _AT),
        )
        .order_by(SeriesChange.change.desc())
        .limit(1)
        .scalar_subquery()
    )


def run(
    reader: Reader, statement: Statement | Compound, at: int = CURRENT, **parameters: Any
) -> Result:
    """Run a statement as of a change.

    Statements are built once, since to build one costs as much as to run it.
    """
    return connection_of(reader).execute(statement, {"at": at, **parameters})


def one(record: Callable[[Row[*tuple[Any, ...]]], _Record], result: Result) -> _Record | None:
    """Return the only row of a result as a record, or None where there is none."""
    row = result.one_or_none()
    return None if row is None else record(row)


# --- statuses ---------------------------------------------------------------

_STATUSES = (
    select(
        TagStatus.id,
        TagStatus.name,
        TagStatus.mode,
        TagStatus.final,
        TagStatus.description,
        TagStatus.created,
    )
    .where(TagStatus.added_by <= _AT)
    .order_by(TagStatus.id)
)
_STATUS_BY_NAME = _STATUSES.where(TagStatus.name == bindparam("name"))


def statuses(reader: Reader, at: int = CURRENT) -> list[StatusRecord]:
    """Return all statuses, in the order in which they were declared."""
    return [StatusRecord._make(row) for row in run(reader, _STATUSES, at)]


def status(reader: Reader, name: str) -> StatusRecord | None:
    """Return a status by its name."""
    return one(StatusRecord._make, run(reader, _STATUS_BY_NAME, name=name))


# --- global tags ------------------------------------------------------------


_HEAD = (
    select(func.max(TagChange.change))
    .where(TagChange.tag == GlobalTag.id, TagChange.change <= _AT)
    .scalar_subquery()
)


@cache
def select_tags(*, current: bool = True) -> Statement:
    """Return the statement for the columns of TagRecord."""
    return (
        select(
            GlobalTag.id,
            GlobalTag.name,
            GlobalTag.author,
            GlobalTag.description,
            GlobalTag.contact,
            GlobalTag.created,
            Change.change.label("head"),
            Change.at.label("updated"),
            Change.nonce,
            TagStatus.id.label("status_id"),
            TagStatus.name.label("status"),
            TagStatus.mode,
            TagStatus.final,
            TagState.digest,
        )
        .select_from(GlobalTag)
        .join(TagState, and_(TagState.tag == GlobalTag.id, seen(TagState, current=current)))
        .join(TagStatus, TagStatus.id == TagState.status)
        .join(Change, Change.change == _HEAD)
        .where(seen(GlobalTag, current=current))
    )


@cache
def _tags_where(column: str | None, current: bool) -> Statement:
    statement = select_tags(current=current)
    if column:
        return statement.where(getattr(GlobalTag, column) == bindparam(column))
    return statement.order_by(GlobalTag.id)


def tags(reader: Reader, at: int = CURRENT) -> list[TagRecord]:
    """Return all global tags in the order in which they were made."""
    return [TagRecord._make(row) for row in run(reader, _tags_where(None, at == CURRENT), at)]


def tag(reader: Reader, name: str, at: int = CURRENT) -> TagRecord | None:
    """Return a global tag by its name."""
    result = run(reader, _tags_where("name", at == CURRENT), at, name=name)
    return one(TagRecord._make, result)


def tag_by_id(reader: Reader, tag_id: int, at: int = CURRENT) -> TagRecord | None:
    """Return a global tag by its id."""
    return one(TagRecord._make, run(reader, _tags_where("id", at == CURRENT), at, id=tag_id))


@cache
def _tag_counts(current: bool, some: bool) -> Statement:
    statement = (
        select(
            ListState.global_tag,
            func.count(),
            func.coalesce(func.sum(count_in(ListState)), 0),
        )
        .where(seen(ListState, current=current), ListState.global_tag.is_not(None))
        .group_by(ListState.global_tag)
    )
    if some:
        return statement.where(ListState.global_tag.in_(bindparam("ids", expanding=True)))
    return statement


def tag_counts(
    reader: Reader, tag_ids: Iterable[int] | None = None, at: int = CURRENT
) -> dict[int, tuple[int, int]]:
    """Return how many payload lists and IOVs tags have: tag id → (lists, IOVs).

    Tags without lists are left out; `tag_ids` of None means all tags.
    """
    some = {} if tag_ids is None else {"ids": list(tag_ids)}
    rows: Iterable[Any] = run(reader, _tag_counts(at == CURRENT, bool(some)), at, **some)
    # PostgreSQL sums bigints to a numeric.
    return {tag_id: (lists, int(iovs)) for tag_id, lists, iovs in rows}


# --- payload types ----------------------------------------------------------


@cache
def select_types(*, current: bool = True) -> Statement:
    """Return the statement for the columns of TypeRecord."""
    return select(
        PayloadType.id,
        PayloadType.name,
        PayloadType.description,
        PayloadType.contact,
        PayloadType.created,
        PayloadType.dimension,
        PayloadType.validator,
        PayloadType.validator_options,
    ).where(seen(PayloadType, current=current))


@cache
def _types_where(column: str | None, current: bool) -> Statement:
    statement = select_types(current=current)
    if column:
        return statement.where(getattr(PayloadType, column) == bindparam(column))
    return statement.order_by(PayloadType.id)


def types(reader: Reader, at: int = CURRENT) -> list[TypeRecord]:
    """Return all payload types in the order in which they were made."""
    return [TypeRecord._make(row) for row in run(reader, _types_where(None, at == CURRENT), at)]


def type_(reader: Reader, name: str, at: int = CURRENT) -> TypeRecord | None:
    """Return a payload type by its name."""
    result = run(reader, _types_where("name", at == CURRENT), at, name=name)
    return one(TypeRecord._make, result)


_LIST_OF_TYPE = (
    select(literal(1))
    .where(PayloadList.payload_type == bindparam("type"), seen(PayloadList))
    .limit(1)
)


def type_is_used(reader: Reader, type_id: int) -> bool:
    """Tell whether a live payload list has this type."""
    return run(reader, _LIST_OF_TYPE, type=type_id).one_or_none() is not None


# --- payload lists ----------------------------------------------------------


@cache
def select_lists(*, current: bool = True) -> Statement:
    """Return the statement for the columns of ListRecord."""

    def visible(version: type[Versioned]) -> ColumnElement[bool]:
        return seen(version, current=current)

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
            TagStatus.name.label("status"),
            TagStatus.mode,
            TagStatus.final,
            ListState.series,
            ListState.pinned_at,
            func.coalesce(count_in(ListState), 0).label("n_iov"),
            PayloadType.dimension,
            PayloadType.validator,
            PayloadType.validator_options,
        )
        .select_from(PayloadList)
        .join(ListState, and_(ListState.payload_list == PayloadList.id, visible(ListState)))
        .join(PayloadType, and_(PayloadType.id == PayloadList.payload_type, visible(PayloadType)))
        .outerjoin(GlobalTag, and_(GlobalTag.id == ListState.global_tag, visible(GlobalTag)))
        .outerjoin(TagState, and_(TagState.tag == GlobalTag.id, visible(TagState)))
        .outerjoin(TagStatus, TagStatus.id == TagState.status)
        .where(visible(PayloadList))
    )


@cache
def _lists_where(column: str | None, current: bool) -> Statement:
    statement = select_lists(current=current)
    if column == "global_tag":
        statement = statement.where(ListState.global_tag == bindparam(column))
        return statement.order_by(PayloadType.name)
    if column:
        return statement.where(getattr(PayloadList, column) == bindparam(column))
    return statement.order_by(PayloadList.id)


def lists(reader: Reader, at: int = CURRENT) -> list[ListRecord]:
    """Return all payload lists in the order in which they were made."""
    return [ListRecord._make(row) for row in run(reader, _lists_where(None, at == CURRENT), at)]


def lists_of(reader: Reader, tag_id: int, at: int = CURRENT) -> list[ListRecord]:
    """Return the payload lists of a global tag, by the names of their types."""
    rows = run(reader, _lists_where("global_tag", at == CURRENT), at, global_tag=tag_id)
    return [ListRecord._make(row) for row in rows]


@cache
def _list_of_type() -> Statement:
    return select_lists().where(
        ListState.global_tag == bindparam("global_tag"),
        PayloadList.payload_type == bindparam("type"),
    )


def list_of_type(reader: Reader, tag_id: int, type_id: int) -> ListRecord | None:
    """Return the payload list that a global tag has for a type."""
    result = run(reader, _list_of_type(), global_tag=tag_id, type=type_id)
    return one(ListRecord._make, result)


def list_(reader: Reader, name: str, at: int = CURRENT) -> ListRecord | None:
    """Return a payload list by its name."""
    result = run(reader, _lists_where("name", at == CURRENT), at, name=name)
    return one(ListRecord._make, result)


_LIST_NAMES = select(PayloadList.name).where(
    PayloadList.name.in_(bindparam("names", expanding=True)), seen(PayloadList)
)


def list_names(reader: Reader, names: Iterable[str]) -> set[str]:
    """Return those of some names that live payload lists have."""
    return set(run(reader, _LIST_NAMES, names=list(names)).scalars())


def list_by_id(reader: Reader, list_id: int, at: int = CURRENT) -> ListRecord | None:
    """Return a payload list by its id."""
    return one(ListRecord._make, run(reader, _lists_where("id", at == CURRENT), at, id=list_id))
