"""What must hold in every database, asked such that only what breaks it comes back.

Each statement finds rows that should not be there, and is one look at the database,
so that it can be asked beside writes. What is asked of the logs is asked in parts,
for the series from `:low` to `:high` as of the change `:at`: no statement takes long,
whatever a database holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, select, text

from cdb.domain.overlaps import LogRow
from cdb.store.engine import Reader
from cdb.store.models import LIVE, TagState, UtcDateTime


class Found(NamedTuple):
    """Rows that break a rule: at most as many as were asked for, and how many there are."""

    rows: Sequence[Mapping[str, Any]]
    total: int


def find(reader: Reader, statement: str, limit: int, **parameters: object) -> Found:
    """Return what a statement finds, in the order of its first two columns.

    Args:
        reader: where to read.
        statement: one of this module.
        limit: how many rows are returned at most, 1 or more; all are counted.
        parameters: of the statement.

    """
    result = reader.execute(_limited(statement), {**parameters, "limit": limit})
    rows = [row._asdict() for row in result]
    return Found(rows, int(rows[0]["total"]) if rows else 0)


@cache
def _limited(statement: str) -> TextClause:
    made = text(
        f"""
        select wrong.*, count(*) over () as total from ({statement}) wrong
        order by 1, 2 limit :limit
        """  # noqa: S608 - constants
    )
    if ":before" not in statement:
        return made
    return made.bindparams(bindparam("before", type_=UtcDateTime))


def _union(statements: Iterable[str]) -> str:
    return " union all ".join(statements)


# --- the changes and the objects ----------------------------------------------

HOLES = """
    select change, previous from (
        select change, coalesce(lag(change) over (order by change), 0) as previous from change
    ) numbered where change <> previous + 1
"""
"""Changes whose number does not follow that of the one before: change, previous."""

TIMES = """
    select change, at, earlier from (
        select change, at, lag(at) over (order by change) as earlier from change
    ) timed where at < earlier
"""
"""Changes that were made earlier than the one before: change, at, earlier."""

_KEYS = {
    "global_tag": "id",
    "list_state": "payload_list",
    "payload_list": "id",
    "payload_type": "id",
    "tag_state": "tag",
}
"""The tables of versions, and what the versions of one object share."""

_VERSIONS = _union(
    f"select '{table}' as kind, {key} as id, added_by, retired_by from {table}"  # noqa: S608
    for table, key in _KEYS.items()
)

LIFETIMES = f"""
    select kind, id, added_by, retired_by from ({_VERSIONS}) version where retired_by <= added_by
"""  # noqa: S608 - constants
"""Versions that end before they begin: kind, id, added_by, retired_by."""

VERSIONS = f"""
    select kind, id, added_by, ended from (
        select kind, id, added_by,
            lag(retired_by) over (partition by kind, id order by added_by, retired_by) as ended
        from ({_VERSIONS}) version
    ) ordered where ended <> added_by
"""  # noqa: S608 - constants
"""Versions that do not begin where the one before ends: kind, id, added_by, ended."""


def _shared(source: str, shared: str) -> str:
    """Return what finds versions that share something with another object's at one change.

    The source has what they share, and kind, id, added_by, retired_by.
    """
    earlier = "order by added_by, id rows between unbounded preceding and 1 preceding"
    return f"""
        select kind, id, {shared}, added_by from (
            select kind, id, {shared}, added_by,
                max(retired_by) over (partition by kind, {shared} {earlier}) as taken_until,
                max(retired_by) over (partition by kind, {shared}, id {earlier}) as own_until
            from ({source}) version
        ) ordered where taken_until > added_by and taken_until > coalesce(own_until, 0)
    """  # noqa: S608 - constants


NAMES = _shared(
    _union(
        f"select '{table}' as kind, id, name, added_by, retired_by from {table}"  # noqa: S608
        for table in ("global_tag", "payload_list", "payload_type")
    ),
    "name",
)
"""Objects whose name another one had at that change: kind, id, name, added_by."""

TAG_TYPES = _shared(
    """
    select 'payload_list' as kind, s.payload_list as id, s.global_tag, l.payload_type,
        s.added_by, s.retired_by
    from list_state s
    join (select distinct id, payload_type from payload_list) l on l.id = s.payload_list
    where s.global_tag is not null
    """,
    "global_tag, payload_type",
)
"""Lists in a tag that had one of the type: kind, id, global_tag, payload_type, added_by."""

OWNERS = _shared(
    """
    select 'payload_list' as kind, payload_list as id, series, added_by, retired_by
    from list_state where pinned_at is null
    """,
    "series",
)
"""Lists that write to a log to which another one writes: kind, id, series, added_by."""

PINS = """
    select payload_list, added_by, pinned_at from list_state where pinned_at > added_by
