"""Rows of logs that overlap along the axis and in time, against comparing all pairs."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from cdb.domain.overlaps import LogRow, overlapping


@st.composite
def rows(draw: st.DrawFn) -> list[LogRow]:
    found = []
    for number in range(draw(st.integers(0, 12))):
        start, added = draw(st.integers(0, 7)), draw(st.integers(1, 7))
        end = start + draw(st.integers(1, 8))
        retired = added + draw(st.integers(1, 8))
        series = draw(st.integers(1, 2))
        found.append(LogRow(series, (start, 0), (end, 0), added, retired, number))
    return sorted(found)


def overlap(a: LogRow, b: LogRow) -> bool:
    return (
        a.series == b.series
        and max(a.start, b.start) < min(a.end, b.end)
        and max(a.added_by, b.added_by) < min(a.retired_by, b.retired_by)
    )


@given(rows())
def test_what_is_told_overlaps_and_is_told_wherever_something_does(found: list[LogRow]) -> None:
    told = list(overlapping(found))
    assert all(overlap(*pair) for pair in told)
    left_out = {later for _, later in told}
    kept = [row for row in found if row not in left_out]
    assert not any(overlap(*pair) for pair in combinations(kept, 2))
    assert len(left_out) == len(told)


def test_rows_that_touch_or_follow_each_other_in_time_do_not_overlap() -> None:
    first = LogRow(1, (0, 0), (5, 0), 1, 3, 1)
    later = LogRow(1, (2, 0), (6, 0), 3, 9, 2)
    beside = LogRow(1, (5, 0), (6, 0), 1, 3, 3)
    elsewhere = LogRow(2, (0, 0), (6, 0), 1, 9, 4)
    assert list(overlapping([first, later, beside, elsewhere])) == []
    assert list(overlapping([first, later._replace(added_by=2)])) == [
        (first, later._replace(added_by=2))
    ]
