"""Pages of the lists of objects: filtered, searched, sorted, counted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select

from cdb.store import reads
from cdb.store.changes import CURRENT
from cdb.store.engine import Reader
from cdb.store.models import (
    Change,
    GlobalTag,
    Iov,
    ListState,
    PayloadList,
    PayloadType,
    TagStatus,
)

COUNTED_AT_MOST = 10_000
"""Where a count would have to look at every row, it stops here."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page is asked for; `search` ignores case, filters ask for equality."""

    page: int = 1
    page_size: int = 25
    search: str = ""
    sort: str = ""
    descending: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A page: its rows, how many there are in all, and whether there are more than that."""

    rows: Sequence[Any]
    count: int
    count_is_lower_bound: bool = False


_Columns = Mapping[str, ColumnElement[Any]]

_TAG_SORTS: _Columns = {
    "id": GlobalTag.id.expression,
    "name": GlobalTag.name.expression,
    "author": GlobalTag.author.expression,
    "status": TagStatus.name.expression,
    "created": GlobalTag.created.expression,
    "updated": Change.at.expression,
}
_TYPE_SORTS: _Columns = {
    "id": PayloadType.id.expression,
    "name": PayloadType.name.expression,
    "created": PayloadType.created.expression,
}
_LIST_SORTS: _Columns = {
    "id": PayloadList.id.expression,
    "name": PayloadList.name.expression,
    "global_tag": GlobalTag.name.expression,
    "payload_type": PayloadType.name.expression,
    "iov_count": reads.count_in(ListState),
    "created": PayloadList.created.expression,
}
_IOV_SORTS: Mapping[str, Sequence[ColumnElement[Any]]] = {
    "id": (Iov.id.expression,),
    "payload_url": (Iov.payload_url.expression,),
    "checksum": (Iov.checksum.expression,),
    "size": (Iov.size.expression,),
    "major_iov": (Iov.start_major.expression, Iov.start_minor.expression),
    "minor_iov": (Iov.start_minor.expression, Iov.start_major.expression),
    "major_iov_end": (Iov.end_major.expression, Iov.end_minor.expression),
    "minor_iov_end": (Iov.end_minor.expression, Iov.end_major.expression),
    "payload_list": (PayloadList.name.expression,),
    "global_tag": (
        GlobalTag.name.expression,
        Iov.start_major.expression,
        Iov.start_minor.expression,
    ),
    "payload_type": (PayloadType.name.expression,),
    "inserted": (Iov.inserted.expression,),
}


def tags(reader: Reader, wanted: Wanted, at: int = CURRENT) -> Found:
    """Return a page of global tags; `status` is a filter, name and author are searched."""
    statement = reads.select_tags(current=at == CURRENT)
    if "status" in wanted.filters:
        statement = statement.where(TagStatus.name == wanted.filters["status"])
    statement = _searched(statement, wanted, GlobalTag.name, GlobalTag.author)
    return _found(reader, reads.TagRecord, statement, wanted, _TAG_SORTS, at)


def types(reader: Reader, wanted: Wanted, at: int = CURRENT) -> Found:
    """Return a page of payload types; the name is searched."""
    statement = _searched(reads.select_types(current=at == CURRENT), wanted, PayloadType.name)
    return _found(reader, reads.TypeRecord, statement, wanted, _TYPE_SORTS, at)


def lists(reader: Reader, wanted: Wanted, at: int = CURRENT) -> Found:
    """Return a page of payload lists; tag and type are filters, all three names are searched."""
    statement = _of_tag_and_type(reads.select_lists(current=at == CURRENT), wanted)
    statement = _searched(statement, wanted, PayloadList.name, GlobalTag.name, PayloadType.name)
    return _found(reader, reads.ListRecord, statement, wanted, _LIST_SORTS, at)


def iovs(
    reader: Reader, wanted: Wanted, at: int = CURRENT, checksums: Collection[str] | None = None
) -> Found:
    """Return a page of attached payload IOVs, each list's own.

    List, tag and type are filters, and so are checksums, of which an IOV has to have one; the
    payload's URL and the name of the list are searched. Without a search and checksums the count
    is known without looking at the IOVs; with one it stops at COUNTED_AT_MOST.
    """
    seen = partial(reads.seen, current=at == CURRENT)
    visible = _of_tag_and_type(
        select(
            Iov.id,
            Iov.payload_url,
            Iov.checksum,
            Iov.size,
            Iov.start_major,
            Iov.start_minor,
            Iov.end_major,
            Iov.end_minor,
            Iov.extra,
            Iov.inserted,
            PayloadList.name.label("payload_list"),
            GlobalTag.name.label("global_tag"),
            PayloadType.name.label("payload_type"),
            PayloadType.dimension,
        )
        .select_from(ListState)
        .join(PayloadList, and_(PayloadList.id == ListState.payload_list, seen(PayloadList)))
        .join(PayloadType, and_(PayloadType.id == PayloadList.payload_type, seen(PayloadType)))
        .outerjoin(GlobalTag, and_(GlobalTag.id == ListState.global_tag, seen(GlobalTag)))
        .join(Iov, reads.seen_in(ListState))
        .where(seen(ListState)),
        wanted,
    )
    if "payload_list" in wanted.filters:
        visible = visible.where(PayloadList.name == wanted.filters["payload_list"])
    if checksums is not None:
        visible = visible.where(Iov.checksum.in_(checksums))
    statement = _searched(visible, wanted, Iov.payload_url, PayloadList.name)
    order = _IOV_SORTS.get(wanted.sort, _IOV_SORTS["id"])
    directed = [column.desc() if wanted.descending else column.asc() for column in order]
    rows = list(
        reads.run(
            reader, _page(statement, wanted, [*directed, PayloadList.id.asc(), Iov.id.asc()]), at
        )
    )
    if not wanted.search and checksums is None:
        return Found(rows, _count_from_lists(reader, wanted, at))
    limited = statement.with_only_columns(literal(1)).limit(COUNTED_AT_MOST + 1)
    counted = _count(reader, limited, at)
    return Found(rows, min(counted, COUNTED_AT_MOST), counted > COUNTED_AT_MOST)


def _found(
    reader: Reader,
    record: type[reads.TagRecord | reads.TypeRecord | reads.ListRecord],
    statement: reads.Statement,
    wanted: Wanted,
    sorts: _Columns,
    at: int,
) -> Found:
    page = _page(statement, wanted, _order(wanted, sorts))
    rows = [record._make(row) for row in reads.run(reader, page, at)]
    return Found(rows, _count(reader, statement, at))


def _count_from_lists(reader: Reader, wanted: Wanted, at: int) -> int:
    matching = _of_tag_and_type(reads.select_lists(current=at == CURRENT), wanted)
    if "payload_list" in wanted.filters:
        matching = matching.where(PayloadList.name == wanted.filters["payload_list"])
    lists_found = matching.subquery()
    total = select(func.coalesce(func.sum(lists_found.c.n_iov), 0))
    return int(reads.run(reader, total, at).scalar_one())


def _of_tag_and_type(statement: reads.Statement, wanted: Wanted) -> reads.Statement:
    if "global_tag" in wanted.filters:
        statement = statement.where(GlobalTag.name == wanted.filters["global_tag"])
    if "payload_type" in wanted.filters:
        statement = statement.where(PayloadType.name == wanted.filters["payload_type"])
    return statement


def _searched(statement: reads.Statement, wanted: Wanted, *columns: Any) -> reads.Statement:
    if not wanted.search:
        return statement
    return statement.where(
        or_(*(column.icontains(wanted.search, autoescape=True) for column in columns))
    )


def _order(wanted: Wanted, sorts: _Columns) -> list[ColumnElement[Any]]:
    column = sorts.get(wanted.sort, sorts["id"])
    # The id decides between equals, or pages would share rows and miss others.
    return [column.desc() if wanted.descending else column.asc(), sorts["id"].asc()]


def _page(
    statement: reads.Statement, wanted: Wanted, order: Sequence[ColumnElement[Any]]
) -> reads.Statement:
    offset = (wanted.page - 1) * wanted.page_size
    return statement.order_by(*order).limit(wanted.page_size).offset(offset)


def _count(reader: Reader, statement: reads.Statement, at: int) -> int:
    counted = select(func.count()).select_from(statement.subquery())
    return int(reads.run(reader, counted, at).scalar_one())