"""
"""Lists that were pinned at a change to come: payload_list, added_by, pinned_at."""


class _Reference(NamedTuple):
    """A column that names a row of another table; `none` in it stands for nothing, as null does.

    Rows come from `source`, where that is not the whole table.
    """

    table: str
    key: str
    column: str
    target: str
    target_key: str
    none: int = -1
    source: str = ""

    def dangling(self) -> str:
        """Return what finds those that name nothing: kind, id, reference, value, target."""
        value = f"referring.{self.column}"
        return f"""
            select '{self.table}' as kind, {self.key} as id, '{self.column}' as reference,
                {value} as value, '{self.target}' as target
            from {self.source or self.table} referring
            where {value} <> {self.none} and not exists (
                select 1 from {self.target} named where named.{self.target_key} = {value}
            )
        """  # noqa: S608 - constants


_TO_CHANGES = (
    *(_Reference(table, key, "added_by", "change", "change") for table, key in _KEYS.items()),
    *(
        _Reference(table, key, "retired_by", "change", "change", none=LIVE)
        for table, key in _KEYS.items()
    ),
    _Reference("list_state", "payload_list", "pinned_at", "change", "change"),
    _Reference("payload", "id", "added_by", "change", "change"),
    _Reference("recorded_answer", "change", "change", "change", "change"),
    _Reference("series_change", "series", "change", "change", "change"),
    _Reference("tag_change", "tag", "change", "change", "change"),
    # The statuses that every database has were declared before its first change.
    _Reference("tag_status", "id", "added_by", "change", "change", none=0),
    _Reference("type_change", "payload_type", "change", "change", "change"),
)
_TO_OBJECTS = (
    _Reference("global_tag", "id", "id", "tag_state", "tag"),
    _Reference(
        "iov", "series", "series", "series", "id", source="(select distinct series from iov)"
    ),
    _Reference("list_state", "payload_list", "global_tag", "global_tag", "id"),
    _Reference("list_state", "payload_list", "payload_list", "payload_list", "id"),
    _Reference("list_state", "payload_list", "series", "series", "id"),
    _Reference("payload_list", "id", "id", "list_state", "payload_list"),
    _Reference("payload_list", "id", "payload_type", "payload_type", "id"),
    _Reference("series_change", "series", "series", "series", "id"),
    _Reference("tag_change", "tag", "tag", "global_tag", "id"),
    _Reference("tag_state", "tag", "status", "tag_status", "id"),
    _Reference("tag_state", "tag", "tag", "global_tag", "id"),
    _Reference("type_change", "payload_type", "payload_type", "payload_type", "id"),
)

REFERENCES = _union(each.dangling() for each in (*_TO_CHANGES, *_TO_OBJECTS))
"""Rows that name what is not there: kind, id, reference, value, target."""


def _outliving(reference: _Reference) -> str:
    value = f"referring.{reference.column}"
    return f"""
        select '{reference.table}' as kind, referring.{reference.key} as id, referring.added_by,
            '{reference.target}' as target, {value} as value, named.first, named.last
        from {reference.table} referring
        join (
            select {reference.target_key} as id, min(added_by) as first, max(retired_by) as last
            from {reference.target} group by {reference.target_key}
        ) named on named.id = {value}
        where referring.added_by < named.first or referring.retired_by > named.last
    """  # noqa: S608 - constants


LIVES = _union(
    _outliving(reference)
    for reference in _TO_OBJECTS
    if reference.table in _KEYS and reference.target in _KEYS
)
"""Versions that name what is not there all the time: kind, id, added_by, target, value."""


_TOLD = {"tag_change": "tag", "type_change": "payload_type"}


def _untold(table: str, key: str, change: str, log: str, named: str, source: str = "") -> str:
    """Return what finds changes of a table that no tag or type was told of."""
    return f"""
        select '{table}' as kind, touching.{key} as id, '{log}' as log, touching.{named} as named,
            touching.{change} as change
        from {source or table} touching
        where touching.{named} is not null and touching.{change} <> {LIVE} and not exists (
            select 1 from {log} told
            where told.{_TOLD[log]} = touching.{named} and told.change = touching.{change}
        )
    """  # noqa: S608 - constants


_TYPED = "(select distinct id, payload_type from payload_list)"

_OWNED_CHANGES = f"""(
    select written.series, written.change, s.global_tag, l.payload_type
    from series_change written
    join list_state s on s.series = written.series and s.pinned_at is null
        and s.added_by <= written.change and s.retired_by > written.change
    join {_TYPED} l on l.id = s.payload_list
)"""  # noqa: S608 - constants

_TYPED_STATES = f"""(
    select s.payload_list as id, l.payload_type, s.added_by, s.retired_by
    from list_state s join {_TYPED} l on l.id = s.payload_list
)"""  # noqa: S608 - constants

HEADS = _union(
    (
        *(
            _untold(table, key, change, "tag_change", tag)
            for table, key, tag in (
                ("global_tag", "id", "id"),
                ("list_state", "payload_list", "global_tag"),
                ("tag_state", "tag", "tag"),
            )
            for change in ("added_by", "retired_by")
        ),
        *(
            _untold("list_state", "id", change, "type_change", "payload_type", _TYPED_STATES)
            for change in ("added_by", "retired_by")
        ),
        *(
            _untold(table, "id", change, "type_change", named)
            for table, named in (("payload_list", "payload_type"), ("payload_type", "id"))
            for change in ("added_by", "retired_by")
        ),
        *(
            _untold("series_change", "series", "change", log, named, _OWNED_CHANGES)
            for log, named in (("tag_change", "global_tag"), ("type_change", "payload_type"))
        ),
    )
)
"""Changes that did not move the head of what they touched: kind, id, log, named, change."""

KEPT = """
    select 'tag_state' as kind, s.tag as id, s.added_by, s.digest, named.mode
    from tag_state s join tag_status named on named.id = s.status
    where (named.mode <> 'closed' and s.digest is not null)
        or named.mode not in ('open', 'append', 'closed')
