"""What a picture of payload lists needs: where they begin and end, and sums by cells."""

from typing import Literal, NamedTuple, TypeAlias

import orjson
from sqlalchemy import TextClause, text

from cdb.domain.points import MAX, Interval, Point
from cdb.domain.timeline import Grid, Sums
from cdb.store.engine import Reader, is_postgresql
from cdb.store.reads import View

# --- one interval of each list ----------------------------------------------


_Column: TypeAlias = Literal["global_tag", "payload_list"]


class Lists(NamedTuple):
    """Which payload lists are looked at: those of a global tag, or a single one, by its id."""

    column: _Column
    id: int


def _of_each_list(compared: str, order: str) -> dict[_Column, TextClause]:
    """Return the statements for the interval of each list that comes first in an order."""
    columns: tuple[_Column, ...] = ("global_tag", "payload_list")
    return {
        column: text(
            f"""
            select s.series, i.start_major, i.start_minor, i.end_major, i.end_minor
            from list_state s join iov i on i.id = (
                select id from iov where series = s.series
                and added_by <= coalesce(s.pinned_at, :at)
                and retired_by > coalesce(s.pinned_at, :at)
                and (start_major, start_minor) {compared} (:major, :minor)
                order by start_major {order}, start_minor {order} limit 1
            )
            where s.{column} = :id and s.added_by <= :at and s.retired_by > :at
            """  # noqa: S608 - constants
        )
        for column in columns
    }


_FIRST_FROM = _of_each_list(">=", "asc")
_LAST_BEFORE = _of_each_list("<", "desc")


def first_from(reader: Reader, lists: Lists, at: int, point: Point) -> dict[int, Interval]:
    """Return the first interval of each list that starts at a point or later.

    Returns:
        By series, of which the lists of a tag have different ones; lists that
        have no such interval are left out.

    """
    return _intervals(reader, _FIRST_FROM[lists.column], lists.id, at, point)


def last_before(reader: Reader, lists: Lists, at: int, point: Point) -> dict[int, Interval]:
    """Return the last interval of each list that starts before a point, as above."""
    return _intervals(reader, _LAST_BEFORE[lists.column], lists.id, at, point)


def _intervals(
    reader: Reader, statement: TextClause, id_: int, at: int, point: Point
) -> dict[int, Interval]:
    place = {"id": id_, "at": at, "major": point.major, "minor": point.minor}
    return {
        row[0]: Interval(Point(row[1], row[2]), Point(row[3], row[4]))
        for row in reader.execute(statement, place)
    }


# --- sums by cells ----------------------------------------------------------


class _Dialect(NamedTuple):
    """What the two databases call things."""

    least: str
    greatest: str
    array: str
    collect: str
    payload: str


def _sums(dialect: _Dialect, *, by_majors: bool) -> TextClause:
    """Return the statement for the sums of a list: one array of arrays, quick to read.

    Where cells are whole majors it also counts those in which anything is valid.
    """
    least, greatest, array, collect, payload = dialect
    # What starts before the window counts as one row before it, and the row of the window is
    # taken away before anything is multiplied: so no 64 bits overflow. The limit keeps the inner
    # statement whole: else the database would sort rows with all their texts.
    part = f"{least}({{0}}_minor / :minors, :top)"
    start_part, end_part = part.format("start"), part.format("end")
    row = f"{greatest}(start_major / :majors, :row - 1) - :row"
    leaves_its_cell = f"""
        (end_major / :majors, {end_part}) > (start_major / :majors, {start_part})
        and (start_major, start_minor) >= (:major, :minor)
    """
    rows = f"""
        select
            {greatest}(({row}) * :parts + {start_part}, :first) - :first as cell,
            {payload} as payload,
            end_major - start_major as majors, end_minor - start_minor as minors,
            case when {leaves_its_cell} then end_major end as end_majors,
            case when {leaves_its_cell} then end_minor end as end_minors
            {_ENDS if by_majors else ""}
        from iov
        where series = :series and added_by <= :at and retired_by > :at
        and (start_major, start_minor) >= (:major_low, :minor_low)
        and (start_major, start_minor) < (:major_end, :minor_end)
        limit {MAX}
    """  # noqa: S608 - constants
    collected = ", ".join(f"{collect}({each})" for each in _SUMS + _OF_MAJORS * by_majors)
    return text(
        f"""
        select cast({array}({collected}) as text)
        from (
            select cell, count(*) as counts, count(distinct payload) as payloads,
                sum(majors) as majors, sum(minors >> 32) as high, sum(minors & 4294967295) as low,
                max(end_majors) as end_majors, max(end_minors) as end_minors
                {", sum(spans) as spans, sum(shared) as shared" if by_majors else ""}
            from ({_SHARING.format(rows) if by_majors else rows}) shown
            group by cell order by cell
        ) cells
        """  # noqa: S608 - constants
    )


_SUMS = ("cell", "counts", "payloads", "majors", "high", "low", "end_majors", "end_minors")
_OF_MAJORS = ("spans", "shared")

_LAST_MAJOR = "case when end_minor > 0 then end_major else end_major - 1 end"
"""The last major in which an interval is valid; the end itself is no part of it."""

_ENDS = f", start_major, start_minor, {_LAST_MAJOR} as last_major"

_SHARING = """
    select ended.*, last_major - start_major as spans, case when
        lag(last_major) over (order by start_major, start_minor) = start_major
    then 1 else 0 end as shared
    from ({}) ended
"""
"""Whether an interval begins in a major in which the one before it is valid."""


# What two payloads have to share to be the same, as 64 bits. The texts themselves take a third
# more time, and memory for which the database would use files; and of 26,000 payloads two have
# the same number in one of 10**10 lists.
_HASH = "hashtextextended(checksum, hashtextextended(payload_url, 0))"
_POSTGRESQL = _Dialect(
    "least",
    "greatest",
    "json_build_array",
    "json_agg",
    f"case when extra is null then {_HASH} else hashtextextended(extra, {_HASH}) end",
)
_SQLITE = _Dialect(
    "min", "max", "json_array", "json_group_array", "json_array(payload_url, checksum, extra)"
)
_ON_POSTGRESQL, _ON_SQLITE = (
    {by_majors: _sums(dialect, by_majors=by_majors) for by_majors in (False, True)}
    for dialect in (_POSTGRESQL, _SQLITE)
)


def sums(reader: Reader, view: View, grid: Grid, window: Interval, low: Point) -> Sums:
    """Return what the intervals of a list add up to by cells, of which some start in the window.

    Args:
        reader: where to read.
        view: what the list shows.
        grid: of the cells.
        window: what it covers of them.
        low: the start of the interval that reaches into the window, or of the window.

    """
    first = grid.index(window.start)
    row, part = divmod(first, grid.parts)
    place = {
        "series": view.series,
        "at": view.at,
        "majors": grid.majors,
        "minors": grid.minors,
        "parts": grid.parts,
        "top": grid.parts - 1,
        "row": row,
        "first": part,
        "major": window.start.major,
        "minor": window.start.minor,
        "major_low": low.major,
        "minor_low": low.minor,
        "major_end": window.end.major,
        "minor_end": window.end.minor,
    }
    statements = _ON_POSTGRESQL if is_postgresql(reader) else _ON_SQLITE
    statement = statements[grid.has_whole_majors]
    return Sums(*orjson.loads(reader.execute(statement, place).scalar_one()))
