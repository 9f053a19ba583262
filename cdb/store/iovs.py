"""The payload IOVs of the logs, and those that wait: one function for each thing that is asked.

Ends are exclusive, as they are stored.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from cdb.domain import points, series
from cdb.domain.points import AXIS, ORIGIN, Interval, Point
from cdb.domain.portable import PortableIov
from cdb.store import reads
from cdb.store.changes import CURRENT, latest
from cdb.store.engine import Reader, connection_of, is_postgresql, rows
from cdb.store.models import Iov, ListState, PayloadList, StagedIov, UtcDateTime, as_moment

IDS_A_STATEMENT = 10_000
"""Ids that a statement names at most: SQLite takes 32,766 parameters."""


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


_START = tuple_(Iov.start_major, Iov.start_minor)
_POINT = tuple_(bindparam("major", type_=BigInteger), bindparam("minor", type_=BigInteger))
_END = tuple_(bindparam("end_major", type_=BigInteger), bindparam("end_minor", type_=BigInteger))


@cache
def _rows_around(current: bool) -> reads.Compound:
    """Return the statement for the last row that starts at or before a point, and those after."""
    rows = select(
        Iov.id,
        Iov.start_major,
        Iov.start_minor,
        Iov.end_major,
        Iov.end_minor,
        Iov.declared_end_major,
        Iov.declared_end_minor,
    ).where(_in_series(current))
    limit = bindparam("limit", type_=Integer)
    last = rows.where(_START <= _POINT).order_by(Iov.start_major.desc(), Iov.start_minor.desc())
    following = rows.where(_START > _POINT).order_by(Iov.start_major, Iov.start_minor)
    # As tables, since SQLite takes no parentheses around the parts of a union.
    parts = [select(last.limit(1).subquery()), select(following.limit(limit).subquery())]
    return union_all(*parts).order_by("start_major", "start_minor").limit(limit)


def _in_series(current: bool) -> ColumnElement[bool]:
    return and_(Iov.series == bindparam("series"), reads.seen(Iov, current=current))


_AROUND = text("select * from cdb_iovs_around(:series, :major, :minor)")
_AROUND_AT_MOST = 16


def live_page(reader: Reader, series_id: int) -> series.Page:
    """Return the function that reads the live rows of a series for the interval rules.

    The first rows, which are all that most writes ask for, come from a function of the
    database where there is one: it need not be planned each time.
    """
    any_page = page_of(reader, reads.View(series_id, CURRENT))
    if not is_postgresql(reader):
        return any_page

    def page(point: Point, limit: int) -> Sequence[series.Row]:
        if limit > _AROUND_AT_MOST:
            return any_page(point, limit)
        place = {"series": series_id, "major": point.major, "minor": point.minor}
        return list(map(_as_row, rows(reader, _AROUND, place)[:limit]))

    return page


def page_of(reader: Reader, view: reads.View) -> series.Page:
    """Return the function that reads the rows that a list shows for the interval rules."""
    statement = _rows_around(view.at == CURRENT)

    def page(point: Point, limit: int) -> Sequence[series.Row]:
        place = {"series": view.series, "major": point.major, "minor": point.minor}
        found = reads.run(reader, statement, view.at, limit=limit, **place)
        return list(map(_as_row, found))

    return page


def _as_row(row: Any) -> series.Row:
    id_, major, minor, *ends = row
    return series.Row(id_, Point(major, minor), Point(*ends[:2]), Point(*ends[2:]))


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

_RETIRE = (
    update(Iov)
    .where(Iov.id.in_(bindparam("ids", expanding=True)))
    .values(retired_by=bindparam("change", type_=BigInteger))
    .returning(*_IOV_COLUMNS)
)
_RETIRE_ON_POSTGRESQL = text(
    """
    update iov set retired_by = :change where id = any(:ids)
    returning id, start_major, start_minor, end_major, end_minor, payload_url, checksum, size,
        extra, inserted
    """
)
_IOVS_BY_ID = select(*_IOV_COLUMNS).where(Iov.id.in_(bindparam("ids", expanding=True)))
_IN_VIEW = _in_series(current=False)
_IDS = select(Iov.id).where(_IN_VIEW)
_PAGE = (
    select(*_IOV_COLUMNS)
    .where(_IN_VIEW, _START >= _POINT, _START < _END)
    .order_by(Iov.start_major, Iov.start_minor)
    .limit(bindparam("limit", type_=Integer))
)
_PAGE_OF_CHECKSUMS = _PAGE.where(Iov.checksum.in_(bindparam("checksums", expanding=True)))
_LAST_INTERVAL = (
    select(Iov.start_major, Iov.start_minor, Iov.end_major, Iov.end_minor)
    .where(_IN_VIEW, _START <= _POINT)
    .order_by(Iov.start_major.desc(), Iov.start_minor.desc())
    .limit(1)
)
_STAGED_BY_ID = select(*_STAGED_COLUMNS).where(StagedIov.id == bindparam("id"))
_STAGED_AFTER = (
    select(*_STAGED_COLUMNS)
    .where(StagedIov.id > bindparam("id"))
    .order_by(StagedIov.id)
    .limit(bindparam("limit", type_=Integer))
)


def _iov(row: Sequence[Any]) -> IovRecord:
    end = None if row[3] is None else Point(row[3], row[4])
    return IovRecord(row[0], Point(row[1], row[2]), end, row[5], row[6], row[7], row[8], row[9])


def by_id(reader: Reader, ids: Iterable[int]) -> dict[int, IovRecord]:
    """Return payload IOVs of the log by their ids, live or not."""
    wanted = sorted(ids)
    found = {}
    for first in range(0, len(wanted), IDS_A_STATEMENT):
        some = wanted[first : first + IDS_A_STATEMENT]
        found.update({row[0]: _iov(row) for row in reads.run(reader, _IOVS_BY_ID, ids=some)})
    return found


def retire(
    reader: Reader, change: int, ids: Iterable[int], kept: Collection[int]
) -> list[IovRecord]:
    """Retire payload IOVs of the log, and return those of them that are named by `kept`."""
    ordered, found = sorted(ids), []
    for first in range(0, len(ordered), IDS_A_STATEMENT):
        some = ordered[first : first + IDS_A_STATEMENT]
        found += [_iov(row) for row in _retired(reader, change, some) if row[0] in kept]
    return found


def _retired(reader: Reader, change: int, ids: Sequence[int]) -> Iterable[Sequence[Any]]:
    if not is_postgresql(reader):
        return connection_of(reader).execute(_RETIRE, {"change": change, "ids": ids})
    found = rows(reader, _RETIRE_ON_POSTGRESQL, {"change": change, "ids": ids})
    return [(*row[:-1], as_moment(row[-1])) for row in found]


def ids_in(reader: Reader, view: reads.View) -> set[int]:
    """Return the ids of all payload IOVs that a list shows."""
    return set(reads.run(reader, _IDS, view.at, series=view.series).scalars())


def reach(reader: Reader, view: reads.View, point: Point) -> Point:
    """Return where the payload IOVs begin that hold at a point or later.

    It is the start of the one that contains the point, or the point itself.
    """
    if point == ORIGIN:
        return point
    place = {"series": view.series, "major": point.major, "minor": point.minor}
    last = reads.run(reader, _LAST_INTERVAL, view.at, **place).one_or_none()
    return Point(last[0], last[1]) if last and Point(last[2], last[3]) > point else point


def page_at(
    reader: Reader,
    view: reads.View,
    after: Point | None,
    limit: int,
    window: Interval = AXIS,
    checksums: Collection[str] = (),
) -> list[IovRecord]:
    """Return the next payload IOVs that a list shows, in order of start.

    Args:
        reader: where to read.
        view: what the list shows.
        after: they start after this point, as the last one that was read did; None
            begins with the one that contains the start of the window.
        limit: how many at most.
        window: they overlap it.
        checksums: they have one of these, where any are given.

    """
    low = ORIGIN if after is None else points.after(after)
    if low <= window.start:
        low = max(low, reach(reader, view, window.start))
    place: dict[str, Any] = {"series": view.series, "limit": limit}
    place |= {"major": low.major, "minor": low.minor}
    place |= {"end_major": window.end.major, "end_minor": window.end.minor}
    if not checksums:
        return [_iov(row) for row in reads.run(reader, _PAGE, view.at, **place)]
    place["checksums"] = list(checksums)
    return [_iov(row) for row in reads.run(reader, _PAGE_OF_CHECKSUMS, view.at, **place)]


# As it is: to read a list for export is to wait for this.
_PORTABLE_PAGE = text(
    """
    select start_major, start_minor, end_major, end_minor, declared_end_major,
        declared_end_minor, payload_url, checksum, size, extra, inserted
    from iov
    where series = :series and added_by <= :at and retired_by > :at
    and (start_major, start_minor) >= (:major, :minor)
    order by start_major, start_minor limit :limit
    """
).columns(inserted=UtcDateTime)


def portable_page(reader: Reader, view: reads.View, low: Point, limit: int) -> list[PortableIov]:
    """Return the next payload IOVs that a list shows, with all that is to be kept of them.

    Args:
        reader: where to read.
        view: what the list shows.
        low: the first start that is looked at.
        limit: how many at most.

    """
    place = {"series": view.series, "at": view.at, "limit": limit}
    rows = reader.execute(_PORTABLE_PAGE, place | {"major": low.major, "minor": low.minor})
    return [
        PortableIov(
            Point(start_major, start_minor),
            Point(end_major, end_minor),
            Point(declared_major, declared_minor),
            *payload,
        )
        for (
            start_major,
            start_minor,
            end_major,
            end_minor,
            declared_major,
            declared_minor,
            *payload,
        ) in rows.all()
    ]


ShownRow = tuple[int, str, str, int | None, str | None, int, int, int, int, datetime]
"""A payload IOV as it is shown: id, payload, start and end, and when it was inserted."""

_SHOWN_PAGE = text(
    """
    select id, payload_url, checksum, size, extra, start_major, start_minor, end_major, end_minor,
        inserted
    from iov
    where series = :series and added_by <= :at and retired_by > :at
    and (start_major, start_minor) >= (:major, :minor)
    order by start_major, start_minor limit :limit
    """
)


def shown_page(reader: Reader, view: reads.View, low: Point, limit: int) -> list[ShownRow]:
    """Return the next payload IOVs that a list shows, for those who show them as they are.

    No records: to make one takes as long as to read a row and to write it as JSON.

    Args:
        reader: where to read.
        view: what the list shows.
        low: the first start that is looked at.
        limit: how many at most.

    """
    place = {"series": view.series, "at": view.at, "limit": limit}
    found = rows(reader, _SHOWN_PAGE, place | {"major": low.major, "minor": low.minor})
    return [(*row[:-1], as_moment(row[-1])) for row in found]


def staged_page(reader: Reader, after_id: int, limit: int) -> list[IovRecord]:
    """Return the next payload IOVs that wait to be attached, by id."""
    return [_iov(row) for row in reads.run(reader, _STAGED_AFTER, id=after_id, limit=limit)]


def staged(reader: Reader, iov_id: int) -> IovRecord | None:
    """Return a payload IOV that waits to be attached."""
    return reads.one(_iov, reads.run(reader, _STAGED_BY_ID, id=iov_id))


class Looked(NamedTuple):
    """What an attach begins with.

    Attributes:
        seen: the last change of the log; none that comes later is in what else was read.
        record: the payload list, as it is now; None where there is none.
        waiting: the payload IOV that is to be attached, as long as it waits.

    """

    seen: int
    record: reads.ListRecord | None
    waiting: IovRecord | None


_LOOK = text("select * from cdb_list_to_write(:name, :waiting)")
_LIST_ENDS = 1 + len(reads.ListRecord._fields)


def look(session: Session, list_name: str, waiting: int | None = None) -> Looked:
    """Return a payload list that is to be written to, and a payload IOV that waits, by its id."""
    if not is_postgresql(session):
        seen, _ = latest(session)
        record = reads.list_(session, list_name)
        return Looked(seen, record, None if waiting is None else staged(session, waiting))
    found = rows(session, _LOOK, {"name": list_name, "waiting": waiting})
    if not found:
        return Looked(0, None, None)
    seen, *record = found[0][:_LIST_ENDS]
    iov = found[0][_LIST_ENDS:]
    listed = reads.ListRecord(*record)
    listed = listed._replace(created=as_moment(listed.created))
    if iov[0] is None:
        return Looked(seen, listed, None)
    return Looked(seen, listed, _iov((*iov[:-1], as_moment(iov[-1]))))


@cache
def _lists_showing(current: bool) -> reads.Statement:
    return (
        select(PayloadList.name)
        .select_from(Iov)
        .join(ListState, and_(reads.seen_in(ListState), reads.seen(ListState, current=current)))
        .join(
            PayloadList,
            and_(
                PayloadList.id == ListState.payload_list,
                reads.seen(PayloadList, current=current),
            ),
        )
        .where(Iov.id == bindparam("id"))
        .order_by(ListState.pinned_at.is_not(None), PayloadList.id)
    )


def lists_showing(reader: Reader, iov_id: int, at: int = CURRENT) -> list[str]:
    """Return the names of the payload lists that show an IOV, the one that owns it first.

    Clones show the IOVs of the list that they were made from until they are
    written to; nothing shows an IOV that was cut or deleted.
    """
    rows = reads.run(reader, _lists_showing(at == CURRENT), at, id=iov_id)
    return [row.name for row in rows]
