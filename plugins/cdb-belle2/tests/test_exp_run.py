"""Intervals of validity in experiments and runs, by basf2's rules."""

import pytest

from cdb.plugin import MAX, OPEN, NoOptions, NotationError, Point
from cdb_belle2.exp_run import ExpRun

EXP_RUN = ExpRun("exp-run", NoOptions())
START = Point(12, 34)


@pytest.mark.parametrize(
    ("notation", "end"),
    [
        ("12,34", Point(12, 35)),
        ("12.34", Point(12, 35)),
        ("12,-1", Point(13, 0)),
        ("12.-1", Point(13, 0)),
        ("20,0", Point(20, 1)),
        ("-1,-1", OPEN),
        ("-1.-1", OPEN),
    ],
)
def test_end_is_the_last_run_that_is_still_valid(notation: str, end: Point) -> None:
    assert EXP_RUN.parse_end(notation, START) == end


@pytest.mark.parametrize(
    ("end", "notation"),
    [
        (Point(12, 35), "12,34"),
        (Point(13, 0), "12,-1"),
        (Point(13, 1), "13,0"),
        (OPEN, "-1,-1"),
    ],
)
def test_end_is_written_as_basf2_writes_it(end: Point, notation: str) -> None:
    assert EXP_RUN.format_end(end, START) == notation


@pytest.mark.parametrize("notation", ["-1,0", "-1,34", "-1.34"])
def test_end_with_a_run_but_no_experiment_is_refused(notation: str) -> None:
    with pytest.raises(NotationError, match="without an experiment but with a run"):
        EXP_RUN.parse_end(notation, START)


@pytest.mark.parametrize("notation", ["12", "12,-2", "-2,-1", "12,--1", "open", "-1,-1 ", "-1"])
def test_other_ends_are_refused(notation: str) -> None:
    with pytest.raises(NotationError):
        EXP_RUN.parse_end(notation, START)


def test_largest_numbers_are_those_that_basf2_can_hold() -> None:
    largest = Point(2**31 - 1, 2**31 - 1)
    end = Point(2**31 - 1, 2**31)
    assert EXP_RUN.normalise(largest, end) == (largest, end)


@pytest.mark.parametrize("start", [Point(2**31, 0), Point(0, 2**31), Point(0, MAX)])
def test_start_that_basf2_cannot_hold_is_refused(start: Point) -> None:
    with pytest.raises(NotationError, match="is not in the range from 0 to 2147483647"):
        EXP_RUN.normalise(start, None)


@pytest.mark.parametrize(
    "end",
    [
        Point(12, 2**31 + 1),
        Point(2**31, 6),
        Point(MAX, 6),
        Point(MAX, 0),
        Point(2**31 + 1, 0),
    ],
    ids=["run", "experiment", "no experiment but a run", "all of the last", "all of a large one"],
)
def test_end_that_basf2_cannot_hold_is_refused(end: Point) -> None:
    with pytest.raises(NotationError, match="is not in the range from 0 to 2147483647"):
        EXP_RUN.normalise(START, end)


@pytest.mark.parametrize("end", [None, OPEN, Point(13, 0), Point(12, 35)])
def test_other_intervals_are_kept_as_they_are(end: Point | None) -> None:
    assert EXP_RUN.normalise(START, end) == (START, end)
