"""The interval rules against a brute-force model over a small grid.

The model knows nothing of intervals: it keeps, for every point of the grid,
which payload answers there, and works every rule out point by point.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdb.domain.points import LAST, MAX, OPEN, ORIGIN, Interval, IovMode, Point
from cdb.domain.series import NewIov, Page, Plan, Row, attach, delete, exclusive_end
from cdb.domain.statuses import WriteMode
from cdb.errors import Invalid, NotFound, Overlap

COORDINATES = (0, 1, 2, 2**53 + 1, MAX - 1, MAX)
GRID = sorted(Point(major, minor) for major in COORDINATES for minor in COORDINATES)
STARTS = GRID[:-1]
"""Every point of the grid but (MAX, MAX), which is never a start and never asked for."""

Stored = dict[Point, tuple[Row, str]]
"""A series as a test keeps it: start → row and payload."""


def page_of(stored: Stored) -> Page:
    def page(point: Point, limit: int) -> Sequence[Row]:
        rows = [stored[start][0] for start in sorted(stored)]
        first = max((i for i, row in enumerate(rows) if row.start <= point), default=0)
        return rows[first : first + limit]

    return page


def apply(stored: Stored, plan: Plan, payloads: Sequence[str]) -> Stored:
    """Return a series after a plan, which has to retire only what it changes."""
    names = {row.id: payload for row, payload in stored.values()}
    left = {Row(each.row, *each[:3]) for each in plan.added if each.row is not None}
    assert not left & {row for row, _ in stored.values()}
    assert {row.id for row in left} <= plan.retired <= names.keys()
    after = {s: entry for s, entry in stored.items() if entry[0].id not in plan.retired}
    next_id = max(names, default=0) + 1
    for number, piece in enumerate(plan.added):
        assert (piece.new is None) != (piece.row is None)
        payload = payloads[piece.new] if piece.new is not None else names[piece.row or 0]
        assert piece.start not in after
        row = Row(next_id + number, piece.start, piece.end, piece.declared)
        after[piece.start] = (row, payload)
    return after


def answers(stored: Stored, points: Sequence[Point] = STARTS) -> dict[Point, str]:
    found: dict[Point, str] = {}
    for row, payload in stored.values():
        assert row.start < row.end <= row.declared
        for point in points:
            if point in Interval(row.start, row.end):
                assert point not in found, "two rows answer at one point"
                found[point] = payload
    return found


def is_open(iov: NewIov) -> bool:
    return iov.end in (None, OPEN, Point(iov.start.major, MAX))


def end_in_model(stored: Stored, iov: NewIov) -> Point:
    later = [start for start in stored if start > iov.start]
    return min(later, default=OPEN) if iov.end is None else iov.end


def model_attach(stored: Stored, iov: NewIov, payload: str, mode: WriteMode) -> dict[Point, str]:
    """Rules 2, 3 and 4 for one IOV, point by point; raises Overlap as the domain does."""
    before = answers(stored)
    end = end_in_model(stored, iov)
    inside = {point for point in STARTS if iov.start <= point < end}
    if mode is WriteMode.APPEND and inside & before.keys():
        last = max(stored.values(), key=lambda entry: entry[0].start)[0]
        closes_the_last = is_open(iov) and iov.start > last.start and last.end == end
        if not closes_the_last:
            raise Overlap("")
    after = dict(before)
    if iov.end is None:
        covering = [r for r, _ in stored.values() if iov.start in Interval(r.start, r.end)]
        for row in covering:
            for point in STARTS:
                if iov.start <= point < row.end:
                    after.pop(point, None)
    return after | dict.fromkeys(inside, payload)


points = st.sampled_from(STARTS)
ends = st.one_of(st.none(), st.sampled_from(GRID))


@st.composite
def new_iovs(draw: st.DrawFn) -> NewIov:
    start = draw(points)
    end = draw(ends.filter(lambda end: end is None or end > start))
    return NewIov(start, end)


@st.composite
def batches(draw: st.DrawFn) -> list[NewIov]:
    rows = draw(st.lists(new_iovs(), max_size=6, unique_by=lambda iov: iov.start))
    finite: list[NewIov] = []
    kept: list[NewIov] = []
    for row in sorted(rows, key=lambda iov: iov.start):
        if not is_open(row):
            if finite and finite[-1].end and finite[-1].end > row.start:
                continue
            finite.append(row)
        kept.append(row)
    return draw(st.permutations(kept))


@st.composite
def series(draw: st.DrawFn) -> Stored:
    """A series as a history of writes leaves it."""
    stored: Stored = {}
    for number, iov in enumerate(draw(st.lists(new_iovs(), max_size=6))):
        plan = attach([iov], page_of(stored), WriteMode.OPEN)
        stored = apply(stored, plan, [f"old{number}"])
    return stored


modes = st.sampled_from([WriteMode.OPEN, WriteMode.APPEND])

UP_TO_MAJOR_1: Stored = {ORIGIN: (Row(1, ORIGIN, Point(1, 0), Point(1, 0)), "old")}
FOR_EVER: Stored = {ORIGIN: (Row(1, ORIGIN, OPEN, OPEN), "old")}
# Where a series is short, most of a batch comes after its end.
series_or_short = st.sampled_from([{}, UP_TO_MAJOR_1, FOR_EVER]) | series()


@given(series(), new_iovs(), modes)
@example({}, NewIov(ORIGIN, None), WriteMode.OPEN)
@example({}, NewIov(LAST, OPEN), WriteMode.APPEND)
@example(UP_TO_MAJOR_1, NewIov(Point(1, 0), None), WriteMode.APPEND)
def test_one_attach_answers_as_the_model_at_every_point(
    stored: Stored, iov: NewIov, mode: WriteMode
) -> None:
    try:
        expected = model_attach(stored, iov, "new", mode)
    except Overlap:
        with pytest.raises(Overlap):
            attach([iov], page_of(stored), mode)
        return
    plan = attach([iov], page_of(stored), mode)
    assert answers(apply(stored, plan, ["new"])) == expected


@given(series_or_short, batches(), modes)
@example({}, [NewIov(ORIGIN, Point(1, 0)), NewIov(Point(0, 1), None)], WriteMode.APPEND)
@example(FOR_EVER, [NewIov(Point(1, 0), None), NewIov(Point(2, 0), None)], WriteMode.APPEND)
def test_a_batch_is_its_rows_attached_in_order_of_start(
    stored: Stored, batch: list[NewIov], mode: WriteMode
) -> None:
    names = [f"new{index}" for index in range(len(batch))]
    one_by_one = stored
    try:
        for index in sorted(range(len(batch)), key=lambda index: batch[index].start):
            plan = attach([batch[index]], page_of(one_by_one), mode)
            one_by_one = apply(one_by_one, plan, [names[index]])
    except Overlap:
        with pytest.raises(Overlap):
            attach(batch, page_of(stored), mode)
        return
    at_once = apply(stored, attach(batch, page_of(stored), mode), names)
    assert [(*row[1:], name) for row, name in sorted_rows(at_once)] == [
        (*row[1:], name) for row, name in sorted_rows(one_by_one)
    ]


def sorted_rows(stored: Stored) -> list[tuple[Row, str]]:
    return [stored[start] for start in sorted(stored)]


@given(series().filter(bool), st.data())
def test_delete_gives_the_time_back_up_to_the_declared_end_or_the_next_start(
    stored: Stored, data: st.DataObject
) -> None:
    start = data.draw(st.sampled_from(sorted(stored)))
    row = stored[start][0]
    earlier = [r for r, _ in stored.values() if r.end == start]
    following = min((other for other in stored if other > start), default=OPEN)
    expected = {p: name for p, name in answers(stored).items() if not start <= p < row.end}
    for left in earlier:
        given_back = min(left.declared, following)
        expected |= {p: stored[left.start][1] for p in STARTS if start <= p < given_back}
    deleted, plan = delete(start, row.end, page_of(stored))
    assert deleted == row
    assert answers(apply(stored, plan, [])) == expected


@given(series(), points)
def test_deleting_the_last_of_until_the_next_start_undoes_it(stored: Stored, start: Point) -> None:
    covering = [r for r, _ in stored.values() if start in Interval(r.start, r.end)]
    if start in stored or any(row.start == start for row in covering):
        return
    appended = apply(stored, attach([NewIov(start, None)], page_of(stored), WriteMode.OPEN), ["x"])
    _, plan = delete(start, None, page_of(appended))
    before, after = answers(stored), answers(apply(appended, plan, []))
    uncut = {point: name for point, name in before.items() if not covering or point < start}
    assert uncut.items() <= after.items()
    assert all(after.get(point) == name for point, name in before.items())


@given(series(), st.lists(points, min_size=1, max_size=3, unique=True))
def test_far_apart_rows_read_only_their_surroundings(stored: Stored, starts: list[Point]) -> None:
    asked: list[int] = []
    page = page_of(stored)

    def counting(point: Point, limit: int) -> Sequence[Row]:
        asked.append(limit)
        return page(point, limit)

    attach([NewIov(start, None) for start in starts], counting, WriteMode.OPEN)
    assert sum(asked) <= 16 * len(starts) + 64


@given(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 60), max_size=8))
@example(set(), {5, 55})
def test_what_covers_many_rows_wins_over_all_of_them(gaps: set[int], edges: set[int]) -> None:
    """They are read a page at a time."""
    stored = {
        Point(n, 0): (Row(n + 1, Point(n, 0), Point(n + 1, 0), Point(n + 1, 0)), f"old{n}")
        for n in set(range(60)) - gaps
    }
    ordered = sorted(Point(major, 5) for major in edges)
    batch = [NewIov(start, end) for start, end in pairwise(ordered)][::2]
    plan = attach(batch, page_of(stored), WriteMode.OPEN)
    found = apply(stored, plan, [f"new{number}" for number in range(len(batch))])
    at = [Point(major, minor) for major in range(61) for minor in (0, 5)]
    before, after = answers(stored, at), answers(found, at)
    new = {
        point: f"new{number}"
        for number, iov in enumerate(batch)
        for point in at
        if iov.start <= point < (iov.end or OPEN)
    }
    assert after == before | new


def test_a_sparse_batch_on_a_long_series_skips_what_lies_between() -> None:
    stored = {
        Point(n, 0): (Row(n + 1, Point(n, 0), Point(n + 1, 0), Point(n + 1, 0)), "x")
        for n in range(3000)
    }
    read = 0
    page = page_of(stored)

    def counting(point: Point, limit: int) -> Sequence[Row]:
        nonlocal read
        rows = page(point, limit)
        read += len(rows)
        return rows

    batch = [NewIov(Point(10, 5), Point(10, 6)), NewIov(Point(2900, 5), Point(2900, 6))]
    plan = attach(batch, counting, WriteMode.OPEN)
    assert plan.retired == {11, 2901}
    assert read <= 64


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([NewIov(Point(1, 0), None), NewIov(Point(1, 0), OPEN)], "Rows 0 and 1 both start"),
        (
            [NewIov(Point(5, 0), Point(9, 0)), NewIov(Point(1, 0), Point(6, 0))],
            "Rows 1 and 0 overlap: [(1, 0), (6, 0)) and [(5, 0), (9, 0)).",
        ),
        ([NewIov(OPEN, None)], "cannot start"),
    ],
)
def test_what_a_batch_cannot_mean_is_refused_by_name(batch: list[NewIov], message: str) -> None:
    with pytest.raises(Invalid, match=re.escape(message)):
        attach(batch, page_of({}), WriteMode.OPEN)


def test_the_online_append_closes_the_open_last_one_and_keeps_its_declared_end() -> None:
    plan = attach([NewIov(Point(7, 0), OPEN)], page_of(FOR_EVER), WriteMode.APPEND)
    after = apply(FOR_EVER, plan, ["new"])
    assert after[ORIGIN][0][1:] == (ORIGIN, Point(7, 0), OPEN)
    assert after[Point(7, 0)][0][1:] == (Point(7, 0), OPEN, OPEN)


def test_what_a_new_interval_cuts_was_meant_to_end_there() -> None:
    plan = attach([NewIov(Point(7, 0), Point(9, 0))], page_of(FOR_EVER), WriteMode.OPEN)
    after = apply(FOR_EVER, plan, ["new"])
    assert [row[1:] for row, _ in sorted_rows(after)] == [
        (ORIGIN, Point(7, 0), Point(7, 0)),
        (Point(7, 0), Point(9, 0), Point(9, 0)),
        (Point(9, 0), OPEN, OPEN),
    ]


@pytest.mark.parametrize("mode", list(IovMode))
def test_open_within_the_major_is_closed_online_too(mode: IovMode) -> None:
    end = mode.end_within_major(Point(5, 0))
    stored = {Point(5, 1): (Row(1, Point(5, 1), end, end), "a")}
    plan = attach([NewIov(Point(5, 9), end)], page_of(stored), WriteMode.APPEND, mode)
    assert apply(stored, plan, ["b"])[Point(5, 1)][0].end == Point(5, 9)


def test_open_for_ever_does_not_close_open_within_its_major() -> None:
    end = Point(5, MAX)
    stored = {Point(5, 1): (Row(1, Point(5, 1), end, end), "a")}
    told = f"[(5, 9), open) overlaps [(5, 1), (5, {MAX})), and"
    with pytest.raises(Overlap, match=re.escape(told)):
        attach([NewIov(Point(5, 9), OPEN)], page_of(stored), WriteMode.APPEND)


def test_deleting_where_nothing_starts_is_an_error() -> None:
    with pytest.raises(NotFound):
        delete(Point(3, 0), None, page_of({}))


def test_deleting_needs_the_exact_end() -> None:
    with pytest.raises(NotFound, match="ends at"):
        delete(ORIGIN, Point(4, 0), page_of(FOR_EVER))


@given(points, st.sampled_from(GRID))
def test_ends_of_the_discrete_mode_go_in_and_out_unchanged(start: Point, end: Point) -> None:
    if end < start:
        with pytest.raises(Invalid):
            exclusive_end(start, end, IovMode.DISCRETE)
        return
    inside = exclusive_end(start, end, IovMode.DISCRETE)
    assert inside > start
    shown = IovMode.DISCRETE.end_to_interface(inside)
    assert shown == (OPEN if end >= LAST else end)


@given(points, st.sampled_from(GRID))
def test_an_inclusive_end_is_the_last_point_inside(start: Point, end: Point) -> None:
    if not start <= end < LAST:
        return
    interval = Interval(start, exclusive_end(start, end, IovMode.DISCRETE))
    assert end in interval
    assert min((point for point in STARTS if point > end), default=OPEN) not in interval


@given(points, st.sampled_from(GRID))
def test_ends_of_the_continuous_mode_are_what_they_say(start: Point, end: Point) -> None:
    if end <= start:
        with pytest.raises(Invalid):
            exclusive_end(start, end, IovMode.CONTINUOUS)
        return
    assert exclusive_end(start, end, IovMode.CONTINUOUS) == end
    assert IovMode.CONTINUOUS.end_to_interface(end) == end
