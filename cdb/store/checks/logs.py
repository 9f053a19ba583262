"""What must hold of the logs of payload IOVs.

It is asked in parts, for the series from `:low` to `:high` as of the change `:at`: no statement
takes long, whatever a database holds.
"""

from typing import NamedTuple

from sqlalchemy import TextClause, text

from cdb.domain.overlaps import LogRow
from cdb.store.engine import Reader
from cdb.store.models import LIVE

_IN_PART = "series between :low and :high"

_VIEWS = f"""
    select series, log_change, max(at) as at from (
        select s.series, coalesce(s.pinned_at, :at) as at, (
            select max(c.change) from series_change c
            where c.series = s.series and c.change <= coalesce(s.pinned_at, :at)
        ) as log_change
        from list_state s where s.{_IN_PART} and s.added_by <= :at
    ) shown group by series, log_change
"""  # noqa: S608 - constants
"""What lists show and have shown of their logs, live and at pins: series, log_change, at.

Views with no change of the log between show the same.
"""

_ENDS = "start_major, start_minor, end_major, end_minor"

INTERVALS = f"""
    select series, id, {_ENDS}, declared_end_major, declared_end_minor
    from iov where {_IN_PART} and not (
        (start_major, start_minor) < (end_major, end_minor)
        and (end_major, end_minor) <= (declared_end_major, declared_end_minor)
        and start_major >= 0 and start_minor >= 0 and end_minor >= 0 and declared_end_minor >= 0
    )
"""  # noqa: S608 - constants
"""Rows whose interval is none: series, id, the points."""


def _in_log(column: str) -> str:
    return f"""
        exists (
            select 1 from series_change c where c.series = iov.series and c.change = iov.{column}
        )
    """  # noqa: S608 - constants


# The rows of a copy keep the changes that added them to the log that it was made from.
LOG = f"""
    select series, id, 'early' as problem, retired_by as change
    from iov where {_IN_PART} and retired_by <= added_by
    union all
    select series, id, 'retired', retired_by
    from iov where {_IN_PART} and retired_by < {LIVE} and not {_in_log("retired_by")}
    union all
    select series, id, 'added', added_by
    from iov where {_IN_PART} and not exists (select 1 from change where change = added_by)
    union all
    select iov.series, id, 'added', added_by
    from iov
    join (
        select series, min(change) as first from series_change where {_IN_PART} group by series
    ) log on log.series = iov.series
    where iov.{_IN_PART} and added_by >= first and not {_in_log("added_by")}
        and exists (select 1 from change where change = added_by)
"""  # noqa: S608 - constants
"""Rows of changes that are not in the log of their series: series, id, problem, change.

A row was `added` or `retired` by the change, or was retired before it was added: `early`.
"""

OVERLAPS = f"""
    select series, id, at, {_ENDS}, next_major, next_minor from (
        select iov.series, iov.id, view.at, {_ENDS},
            lag(start_major) over following as next_major,
            lag(start_minor) over following as next_minor
        from ({_VIEWS}) view
        join iov on iov.series = view.series and iov.{_IN_PART}
            and iov.added_by <= view.at and iov.retired_by > view.at
        window following as (
            partition by iov.series, view.at order by start_major desc, start_minor desc, id
        )
    ) ordered where (end_major, end_minor) > (next_major, next_minor)
"""  # noqa: S608 - constants
"""Rows that reach over the next one, live or at a pin: series, id, at, the points."""

COUNTS = f"""
    select series, log_change as change, n_iov, shown from (
        select view.series, view.log_change, (
            select n_iov from series_change c
            where c.series = view.series and c.change = view.log_change
        ) as n_iov, (
            select count(*) from iov where iov.series = view.series
                and iov.added_by <= view.at and iov.retired_by > view.at
        ) as shown
        from ({_VIEWS}) view
    ) counted where coalesce(n_iov, 0) <> shown
"""  # noqa: S608 - constants
"""Counts that are not what is visible, live or at a pin: series, change, n_iov, shown."""

