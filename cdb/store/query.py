"""The main job: which payloads are valid in a global tag at a point, and for how long.

One statement, which costs one descent into an index for each payload list, and
one more where nothing covers the point. Live reads use the smaller index of
live rows; a list that is pinned (a clone that nobody has written to), and every
list as of a change, is read through the history index.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, text

from cdb.domain.points import OPEN, ORIGIN, Interval, Point, clamp
from cdb.store.changes import CURRENT, Head
from cdb.store.engine import Reader, is_postgresql
from cdb.store.models import LIVE


class TagHead(NamedTuple):
    """A global tag: its last change, and what its status lets happen to it."""

    name: str
    head: Head
    mode: str
    final: bool


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
    global_tag: str


class Member(NamedTuple):
    """What one payload list answers at a point, and from where to where it answers the same.

    Plain pairs: a tag has hundreds of them, of which two are wanted as points.
    """

    payload_type: str
    valid: Valid | None
    start: tuple[int, int]
    end: tuple[int, int]

    @property
    def holds(self) -> Interval:
        """Return the widest interval around the point in which this answer stays the same."""
        return Interval(Point(*self.start), Point(*self.end))


class Members(NamedTuple):
    """What the payload lists of a global tag answer at a point, by payload type."""

    tag: TagHead
    lists: list[Member]


_COLUMNS = "payload_url, checksum, size, start_major, start_minor, end_major, end_minor, extra"
_SELECTED = ", ".join(f"i.{column}" for column in _COLUMNS.split(", "))

# The last start at or before the point, and the first one after it: row values,
# since the planners turn only these into one descent of the index. Whether the
# interval still holds is asked outside of the LIMIT, or the descent would go on
# to the left of every gap.
_LAST_START = """
    and (start_major, start_minor) <= (:major, :minor)
    order by start_major desc, start_minor desc limit 1
"""
_NEXT_START = """
    and (start_major, start_minor) > (:major, :minor)
    order by start_major, start_minor limit 1
"""
_NOT_COVERED = """
    (i.start_major is null or (i.end_major, i.end_minor) <= (:major, :minor) or :expired)
