"""Where the rows of a payload list leave the axis uncovered."""

from typing import NamedTuple

from sqlalchemy import text

from cdb.domain.points import Point
from cdb.store.engine import Reader
from cdb.store.reads import View


class Followed(NamedTuple):
    """The end of a payload IOV, and the start of the next one: None after the last of a page."""

    start: Point
    end: Point
    following: Point | None


# The frame of two rows is what `lead` looks at; the default one takes longer to keep.
_PAGE = text(
    """
    select * from (
        select start_major, start_minor, end_major, end_minor,
            lead(start_major) over two as next_major, lead(start_minor) over two as next_minor
        from (
            select start_major, start_minor, end_major, end_minor from iov
            where series = :series and added_by <= :at and retired_by > :at
            and (start_major, start_minor) >= (:major, :minor)
            and (start_major, start_minor) < (:major_end, :minor_end)
            order by start_major, start_minor limit :rows
        ) page
        window two as (
            order by start_major, start_minor rows between current row and 1 following
        )
    ) followed
    where next_major is null or next_major <> end_major or next_minor <> end_minor
    order by start_major, start_minor
    """
)


def before_gaps(reader: Reader, view: View, low: Point, end: Point, rows: int) -> list[Followed]:
    """Return those of the next payload IOVs of a list that a gap follows, and the last one.

    Args:
        reader: where to read.
        view: what the list shows.
        low: the first start that is looked at.
        end: only IOVs that start before.
        rows: how many are looked at.

    """
    place = {"series": view.series, "at": view.at, "rows": rows}
    place |= {"major": low.major, "minor": low.minor}
    place |= {"major_end": end.major, "minor_end": end.minor}
    return [
        Followed(
            Point(row[0], row[1]),
            Point(row[2], row[3]),
            None if row[4] is None else Point(row[4], row[5]),
        )
        for row in reader.execute(_PAGE, place)
    ]
