"""Intervals of sPHENIX: major number 0, and what is open."""

import pytest

from cdb.plugin import LAST, MAX, OPEN, NotationError, Point
from cdb_sphenix.dimension import Sphenix, SphenixOptions

RUNS = Sphenix("sphenix", SphenixOptions())
TIMES = Sphenix("sphenix", SphenixOptions("timestamp"))
START = Point(0, 54321)


@pytest.mark.parametrize("end", [Point(0, MAX), Point(1, 0), OPEN])
def test_end_at_the_largest_minor_number_is_open(end: Point) -> None:
    assert RUNS.normalise(START, end) == (START, OPEN)


@pytest.mark.parametrize("end", [None, Point(0, 54322), Point(0, MAX - 1)])
def test_other_ends_are_kept(end: Point | None) -> None:
    assert RUNS.normalise(START, end) == (START, end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (Point(1, 0), None),
        (Point(1, 0), OPEN),
        (Point(MAX, 0), OPEN),
        (START, Point(1, 1)),
        (START, Point(2, 0)),
        (START, Point(MAX, 0)),
        (START, LAST),
    ],
)
def test_other_major_numbers_are_refused(start: Point, end: Point | None) -> None:
    with pytest.raises(NotationError, match="has to be 0: clients look at the minor number alone"):
        RUNS.normalise(start, end)


def test_components_say_what_the_axis_is() -> None:
    assert RUNS.components == ("major", "run")
    assert TIMES.components == ("major", "timestamp")


@pytest.mark.parametrize(
    ("dimension", "end", "written"),
    [
        (RUNS, Point(0, 54400), "54400"),
        (RUNS, OPEN, "open"),
        (TIMES, Point(0, 1714564800), "2024-05-01T12:00:00Z"),
        (TIMES, Point(0, 253402300800), "253402300800"),
        (TIMES, OPEN, "open"),
    ],
)
def test_end_is_the_first_point_after(dimension: Sphenix, end: Point, written: str) -> None:
    assert dimension.format_end(end, START) == written
    assert dimension.parse_end(written, START) == end
