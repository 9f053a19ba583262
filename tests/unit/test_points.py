"""Points and their neighbours, against counting the points of the axis."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdb.domain.points import (
    AXIS,
    LAST,
    MAX,
    OPEN,
    ORIGIN,
    Interval,
    IovMode,
    Point,
    after,
    before,
    clamp,
    combined,
)

numbers = st.sampled_from([0, 1, 2, 2**53 + 1, MAX - 1, MAX]) | st.integers(0, MAX)
points = st.builds(Point, numbers, numbers)


def place(point: Point) -> int:
    """How many points come before one."""
    return point.major * 2**63 + point.minor


@given(points)
@example(ORIGIN)
@example(LAST)
@example(OPEN)
def test_neighbours_are_one_point_apart(point: Point) -> None:
    if point > ORIGIN:
        assert place(before(point)) == place(point) - 1
    assert place(after(point)) == min(place(point) + 1, place(OPEN))
    assert place(clamp(point)) == min(place(point), place(OPEN) - 1)


@given(points, points)
def test_points_are_in_the_order_of_the_decimals_that_nopayloaddb_compares(
    one: Point, other: Point
) -> None:
    with localcontext(prec=50):
        first, second = Decimal(combined(*one)), Decimal(combined(*other))
        assert (one < other) == (first < second)
    assert combined(100, 7) == "100.0000000000000000007"


@given(points)
def test_an_end_of_the_interface_is_the_exclusive_one_or_the_point_before_it(end: Point) -> None:
    assert IovMode.CONTINUOUS.end_from_interface(end) == end
    assert IovMode.CONTINUOUS.end_to_interface(end) == end
    assert IovMode.DISCRETE.end_from_interface(end) == after(end)
    if end > ORIGIN:
        assert IovMode.DISCRETE.end_to_interface(end) == (OPEN if end == OPEN else before(end))


@given(points)
def test_open_within_a_major_reaches_to_where_the_interface_writes_its_largest_minor(
    start: Point,
) -> None:
    for mode in IovMode:
        assert mode.end_within_major(start) == mode.end_from_interface(Point(start.major, MAX))


@given(points, points, points)
def test_a_start_belongs_to_an_interval_and_an_end_does_not(
    one: Point, other: Point, point: Point
) -> None:
    interval = Interval(*sorted([one, other]))
    assert (point in interval) == (place(interval.start) <= place(point) < place(interval.end))
    assert (interval.start in interval) == (one != other)
    assert interval.end not in interval
    assert "1" not in AXIS


@pytest.mark.parametrize(
    ("interval", "written"),
    [
        (Interval(Point(5, 1), Point(7, MAX)), f"[(5, 1), (7, {MAX}))"),
        (Interval(Point(5, 1), OPEN), "[(5, 1), open)"),
    ],
)
def test_messages_write_intervals_half_open(interval: Interval, written: str) -> None:
    assert str(interval) == written
