"""How the axis is cut into cells, and what is covered of them, without rounding."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby, pairwise

import pytest
from histories import covered_part
from hypothesis import example, given
from hypothesis import strategies as st

from cdb.domain.points import AXIS, LAST, MAX, OPEN, ORIGIN, Interval, IovMode, Point, before
from cdb.domain.timeline import (
    FULL,
    MOST_BUCKETS,
    Grid,
    Ruler,
    Sums,
    covered,
    covered_by,
    extent,
    grid,
    reached,
    sampled,
    spread,
    wants_scale,
)

LARGE = 9007199254740993
"""The first integer that a float cannot hold."""

numbers = st.one_of(
    st.integers(0, MAX),
    st.integers(0, 3000),
    st.sampled_from([LARGE, LARGE + 1, MAX - 1, MAX, 2**32]),
)
points = st.builds(Point, numbers, numbers)
buckets = st.integers(2, MOST_BUCKETS)
scales = st.one_of(st.just(0), numbers)


@st.composite
def windows(draw: st.DrawFn) -> Interval:
    start = draw(points.filter(lambda point: point != OPEN))
    near = Point(start.major, min(start.minor + draw(st.integers(1, 5000)), MAX))
    within = Point(start.major, draw(numbers))
    end = draw(st.sampled_from([near, within, draw(points), OPEN]))
    return Interval(*sorted([start, end])) if start != end and start < OPEN else AXIS


def chosen(window: Interval, wanted: int, scale: int) -> Grid:
    return grid(window, wanted, scale if wants_scale(window, wanted) else 0)


# --- cells -----------------------------------------------------------------------------


@given(windows(), buckets, scales)
@example(AXIS, 2, 0)
@example(Interval(Point(MAX, 0), OPEN), 1500, MAX)
@example(Interval(Point(MAX, MAX - 1), OPEN), 2, 0)
@example(Interval(Point(0, MAX), Point(1, 0)), 2, 0)
@example(Interval(Point(5, 0), Point(5, MAX)), 1500, 3)
def test_buckets_fill_the_window(window: Interval, wanted: int, scale: int) -> None:
    edges = chosen(window, wanted, scale).edges(window)
    assert 2 <= len(edges) <= wanted + 1
    assert (edges[0], edges[-1]) == window
    assert all(start < end for start, end in pairwise(edges))
    assert edges[-1] <= OPEN


@given(windows(), buckets, scales, points)
def test_a_point_is_in_the_bucket_between_whose_edges_it_is(
    window: Interval, wanted: int, scale: int, point: Point
) -> None:
    found = chosen(window, wanted, scale)
    edges, first = found.edges(window), found.cells(window).start
    for place in (point, *edges[:-1], *(before(edge) for edge in edges[1:])):
        if place in window:
            assert found.index(place) - first == bisect_right(edges, place) - 1


@given(windows(), buckets, scales)
def test_inner_edges_are_round_and_stay_when_the_window_moves(
    window: Interval, wanted: int, scale: int
) -> None:
    found = chosen(window, wanted, scale)
    inner = found.edges(window)[1:-1]
    assert all(edge.major % found.majors == 0 for edge in inner)
    assert all(edge.minor % found.minors == 0 for edge in inner)
    narrower = Interval(inner[0], window.end) if inner else window
    assert found.edges(narrower)[1:-1] == inner[1:]


@given(st.integers(0, MAX - 1), st.integers(1, MAX), buckets)
@example(0, 3000, 1500)
def test_a_window_of_many_majors_has_buckets_that_are_wide_in_majors(
    start: int, width: int, wanted: int
) -> None:
    window = Interval(Point(start, 0), Point(min(start + width, MAX), 0))
    found = grid(window, wanted)
    assert found.parts == 1
    majors = window.end.major - window.start.major
    assert len(found.cells(window)) >= min(majors, wanted // 2.5 - 3)


@given(numbers, st.integers(0, MAX - 2), st.integers(1, MAX), buckets)
def test_a_window_within_a_major_has_buckets_that_are_wide_in_minors(
    major: int, start: int, width: int, wanted: int
) -> None:
    window = Interval(Point(major, start), Point(major, min(start + width, MAX - 1)))
    found = grid(window, wanted)
    minors = window.end.minor - window.start.minor
    assert found.majors == 1
    assert len(found.cells(window)) >= min(minors, wanted // 2.5 - 3)


def test_edges_of_a_window_of_runs() -> None:
    window = Interval(Point(297050, 12), Point(299330, 7))
    edges = grid(window, 500).edges(window)
    assert edges[:3] == [Point(297050, 12), Point(297055, 0), Point(297060, 0)]
    assert edges[-2:] == [Point(299330, 0), Point(299330, 7)]


def test_few_majors_are_cut_into_parts_and_what_is_left_of_each() -> None:
    window = Interval(Point(7, 0), Point(9, 0))
    assert wants_scale(window, 8)
    edges = grid(window, 8, scale=130).edges(window)
    assert edges == [
        Point(7, 0),
        Point(7, 50),
        Point(7, 100),
        Point(7, 150),
        Point(8, 0),
        Point(8, 50),
        Point(8, 100),
        Point(8, 150),
        Point(9, 0),
    ]


def test_majors_that_have_no_minors_stay_whole() -> None:
    window = Interval(Point(7, 0), Point(9, 0))
    assert grid(window, 100, scale=1).edges(window) == [Point(7, 0), Point(8, 0), Point(9, 0)]
    assert grid(window, 100, scale=2).edges(window)[:4] == [
        *(Point(7, 0), Point(7, 1), Point(7, 2), Point(8, 0))
    ]


def test_one_point_is_a_bucket() -> None:
    window = Interval(LAST, OPEN)
    assert grid(window, 100).edges(window) == [LAST, OPEN]


# --- the scale and the extent ----------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "fewest"),
    [((11, 0), 8), ((11, 1), 10), ((7, MAX), 2), ((8, 0), 2)],
)
def test_a_scale_is_wanted_where_there_are_two_buckets_for_each_major(
    end: tuple[int, int], fewest: int
) -> None:
    window = Interval(Point(7, 5), Point(*end))
    assert wants_scale(window, fewest)
    assert not wants_scale(window, fewest - 1)


def test_no_scale_is_wanted_within_a_major() -> None:
    assert not wants_scale(Interval(Point(7, 5), Point(7, MAX - 1)), MOST_BUCKETS)


@given(st.integers(0, MAX - 5000), st.integers(1, 8) | st.integers(1, 5000), numbers)
def test_the_scale_is_taken_of_all_majors_of_the_window_or_of_eight_that_are_as_far_apart(
    start: int, majors: int, minor: int
) -> None:
    end = start + majors
    found = sampled(Interval(Point(start, minor), Point(end, 0)))
    assert len(found) == min(majors, 8)
    assert found[0] == start
    least = max(majors // 8, 1)
    assert {b - a for a, b in pairwise([*found, end])} <= {least, -(-majors // 8)}


@pytest.mark.parametrize(
    ("start", "end", "minor"),
    [
        ((7, 3), (7, 9), 9),
        ((7, 3), (8, 9), 4),
        ((7, 3), (7, MAX), 4),
        ((6, 9), (7, 5), 5),
        ((6, 9), (7, MAX), 0),
        ((6, 9), (9, 5), 0),
        ((5, 9), (6, 7), 0),
    ],
)
def test_how_far_the_data_reach_into_a_major(
    start: tuple[int, int], end: tuple[int, int], minor: int
) -> None:
    assert reached(7, Interval(Point(*start), Point(*end))) == minor


def test_the_extent_is_from_the_first_start_to_the_last_finite_edge() -> None:
    firsts = [Interval(Point(3, 4), Point(5, 0)), Interval(Point(2, 9), OPEN)]
    lasts = [Interval(Point(7, 0), Point(8, 2)), Interval(Point(2, 9), OPEN)]
    assert extent(firsts, lasts, IovMode.CONTINUOUS) == Interval(Point(2, 9), Point(8, 2))


@pytest.mark.parametrize(
    ("mode", "end"),
    [
        (IovMode.CONTINUOUS, OPEN),
        (IovMode.CONTINUOUS, Point(7, MAX)),
        (IovMode.DISCRETE, OPEN),
        (IovMode.DISCRETE, Point(8, 0)),
    ],
)
def test_an_open_end_does_not_stretch_the_extent(mode: IovMode, end: Point) -> None:
    last = Interval(Point(7, 5), end)
    assert extent([last], [last], mode) == Interval(Point(7, 5), Point(7, 6))


def test_the_extent_of_nothing_is_all() -> None:
    assert extent([], [], IovMode.CONTINUOUS) == AXIS


# --- what is covered -------------------------------------------------------------------


MINORS = Grid(1, 1, 2)
MAJORS = Grid()


def edges_at(*places: Point, cells: Grid = MINORS) -> Ruler:
    return Ruler.of(places, cells)


def test_all_and_nothing_are_told_only_where_it_is_just_that() -> None:
    edges = edges_at(ORIGIN, Point(LARGE, 0), OPEN)
    assert covered_by(edges, AXIS) == [FULL, FULL]
    assert covered_by(edges, Interval(ORIGIN, LAST)) == [FULL, FULL - 1]
    assert covered_by(edges, Interval(LAST, OPEN)) == [0, 1]
    assert covered_by(edges, Interval(Point(0, 1), Point(LARGE, 0))) == [FULL - 1, 0]
    assert covered_by(edges, Interval(Point(0, 1), Point(LARGE, 1))) == [FULL - 1, 1]


def test_what_is_outside_of_the_buckets_is_left_out() -> None:
    edges = edges_at(Point(5, 0), Point(6, 0), Point(8, 0))
    assert covered_by(edges, Interval(ORIGIN, Point(5, 0))) == [0, 0]
    assert covered_by(edges, Interval(Point(8, 0), OPEN)) == [0, 0]
    assert covered_by(edges, Interval(ORIGIN, Point(7, 0))) == [FULL, 500]


def test_of_whole_majors_those_are_told_in_which_anything_is_valid() -> None:
    edges = edges_at(Point(5, 3), Point(10, 0), Point(20, 0), Point(22, 7), cells=MAJORS)
    assert edges.majors == [5, 10, 20, 23]
    assert covered_by(edges, Interval(Point(7, 1), Point(12, 0))) == [600, 200, 0]
    assert covered_by(edges, Interval(Point(7, 1), Point(12, 1))) == [600, 300, 0]
    assert covered_by(edges, Interval(Point(5, 2), Point(5, 4))) == [200, 0, 0]
    # Something is valid in each major, and not at each of its points.
    assert covered_by(edges, Interval(Point(5, 4), Point(22, 6))) == [FULL - 1, FULL, FULL - 1]


def test_a_gap_of_one_point_is_seen() -> None:
    first = Interval(Point(5, 0), Point(5, 7))
    last = Interval(Point(5, 8), Point(9, 0))
    # Both start in the first cell, from which the second one leaves.
    sums = Sums([0], [2], [2], [4], [-1], [2**32 - 1], [9], [0])
    assert covered(edges_at(Point(5, 0), Point(7, 0), Point(9, 0)), sums, first, last) == [
        FULL - 1,
        FULL,
    ]


NEAR = st.builds(Point, st.sampled_from([0, 1, 2, 3, 9, 40]), st.sampled_from([0, 1, 2, 5, MAX]))


@st.composite
def lists(draw: st.DrawFn) -> list[Interval]:
    """Intervals that do not overlap, some of which touch."""
    edges = sorted(draw(st.sets(NEAR, min_size=6, max_size=14)))
    gaps = draw(st.sets(st.integers(1, len(edges) - 3)))
    return [Interval(*pair) for number, pair in enumerate(pairwise(edges)) if number not in gaps]


def summed(cells: Grid, window: Interval, shown: Sequence[Interval]) -> Sums:
    """What `Sums` says, of intervals of which all overlap the window."""
    first = cells.index(window.start)

    def last_major(interval: Interval) -> int:
        return before(interval.end).major

    shared = [False, *(last_major(a) == b.start.major for a, b in pairwise(shown))]
    grouped = groupby(
        zip(shown, shared, strict=True),
        key=lambda each: max(cells.index(each[0].start), first) - first,
    )
    columns = []
    for cell, group in grouped:
        inside = list(group)
        parts = [part for part, _ in inside]
        minors = [part.end.minor - part.start.minor for part in parts]
        leaving = next(
            (
                part.end
                for part in parts
                if part.start >= window.start and cells.index(part.end) > cells.index(part.start)
            ),
            (None, None),
        )
        columns.append(
            (
                *(cell, len(parts), len(parts)),
                sum(part.end.major - part.start.major for part in parts),
                *(sum(each >> 32 for each in minors), sum(each & (2**32 - 1) for each in minors)),
                *leaving,
                sum(last_major(part) - part.start.major for part in parts),
                sum(is_shared for _, is_shared in inside),
            )
        )
    return Sums(*map(list, zip(*columns, strict=True)))


@given(
    lists(),
    st.sets(NEAR, min_size=2, max_size=2).map(sorted),
    st.sampled_from([MINORS, MAJORS, Grid(1, 2, 3), Grid(5), Grid(20)]),
)
@example(
    [Interval(Point(1, 0), Point(3, 0)), Interval(Point(9, 0), OPEN)], [(1, 0), (40, 0)], MAJORS
)
@example(
    [Interval(Point(1, 0), Point(1, 2)), Interval(Point(7, 0), Point(9, 0))],
    [ORIGIN, (8, 0)],
    Grid(5),
)
@example(
    [Interval(Point(0, 1), Point(2, 0)), Interval(Point(3, 0), Point(4, 0))],
    [(1, 0), (9, 0)],
    MAJORS,
)
@example(
    [Interval(Point(0, 1), Point(2, 0)), Interval(Point(3, 0), Point(4, 0))],
    [(1, 0), (9, 0)],
    Grid(5),
)
@example(
    [Interval(Point(3, 0), Point(7, 0)), Interval(Point(8, 0), Point(9, 0))],
    [(0, 0), (10, 0)],
    Grid(5),
)
@example(
    [Interval(Point(1, 0), Point(2, 0)), Interval(Point(11, 0), Point(12, 0))],
    [(0, 0), (13, 0)],
    Grid(5),
)
@example(
    [Interval(Point(1, 0), Point(2, 0)), Interval(Point(11, 0), Point(14, 0))],
    [(0, 0), (13, 0)],
    Grid(5),
)
def test_what_sums_tell_is_covered_as_the_intervals_cover_it(
    intervals: list[Interval], ends: list[Point], cells: Grid
) -> None:
    window = Interval(*(Point(*end) for end in ends))
    shown = [each for each in intervals if each.start < window.end and each.end > window.start]
    if not shown:
        return
    edges = cells.edges(window)
    ruler = edges_at(*edges, cells=cells)
    expected = [
        covered_part(Interval(*pair), shown, by_majors=cells.has_whole_majors)
        for pair in pairwise(edges)
    ]
    first, last = shown[0], shown[-1]
    # What comes after the cell of the last start is told by the last interval alone.
    end = min(cells.start(cells.index(max(last.start, window.start)) + 1), window.end)
    number = len(cells.cells(Interval(window.start, end)))
    sums = summed(cells, window, shown)
    found = covered(ruler.up_to(number, end), sums, first, last)
    assert found + covered_by(ruler.after(number), last) == expected
    if len(shown) == 1:
        assert covered_by(ruler, first) == expected


def test_numbers_of_some_cells_are_spread_over_all() -> None:
    assert spread([1, 3], [7, 8], 5) == [0, 7, 0, 8, 0]
    with pytest.raises(ValueError, match="shorter"):
        spread([1, 3], [7], 5)
