"""The main job: which payloads are valid in a global tag at a point, and for how long.

One statement, which costs one descent into an index for each payload list, and
one more where nothing covers the point. Live reads use the smaller index of
live rows; a list that is pinned (a clone that nobody has written to), and every
list as of a change, is read through the history index.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import String, TextClause, bindparam, text

from cdb.domain.points import OPEN, ORIGIN, Interval, Point, clamp
from cdb.domain.statuses import WriteMode
from cdb.store.changes import CURRENT, Head
from cdb.store.engine import Asked, is_postgresql, rows
from cdb.store.models import LIVE
from cdb.store.pools import Readable


class TagHead(NamedTuple):
    """A global tag: its last change, and what its status lets happen to it."""

    name: str
    head: Head
    mode: str
    final: bool

    @property
    def is_settled(self) -> bool:
        """Whether the rules let nothing of it change any more."""
        return self.final and self.mode == WriteMode.CLOSED


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


def _descents(*, current: bool, pins: bool = True) -> dict[str, str]:
    """Return the conditions for rows that a list shows, by the condition for such lists."""
    live = f"series = s.series and retired_by = {LIVE}"
    if not pins:
        return {"true": live}
    if current:
        pinned = "s.pinned_at is not null"
        return {
            "s.pinned_at is null": live,
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


def _on_postgresql(descents: Mapping[str, str], wanted: str) -> str:
    def lateral(alias: str, columns: str, further: str, order: str) -> str:
        branches = " union all ".join(
            f"(select {columns} from iov where {further} and {which} and {shown} {order})"  # noqa: S608
            for which, shown in descents.items()
        )
        return f"left join lateral ({branches}) {alias} on true"

    return " ".join(
        [
            lateral("i", _COLUMNS, wanted, _LAST_START),
            lateral("n", "start_major, start_minor", f"{wanted} and {_NOT_COVERED}", _NEXT_START),
        ]
    )


def _on_sqlite(descents: Mapping[str, str], wanted: str) -> str:
    def join(alias: str, further: str, order: str) -> str:
        branches = " ".join(
            f"when {further} and {which} then (select id from iov where {shown} {order})"  # noqa: S608
            for which, shown in descents.items()
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
        select {_SELECTED}, n.start_major, n.start_minor, pt.name, pt.dimension,
            s.series, s.pinned_at, tag.change, tag.nonce, tag.mode, tag.final, tag.id
        {_members(current=current)} {descend(_descents(current=current), wanted)}
        order by pt.name
        """
    )
    # Without a type, PostgreSQL would take none at all for numbers.
    types = bindparam("types", expanding=True, type_=String())
    return made.bindparams(types) if some else made


@cache
def _of_layout(*, pins: bool) -> TextClause:
    """Return the statement of those that know the lists of a tag, which says its head, too."""
    descents = _descents(current=True, pins=pins)
    return text(
        f"""
        select {_SELECTED}, n.start_major, n.start_minor, s.number, c.change, c.nonce
        from (
            select change, nonce from change
            where change = (select max(tc.change) from tag_change tc where tc.tag = :id)
        ) c
        left join unnest(cast(:series as bigint[]), cast(:pins as bigint[]))
            with ordinality s(series, pinned_at, number) on true
        {_on_postgresql(descents, "true")}
        """  # noqa: S608 - constants
    )


@cache
def _heads(*, postgresql: bool, current: bool) -> TextClause:
    tag = _tag(postgresql=postgresql, current=current)
    return text(f"{tag} select change, nonce, mode, final from tag")  # noqa: S608 - constants


@cache
def _types_of_tag(*, postgresql: bool, current: bool) -> TextClause:
    tag = _tag(postgresql=postgresql, current=current)
    return text(f"{tag} select pt.name, pt.dimension {_members(current=current)}")


def _run(reader: Asked, statement: Any, tag: str, at: int, min_change: int = 0) -> Sequence[Any]:
    chosen = statement(postgresql=is_postgresql(reader), current=at == CURRENT)
    return rows(reader, chosen, {"tag": tag, "at": at}, min_change)


def head(reader: Asked, tag: str, at: int = CURRENT, min_change: int = 0) -> TagHead | None:
    """Return a tag and its last change as of a change: one cheap look; None if there is no tag."""
    found = _run(reader, _heads, tag, at, min_change)
    return _tag_head(tag, found[0]) if found else None


def dimensions_of(reader: Asked, tag: str, at: int = CURRENT) -> dict[str, str | None] | None:
    """Return the dimensions of the payload types of a tag, by type; None if there is no tag."""
    found = _run(reader, _types_of_tag, tag, at)
    return {name: dimension for name, dimension in found if name is not None} if found else None


