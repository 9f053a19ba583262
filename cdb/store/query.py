"""The main job: which payloads are valid in a global tag at a point.

One statement, which costs one descent into an index for each payload list. A
list that is pinned (a clone that nobody has written to) is read through the
history index, the others through the smaller index of live rows; the database
skips the branch that does not apply.
"""

from typing import Any, NamedTuple

from sqlalchemy import text

from cdb.domain.points import Point, clamp
from cdb.store.engine import Reader, is_postgresql
from cdb.store.models import LIVE


class Valid(NamedTuple):
    """A payload that is valid at a point. Ends are exclusive."""

    payload_type: str
    payload_url: str
    checksum: str
    size: int | None
    start_major: int
    start_minor: int
    end_major: int
    end_minor: int
    extra: str | None
    dimension: str | None


# The last start at or before the point: row values, since the planners turn only
# these into one descent of the index. Whether the interval still holds is asked
# outside of the LIMIT, or the descent would go on to the left of every gap.
_LAST_START = """
    and (start_major, start_minor) <= (:major, :minor)
    order by start_major desc, start_minor desc limit 1
"""
_IN_LIVE = f"series = s.series and retired_by = {LIVE} {_LAST_START}"
_IN_PINNED = f"""
    series = s.series and added_by <= s.pinned_at and retired_by > s.pinned_at {_LAST_START}
"""

_COLUMNS = "payload_url, checksum, size, start_major, start_minor, end_major, end_minor, extra"
_SELECTED = ", ".join(f"i.{column}" for column in _COLUMNS.split(", "))

_MEMBERS = f"""
    from global_tag t
    left join list_state s on s.global_tag = t.id and s.retired_by = {LIVE}
    left join payload_list l on l.id = s.payload_list and l.retired_by = {LIVE}
    left join payload_type pt on pt.id = l.payload_type and pt.retired_by = {LIVE}
"""
_LISTS = f"select pt.name, {_SELECTED}, pt.dimension {_MEMBERS}"
_OF_TAG = f"where t.name = :tag and t.retired_by = {LIVE} order by pt.name"
_HOLDS = "(i.end_major, i.end_minor) > (:major, :minor)"


def _on_postgresql(condition: str) -> str:
    return f"""
        {_LISTS}
        left join lateral (
            (select {_COLUMNS} from iov where s.pinned_at is null and {_IN_LIVE})
            union all
            (select {_COLUMNS} from iov where s.pinned_at is not null and {_IN_PINNED})
        ) i on {condition}
        {_OF_TAG}
    """  # noqa: S608 - constants


def _on_sqlite(condition: str) -> str:
    return f"""
        {_LISTS}
        left join iov i on i.id = case when s.pinned_at is null
            then (select id from iov where {_IN_LIVE})
            else (select id from iov where {_IN_PINNED}) end
            and {condition}
        {_OF_TAG}
    """  # noqa: S608 - constants


_STATEMENTS = {
    (postgresql, expired): text(build("true" if expired else _HOLDS))
    for postgresql, build in ((True, _on_postgresql), (False, _on_sqlite))
    for expired in (True, False)
}


_TYPES_OF_TAG = text(f"select pt.name, pt.dimension {_MEMBERS} {_OF_TAG}")


def dimensions_of(reader: Reader, tag: str) -> dict[str, str | None] | None:
    """Return the dimensions of the payload types of a tag, by type; None if there is no tag."""
    rows = list(reader.execute(_TYPES_OF_TAG, {"tag": tag}))
    if not rows:
        return None
    return {name: dimension for name, dimension in rows if name is not None}


def valid_at(
    reader: Reader, tag: str, point: Point, *, expired: bool = False
) -> list[Valid] | None:
    """Return the payloads that are valid in a global tag at a point, by payload type.

    Args:
        reader: where to read; one statement is one snapshot.
        tag: the name of a global tag.
        point: the place on the axis.
        expired: also return what has ended, the last before the point of each
            payload list, as nopayloaddb does.

    Returns:
        At most one payload of each type; None where no live tag has this name.

    """
    major, minor = clamp(point)
    statement = _STATEMENTS[is_postgresql(reader), expired]
    rows: list[Any] = list(reader.execute(statement, {"tag": tag, "major": major, "minor": minor}))
    if not rows:
        return None
    return [Valid._make(row) for row in rows if row[1] is not None]
