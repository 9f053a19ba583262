"""Two payload lists side by side: only the rows that the other one has not.

A statement looks at one part of the axis, from where the rows of each list
begin up to a common end, so that what comes back is bounded.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from cdb.domain.content import Content, Stretch
from cdb.domain.differences import Row
from cdb.domain.points import Point
from cdb.store.engine import Reader, is_postgresql
from cdb.store.reads import View


class Side(NamedTuple):
    """A payload list to compare, and the first start that is looked at."""

    view: View
    low: Point


_COLUMNS = "start_major, start_minor, end_major, end_minor, payload_url, checksum, extra"
_NAMES = _COLUMNS.split(", ")
_POINTS = 4
"""Of these, the first ones are the numbers of an interval."""

_NOTHING = ", ".join("null" for _ in _NAMES)


def _shown(side: str, start: str = "(start_major, start_minor)") -> str:
    """Return the clause for what a side shows from its low start up to the common end."""
    return f"""
        from iov where series = :series_{side}
        and added_by <= :at_{side} and retired_by > :at_{side}
        and {start} >= (:major_{side}, :minor_{side}) and {start} < (:major_end, :minor_end)
    """


def _edge(side: str) -> str:
    return f"""
        select * from (
            select start_major, start_minor {_shown(side)}
            order by start_major, start_minor limit 1 offset :rows
        ) {side}
    """  # noqa: S608 - constants


# The first start that is so many rows away, of the list where that comes first.
_EDGE = text(f"{_edge('a')} union all {_edge('b')} order by 1, 2 limit 1")

# Of two views of one log, the earlier one alone shows what was retired between them, the
# later one alone what was added: conditions that the history index answers by itself.
_OF_ONE_LOG = text(
    f"""
    select {_COLUMNS}, {_NOTHING} {_shown("a")} and retired_by <= :at_b
    union all
    select {_NOTHING}, {_COLUMNS} {_shown("b")} and added_by > :at_a
    """
)


def _rows_of(side: str) -> str:
    return f"(select {_COLUMNS} {_shown(side)}) {side}"


def _looked_up(side: str) -> str:
    """Return what a side shows, to be looked up by its starts on SQLite.

    The plus signs keep it from looking for each start through all that lies
    between low and end, which it would rather do.
    """
    return f"(select {_COLUMNS} {_shown(side, '(+start_major, +start_minor)')}) {side}"


_ALL = ", ".join(f"{side}.{name}" for side in "ab" for name in _NAMES)
_SAME_START = "a.start_major = b.start_major and a.start_minor = b.start_minor"
_UNLIKE = " or ".join(f"a.{name} {{unlike}} b.{name}" for name in _NAMES[2:])

# What two rows with the same interval have for payloads is not asked: that they differ is known.
_SAME_END = "a.end_major = b.end_major and a.end_minor = b.end_minor"
_ALL_BUT_PAIRED = ", ".join(
    f"{side}.{name}"
    if number < _POINTS
    else f"case when {_SAME_END} then null else {side}.{name} end"
    for side in "ab"
    for number, name in enumerate(_NAMES)
)


def _on_postgresql(columns: str) -> TextClause:
    # One pass over both lists in the order of the index.
    return text(
        f"""
        select {columns} from {_rows_of("a")} full join {_rows_of("b")} on {_SAME_START}
        where {_UNLIKE.format(unlike="is distinct from")}
        """  # noqa: S608 - constants
    )


def _on_sqlite(columns: str) -> TextClause:
    # A full join on SQLite goes through all of one list for each row of the other.
    return text(
        f"""
        select {columns} from {_rows_of("a")} left join {_looked_up("b")} on {_SAME_START}
        where {_UNLIKE.format(unlike="is not")}
        union all
        select {_NOTHING}, b.* from {_rows_of("b")}
        where not exists (select 1 from {_looked_up("a")} where {_SAME_START})
        """  # noqa: S608 - constants
    )


_UNLIKE_ON_POSTGRESQL, _APART_ON_POSTGRESQL = map(_on_postgresql, (_ALL, _ALL_BUT_PAIRED))
_UNLIKE_ON_SQLITE, _APART_ON_SQLITE = map(_on_sqlite, (_ALL, _ALL_BUT_PAIRED))


def edge(reader: Reader, a: Side, b: Side, end: Point, rows: int) -> Point:
    """Return up to where no list has more than so many rows, but no more than `end`."""
    found = reader.execute(_EDGE, _parameters(a, b, end) | {"rows": rows}).one_or_none()
    return Point(*found) if found else end


def unlike(reader: Reader, a: Side, b: Side, end: Point) -> list[Row]:
    """Return the rows that are in one of two lists, but not just so in the other.

    Args:
        reader: where to read.
        a: the one list, 0 in what is returned.
        b: the other list, 1.
        end: only rows that start before.

    Returns:
        The rows in order of start.

    """
    if a.view.series == b.view.series and a.view.at > b.view.at:
        return [(1 - side, row) for side, row in unlike(reader, b, a, end)]
    if a.view.series == b.view.series:
        statement = _OF_ONE_LOG
    else:
        statement = _UNLIKE_ON_POSTGRESQL if is_postgresql(reader) else _UNLIKE_ON_SQLITE
    found = reader.execute(statement, _parameters(a, b, end)).all()
    return _in_order(row for pair in found for row in _rows(pair))


class Apart(NamedTuple):
    """Rows that only one of two lists has, and intervals that both have, with other payloads.

    The latter are the numbers of starts and ends: there may be very many.
    """

    rows: list[Row]
    paired: list[Sequence[int]]


def apart(reader: Reader, a: Side, b: Side, end: Point) -> Apart:
    """Return what `unlike` does, but of rows with the same interval only that.

    Where two lists have the same intervals, as after a reprocessing, that is a fifth of the work.
    """
    if a.view.series == b.view.series:
        return Apart(unlike(reader, a, b, end), [])
    statement = _APART_ON_POSTGRESQL if is_postgresql(reader) else _APART_ON_SQLITE
    rows: list[Row] = []
    paired: list[Sequence[int]] = []
    for pair in reader.execute(statement, _parameters(a, b, end)).all():
        if pair[0] is not None and pair[_POINTS] is None:
            paired.append(pair[:_POINTS])
        else:
            rows.extend(_rows(pair))
    return Apart(_in_order(rows), paired)


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row[1].start)


def _parameters(a: Side, b: Side, end: Point) -> dict[str, int]:
    return {"major_end": end.major, "minor_end": end.minor} | {
        f"{key}_{name}": value
        for name, side in (("a", a), ("b", b))
        for key, value in (
            ("series", side.view.series),
            ("at", side.view.at),
            ("major", side.low.major),
            ("minor", side.low.minor),
        )
    }


def _rows(pair: Sequence[Any]) -> Iterator[Row]:
    for side in (0, 1):
        row = pair[side * len(_NAMES) : (side + 1) * len(_NAMES)]
        if row[0] is not None:
            yield side, Stretch(Point(row[0], row[1]), Point(row[2], row[3]), Content(*row[4:]))