"""


def _seen(alias: str, *, current: bool) -> str:
    if current:
        return f"{alias}.retired_by = {LIVE}"
    return f"{alias}.added_by <= :at and {alias}.retired_by > :at"


def _tag(*, postgresql: bool, current: bool) -> str:
    """Return the table expression `tag`: a tag with its head, or no row."""
    # Planned by itself: the planner's time grows fast with the tables of a join.
    materialized = "materialized" if postgresql else ""
    return f"""
        with tag as {materialized} (
            select t.id, c.change, c.nonce, st.mode, st.final
            from global_tag t
            join tag_state ts on ts.tag = t.id and {_seen("ts", current=current)}
            join tag_status st on st.id = ts.status
            join change c on c.change = (
                select max(tc.change) from tag_change tc where tc.tag = t.id and tc.change <= :at
            )
            where t.name = :tag and {_seen("t", current=current)}
        )
    """  # noqa: S608 - constants


def _members(*, current: bool) -> str:
    return f"""
        from tag
        left join list_state s on s.global_tag = tag.id and {_seen("s", current=current)}
        left join payload_list l on l.id = s.payload_list and {_seen("l", current=current)}
        left join payload_type pt on pt.id = l.payload_type and {_seen("pt", current=current)}
    """


def _descents(*, current: bool) -> dict[str, str]:
    """Return the conditions for rows that a list shows, by the condition for such lists."""
    if current:
        pinned = "s.pinned_at is not null"
        return {
            "s.pinned_at is null": f"series = s.series and retired_by = {LIVE}",
            f"{pinned} and {_was_filled('s.pinned_at')}": _in_history("s.pinned_at"),
        }
    then = "coalesce(s.pinned_at, :at)"
    return {_was_filled(then): _in_history(then)}


def _was_filled(at: str) -> str:
    """Return the condition that a log had a row as of a change.

    In an empty one the descent would look at every row that came later.
    """
    return f"""
        (
            select c.n_iov from series_change c
            where c.series = s.series and c.change <= {at} order by c.change desc limit 1
        ) > 0
    """  # noqa: S608 - constants


def _in_history(at: str) -> str:
    return f"series = s.series and added_by <= {at} and retired_by > {at}"


def _on_postgresql(*, current: bool, wanted: str) -> str:
    def lateral(alias: str, columns: str, further: str, order: str) -> str:
        branches = " union all ".join(
            f"(select {columns} from iov where {further} and {which} and {shown} {order})"  # noqa: S608
            for which, shown in _descents(current=current).items()
        )
        return f"left join lateral ({branches}) {alias} on true"

    return " ".join(
        [
            lateral("i", _COLUMNS, wanted, _LAST_START),
            lateral("n", "start_major, start_minor", f"{wanted} and {_NOT_COVERED}", _NEXT_START),
        ]
    )


def _on_sqlite(*, current: bool, wanted: str) -> str:
    def join(alias: str, further: str, order: str) -> str:
        branches = " ".join(
            f"when {further} and {which} then (select id from iov where {shown} {order})"  # noqa: S608
            for which, shown in _descents(current=current).items()
        )
        return f"left join iov {alias} on {alias}.id = case {branches} end"

    return " ".join(
        [join("i", wanted, _LAST_START), join("n", f"{wanted} and {_NOT_COVERED}", _NEXT_START)]
    )


@cache
def _statement(*, postgresql: bool, current: bool, some: bool) -> TextClause:
    wanted = "pt.name in :types" if some else "true"
    descend = _on_postgresql if postgresql else _on_sqlite
    made = text(
        f"""
        {_tag(postgresql=postgresql, current=current)}
        select pt.name, {_SELECTED}, pt.dimension, n.start_major, n.start_minor,
            tag.change, tag.nonce, tag.mode, tag.final
        {_members(current=current)} {descend(current=current, wanted=wanted)}
        order by pt.name
        """
    )
    return made.bindparams(bindparam("types", expanding=True)) if some else made


@cache
def _heads(*, postgresql: bool, current: bool) -> TextClause:
    tag = _tag(postgresql=postgresql, current=current)
    return text(f"{tag} select change, nonce, mode, final from tag")  # noqa: S608 - constants


@cache
def _types_of_tag(*, postgresql: bool, current: bool) -> TextClause:
    tag = _tag(postgresql=postgresql, current=current)
    return text(f"{tag} select pt.name, pt.dimension {_members(current=current)}")


def _run(reader: Reader, statement: Any, tag: str, at: int, **parameters: Any) -> list[Any]:
    chosen = statement(postgresql=is_postgresql(reader), current=at == CURRENT)
    return list(reader.execute(chosen, {"tag": tag, "at": at, **parameters}))


def head(reader: Reader, tag: str, at: int = CURRENT) -> TagHead | None:
    """Return a tag and its last change as of a change: one cheap look; None if there is no tag."""
    rows = _run(reader, _heads, tag, at)
    return _tag_head(tag, rows[0]) if rows else None


def dimensions_of(reader: Reader, tag: str, at: int = CURRENT) -> dict[str, str | None] | None:
    """Return the dimensions of the payload types of a tag, by type; None if there is no tag."""
    rows = _run(reader, _types_of_tag, tag, at)
    return {name: dimension for name, dimension in rows if name is not None} if rows else None


def members_at(
    reader: Reader,
    tag: str,
    point: Point,
    at: int = CURRENT,
    *,
    types: Collection[str] | None = None,
    expired: bool = False,
) -> Members | None:
    """Return what the payload lists of a global tag answer at a point.

    Args:
        reader: where to read; one statement is one snapshot.
        tag: the name of a global tag.
        point: the place on the axis.
        at: the change that it is asked as of.
        types: the payload types that are asked for; None for all.
        expired: take what has ended for valid: the last before the point in each
            payload list, as nopayloaddb does.

    Returns:
        The answers in order of payload type, those without a payload, too; None
        where no tag has this name.

    """
    some = types is not None
    major, minor = clamp(point)
    statement = _statement(postgresql=is_postgresql(reader), current=at == CURRENT, some=some)
    place = {"tag": tag, "at": at, "major": major, "minor": minor, "expired": expired}
    parameters = {**place, "types": list(types or ())} if some else place
    rows: Sequence[Any] = reader.execute(statement, parameters).all()
    if not rows:
        return None
    wanted = rows if types is None else [row for row in rows if row[0] in types]
    lists = [_member(row, tag, (major, minor), expired) for row in wanted if row[0] is not None]
    return Members(_tag_head(tag, rows[0][12:]), lists)


def _tag_head(name: str, row: Iterable[Any]) -> TagHead:
    change, nonce, mode, final = row
    return TagHead(name, Head(change, nonce), mode, bool(final))


def _member(row: Any, tag: str, point: tuple[int, int], expired: bool) -> Member:
    end = None if row[4] is None else (row[6], row[7])
    if end is not None and end > point and not expired:
        return Member(row[0], Valid._make((*row[:10], tag)), (row[4], row[5]), end)
    following = OPEN if row[10] is None else (row[10], row[11])
    if end is not None and expired:
        return Member(row[0], Valid._make((*row[:10], tag)), (row[4], row[5]), following)
    return Member(row[0], None, end or ORIGIN, following)