def members_at(
    reader: Asked,
    tag: str,
    point: Point,
    at: int = CURRENT,
    *,
    types: Collection[str] | None = None,
    expired: bool = False,
) -> Members | None:
    """Return what the payload lists of a global tag answer at a point.

    Args:
        reader: where to read; one statement is one snapshot. With `types` no database.
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
    place = clamp(point)
    if isinstance(reader, Readable) and reader.is_postgresql and at == CURRENT:
        return _by_layout(reader, tag, place, expired=expired)
    found = _rows_at(reader, tag, place, at, types, expired=expired)
    return _members_of(found, tag, place, types, expired=expired)


def _rows_at(
    reader: Asked,
    tag: str,
    place: Point,
    at: int,
    types: Collection[str] | None,
    *,
    expired: bool,
) -> Sequence[Any]:
    some = types is not None
    statement = _statement(postgresql=is_postgresql(reader), current=at == CURRENT, some=some)
    asked = {"tag": tag, "at": at, "major": place[0], "minor": place[1], "expired": expired}
    return rows(reader, statement, {**asked, "types": list(types or ())} if some else asked)


def _members_of(
    found: Sequence[Any],
    tag: str,
    place: Point,
    types: Collection[str] | None = None,
    *,
    expired: bool,
) -> Members | None:
    if not found:
        return None
    lists = [
        _member(row, row[10], row[11], tag, place, expired)
        for row in found
        if row[10] is not None and (types is None or row[10] in types)
    ]
    return Members(_tag_head(tag, found[0][14:18]), lists)


# --- what is remembered of a tag ----------------------------------------------


class _Layout(NamedTuple):
    """The payload lists of a tag at its head, as PostgreSQL is asked for what they answer.

    To find them is most of the work of the query, and it is the same until the tag
    changes. So it is done once, and the statement of those that know the layout says
    as of which head it was answered: where that is another one, all is asked anew.
    """

    tag: TagHead
    id: int
    types: Sequence[tuple[str, str | None]]
    series: str
    pins: str
    has_pins: bool

    @classmethod
    def of(cls, found: Sequence[Any], tag: str) -> "_Layout":
        lists = [row for row in found if row[10] is not None]
        return cls(
            _tag_head(tag, found[0][14:18]),
            found[0][18],
            [(row[10], row[11]) for row in lists],
            _array(row[12] for row in lists),
            _array(row[13] for row in lists),
            any(row[13] is not None for row in lists),
        )


_LAYOUTS_AT_MOST = 1000
"""Tags whose layouts a process remembers, some 10 kB each."""


def _array(values: Iterable[int | None]) -> str:
    """Return numbers as PostgreSQL writes an array: to quote each costs more than to find it."""
    return "{" + ",".join("null" if value is None else str(value) for value in values) + "}"


def _by_layout(database: Readable, tag: str, place: Point, *, expired: bool) -> Members | None:
    layout: _Layout | None = database.layouts.get(tag)
    if layout:
        members = _asked_by(database, layout, place, expired=expired)
        if members:
            return members
        database.layouts.pop(tag, None)
    found = _rows_at(database, tag, place, CURRENT, None, expired=expired)
    if found:
        if len(database.layouts) >= _LAYOUTS_AT_MOST:
            database.layouts.clear()
        database.layouts[tag] = _Layout.of(found, tag)
    return _members_of(found, tag, place, expired=expired)


def _asked_by(
    database: Readable, layout: _Layout, place: Point, *, expired: bool
) -> Members | None:
    """Return what the lists of a layout answer; None where the tag has changed since."""
    asked = {"id": layout.id, "series": layout.series, "pins": layout.pins, "expired": expired}
    statement = _of_layout(pins=layout.has_pins)
    found = rows(database, statement, {**asked, "major": place[0], "minor": place[1]})
    if not found or Head(*found[0][11:]) != layout.tag.head:
        return None
    lists: list[Member] = []
    for row in sorted(found, key=itemgetter(10)) if layout.types else ():
        name, dimension = layout.types[row[10] - 1]
        lists.append(_member(row, name, dimension, layout.tag.name, place, expired))
    return Members(layout.tag, lists)


def _tag_head(name: str, row: Iterable[Any]) -> TagHead:
    change, nonce, mode, final = row
    return TagHead(name, Head(change, nonce), mode, bool(final))


def _member(
    row: Any, name: str, dimension: str | None, tag: str, point: tuple[int, int], expired: bool
) -> Member:
    """Return what a list answers; a row begins with a payload IOV and the next start."""
    end = None if row[3] is None else (row[5], row[6])
    following = OPEN if row[8] is None else (row[8], row[9])
    if end is None or not (end > point or expired):
        return Member(name, None, end or ORIGIN, following)
    valid = Valid._make((name, *row[:8], dimension, tag))
    return Member(name, valid, (row[3], row[4]), following if expired else end)
