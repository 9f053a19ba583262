"""What must hold of changes and of objects: types, lists, tags, and what they name."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select

from cdb.store.engine import Reader
from cdb.store.models import LIVE, TagState


def _union(statements: Iterable[str]) -> str:
    return " union all ".join(statements)


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
    join payload_list l on l.id = s.payload_list
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
