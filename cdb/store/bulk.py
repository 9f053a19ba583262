"""Many rows at once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, func, select, text
from sqlalchemy.orm import Session

from cdb.domain.points import Point
from cdb.store.engine import connection_of, driver_cursor, is_postgresql, rows
from cdb.store.iovs import IDS_A_STATEMENT
from cdb.store.models import IOV_ID, LIVE, Iov, StagedIov

_COPY_FROM = 20
"""Rows from which COPY is faster on PostgreSQL than to insert each with what else is written."""

_COPY_CHUNK = 500
"""Rows that are turned into text at a time: they are sent before the next ones are."""

_COPY_SIZE = 2**20
"""Bytes that the driver takes at a time; more than so many rows can have."""


class IovRow(NamedTuple):
    """A row of the log, in the order of its columns; it may get its id where it is stored."""

    id: int | None
    series: int
    start: Point
    end: Point
    declared: Point
    payload_url: str
    checksum: str
    size: int | None
    extra: str | None
    inserted: datetime
    added_by: int


_COLUMNS = (
    "id, series, start_major, start_minor, end_major, end_minor, declared_end_major, "
    "declared_end_minor, payload_url, checksum, size, extra, inserted, added_by, retired_by"
)
_NAMES = _COLUMNS.split(", ")

_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


_NEW_IDS = text("select nextval('iov_id') from generate_series(1, :count)")
_LARGEST_ID = select(
    func.max(
        select(func.coalesce(func.max(Iov.id), 0)).scalar_subquery(),
        select(func.coalesce(func.max(StagedIov.id), 0)).scalar_subquery(),
        type_=BigInteger,
    )
)
INSERT = text(
    f"insert into iov ({_COLUMNS}) values "  # noqa: S608 - constants
    f"(coalesce(:id, nextval('iov_id')), {', '.join(f':{name}' for name in _NAMES[1:])})"
)
"""Stores one row of `values_of`, on PostgreSQL."""


def new_iov_ids(session: Session, count: int) -> list[int]:
    """Return ids that no payload IOV has had.

    SQLite has no sequences; its writers come one by one, so they count on from
    the largest, which `writes.expire_staged` therefore never removes.
    """
    if not count:
        return []
    if is_postgresql(session):
        return [row[0] for row in rows(session, _NEW_IDS, {"count": count})]
    largest = connection_of(session).execute(_LARGEST_ID).scalar_one()
    return list(range(largest + 1, largest + 1 + count))


def new_iov_id(*, on_postgresql: bool) -> ColumnElement[int]:
    """Return the id of `new_iov_ids` for one payload IOV, for the statement that stores it."""
    return IOV_ID.next_value() if on_postgresql else _LARGEST_ID.scalar_subquery() + 1


def are_few(session: Session, count: int) -> bool:
    """Tell whether so many rows are better inserted one by one, with what else is written."""
    return is_postgresql(session) and count < _COPY_FROM


def values_of(row: IovRow) -> dict[str, object]:
    """Return the values of a row by the names of their columns."""
    values = (*row[:2], *row.start, *row.end, *row.declared, *row[5:], LIVE)
    return dict(zip(_NAMES, values, strict=True))


def insert_iovs(session: Session, rows: Sequence[IovRow]) -> None:
    """Add live rows, which have ids, to the log: by COPY on PostgreSQL."""
    if not rows:
        return
    if is_postgresql(session):
        with driver_cursor(session) as cursor:
            cursor.copy_expert(f"copy iov ({_COLUMNS}) from stdin", _CopyText(rows), _COPY_SIZE)
    else:
        # As the driver takes them: SQLAlchemy takes ten times as long to look at each value.
        places = ", ".join("?" * len(_NAMES))
        statement = f"insert into iov ({_COLUMNS}) values ({places})"  # noqa: S608 - constants
        connection_of(session).exec_driver_sql(statement, _as_sqlite(rows))


def copy_visible(session: Session, source: int, pinned_at: int, target: int) -> None:
    """Copy what a series shows at a pin into another series, with its history's dates.

    Rows that a pinned list shows never change for it, so this needs no lock.
    """
    which = "series = :source and added_by <= :pin and retired_by > :pin"
    _copy(session, which, target, source=source, pin=pinned_at)


def copy_rows(session: Session, ids: Iterable[int], target: int) -> None:
    """Copy rows of the log, live or not, into another series, with their dates."""
    wanted = sorted(ids)
    for first in range(0, len(wanted), IDS_A_STATEMENT):
        some = ", ".join(map(str, wanted[first : first + IDS_A_STATEMENT]))
        _copy(session, f"id in ({some})", target)


def _copy(session: Session, which: str, target: int, **parameters: int) -> None:
    new_id = "nextval('iov_id')" if is_postgresql(session) else ":base + row_number() over ()"
    if not is_postgresql(session):
        parameters["base"] = new_iov_ids(session, 1)[0] - 1
    connection_of(session).execute(
        text(
            f"insert into iov ({_COLUMNS}) select {new_id}, :target, start_major, start_minor, "  # noqa: S608 - constants, and numbers
            "end_major, end_minor, declared_end_major, declared_end_minor, payload_url, checksum, "
            f"size, extra, inserted, added_by, {LIVE} from iov where {which}"
        ),
        {**parameters, "target": target},
    )


def _as_sqlite(rows: Iterable[IovRow]) -> list[tuple[object, ...]]:
    moments: dict[datetime, str] = {}
    return [
        (
            *row[:2],
            *row.start,
            *row.end,
            *row.declared,
            *row[5:9],
            moments.get(row.inserted) or moments.setdefault(row.inserted, _sqlite(row.inserted)),
            row.added_by,
            LIVE,
        )
        for row in rows
    ]


def _sqlite(moment: datetime) -> str:
    """Return a moment as SQLAlchemy writes it, for the column type of the models to read."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class _CopyText:
    """A file of rows as COPY reads them, made while the server stores those before."""

    def __init__(self, rows: Sequence[IovRow]) -> None:
        parts = range(0, len(rows), _COPY_CHUNK)
        self._texts = (_as_copy_text(rows[first : first + _COPY_CHUNK]) for first in parts)

    def read(self, _size: int) -> str:
        """Return the next part; an empty one after the last."""
        return next(self._texts, "")


def _as_copy_text(rows: Sequence[IovRow]) -> str:
    texts = "".join([f"{row[5]}{row[6]}{row[8]}" for row in rows])
    # What can be printed is no tab and no line break.
    if not texts.isprintable() or "\\" in texts:
        rows = [_escaped(row) for row in rows]
    lines = []
    moment, inserted = None, ""
    for row in rows:
        id_, series, start, end, declared, url, checksum, size, extra, when, added_by = row
        if when is not moment:
            moment, inserted = when, when.isoformat()
        lines.append(
            f"{id_}\t{series}\t{start[0]}\t{start[1]}\t{end[0]}\t{end[1]}\t"
            f"{declared[0]}\t{declared[1]}\t{url}\t{checksum}\t"
            f"{_NULL if size is None else size}\t{_NULL if extra is None else extra}\t"
            f"{inserted}\t{added_by}\t{LIVE}\n"
        )
    return "".join(lines)


def _escaped(row: IovRow) -> IovRow:
    return row._replace(
        payload_url=row.payload_url.translate(_ESCAPES),
        checksum=row.checksum.translate(_ESCAPES),
        extra=None if row.extra is None else row.extra.translate(_ESCAPES),
    )