"""
"""Tags that are open and have a digest, or are neither open nor closed.

Columns: kind, id, added_by, digest, mode.
"""

UNKEPT = """
    select 'tag_state' as kind, s.tag as id, s.added_by
    from tag_state s join tag_status named on named.id = s.status
    where named.mode = 'closed' and s.digest is null
"""
"""Tags that are closed without a digest: kind, id, added_by."""

UNUSED = """
    select id, (select count(*) from iov where iov.series = series.id) as rows from series
    where not exists (select 1 from list_state where list_state.series = series.id)
"""
"""Logs that no list has ever had: id, rows."""

STAGED = "select id, inserted from staged_iov where inserted < :before"
"""Payload IOVs that wait since a time before `:before`: id, inserted."""

# --- the logs -----------------------------------------------------------------

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
        and start_major >= 0 and start_minor >= 0 and end_major >= 0 and end_minor >= 0
        and declared_end_major >= 0 and declared_end_minor >= 0
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
        select distinct series, 0, 0 from list_state
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
    order by s.pinned_at is not null, s.retired_by desc, l.retired_by desc, l.id limit 1
    """
)


def list_of_series(reader: Reader, series: int) -> str | None:
    """Return the name of a payload list that shows a log, or has shown it."""
    row = reader.execute(_LIST_OF_SERIES, {"series": series}).one_or_none()
    return None if row is None else str(row.name)


class KeptDigest(NamedTuple):
    """The digest of a tag as it was kept, and the last change until which it has to hold."""

    tag: int
    digest: str
    until: int


def kept_digests(reader: Reader, at: int, tag_id: int | None = None) -> list[KeptDigest]:
    """Return the digests that were kept of a tag, or of all, until a change."""
    statement = (
        select(TagState.tag, TagState.digest, TagState.retired_by)
        .where(TagState.digest.is_not(None), TagState.added_by <= at)
        .order_by(TagState.tag, TagState.added_by)
    )
    if tag_id is not None:
        statement = statement.where(TagState.tag == tag_id)
    return [
        KeptDigest(tag, str(digest), min(at, retired_by - 1))
        for tag, digest, retired_by in reader.execute(statement)
    ]