ALL_COUNTS = f"""
    select series, change, n_iov, shown from (
        select series, change, n_iov,
            sum(step) over (partition by series order by change) as shown
        from (
            select series, change, sum(step) as step, max(n_iov) as n_iov from (
                select series, added_by as change, 1 as step, cast(null as bigint) as n_iov
                from iov where {_IN_PART} and added_by <= :at
                union all
                select series, retired_by, -1, cast(null as bigint)
                from iov where {_IN_PART} and retired_by <= :at
                union all
                select series, change, 0, n_iov
                from series_change where {_IN_PART} and change <= :at
            ) touched group by series, change
        ) stepped
    ) summed where n_iov <> shown
"""  # noqa: S608 - constants
"""The same, at every change that touched a log."""

NOT_STORED = f"""
    select series, min(id) as id, payload_url, checksum, count(*) as iovs from iov
    where {_IN_PART} and added_by <= :at
    and not exists (
        select 1 from payload p where p.path is not null and p.checksum = lower(iov.checksum)
    )
    and not exists (
        select 1 from payload p where p.path is not null and p.sha256 = lower(iov.checksum)
    )
    group by series, payload_url, checksum
"""  # noqa: S608 - constants
"""Payloads of payload IOVs that are not in the store: series, id, payload_url, checksum, iovs."""

_SIZES = """
    select series, sum(rows) as rows, sum(retired) as retired from (
        select series, count(*) as rows,
            sum(case when retired_by > :at then 0 else 1 end) as retired
        from iov group by series
        union all
        select id, 0, 0 from series
        union all
        select series, 0, 0 from list_state
    ) part {where} group by series order by series
"""
_ALL_SIZES = text(_SIZES.format(where=""))
_SIZES_OF_TAG = text(
    _SIZES.format(
        where="""
        where series in (
            select series from list_state
            where global_tag = :tag and added_by <= :at and retired_by > :at
        )
        """
    )
)


class Size(NamedTuple):
    """How many rows the log of a series has, and how many of them were retired."""

    series: int
    rows: int
    retired: int


def sizes(reader: Reader, at: int, tag_id: int | None = None) -> list[Size]:
    """Return the series of the lists of a tag as of a change, or all, in order."""
    if tag_id is None:
        rows = reader.execute(_ALL_SIZES, {"at": at})
    else:
        rows = reader.execute(_SIZES_OF_TAG, {"tag": tag_id, "at": at})
    return [Size(series, int(count), int(retired)) for series, count, retired in rows]


_ROWS = """
    select series, start_major, start_minor, end_major, end_minor, added_by, retired_by, id
    from iov where {which} and added_by <= :at order by series, start_major, start_minor
"""
_ROWS_OF_PART = text(_ROWS.format(which=_IN_PART))
_ROWS_AFTER = text(
    _ROWS.format(which="series = :series and (start_major, start_minor) > (:major, :minor)")
    + " limit :limit"
)
_ROWS_AT = text(
    _ROWS.format(which="series = :series and start_major = :major and start_minor = :minor")
)


def rows_of(reader: Reader, low: int, high: int, at: int) -> list[LogRow]:
    """Return the rows, visible or not, of all logs of a part, by series and start."""
    return _log_rows(reader, _ROWS_OF_PART, low=low, high=high, at=at)


def rows_after(
    reader: Reader, series: int, after: tuple[int, int], limit: int, at: int
) -> list[LogRow]:
    """Return the next rows, visible or not, of a log in order of start.

    There are at least `limit` of them but at the end: none is left that starts
    where the last one does.
    """
    place = {"series": series, "at": at}
    major, minor = after
    rows = _log_rows(reader, _ROWS_AFTER, **place, major=major, minor=minor, limit=limit)
    if len(rows) < limit:
        return rows
    major, minor = last = rows[-1].start
    ties = _log_rows(reader, _ROWS_AT, **place, major=major, minor=minor)
    return [row for row in rows if row.start < last] + ties


def _log_rows(reader: Reader, statement: TextClause, **parameters: int) -> list[LogRow]:
    return [
        LogRow(row[0], (row[1], row[2]), (row[3], row[4]), row[5], row[6], row[7])
        for row in reader.execute(statement, parameters)
    ]


_LIST_OF_SERIES = text(
    """
    select name from payload_list l join list_state s on s.payload_list = l.id
    where s.series = :series
    order by s.pinned_at is not null, l.id limit 1
    """
)


def list_of_series(reader: Reader, series: int) -> str | None:
    """Return the name of a payload list that shows a log, or has shown it."""
    row = reader.execute(_LIST_OF_SERIES, {"series": series}).one_or_none()
    return None if row is None else str(row.name)
