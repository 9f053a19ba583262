"""The query parameters `from` and `to`."""

import pytest
from support import rules

from cdb.domain.points import AXIS, MAX, OPEN, ORIGIN, Interval, Point
from cdb.errors import Invalid
from cdb.services import intervals

RULES = rules(default_dimension="run-lumi")
RUNS = {"run-lumi"}
BOTH = {"run-lumi", "utc-time"}


def test_nothing_given_is_all_of_the_axis() -> None:
    assert intervals.window(RULES, None, None, RUNS) == AXIS


@pytest.mark.parametrize(
    ("written", "used", "point"),
    [
        ("299400:12", RUNS, Point(299400, 12)),
        ("299400", RUNS, Point(299400, 0)),
        ("run-lumi:299400:12", {"utc-time"}, Point(299400, 12)),
        ("299400,12", RUNS, Point(299400, 12)),
        ("299400,12", {"utc-time"}, Point(299400, 12)),
        ("2017-06-01", {"utc-time"}, Point(1496275200 * 10**9, 0)),
        ("utc-time:2017-06-01", BOTH, Point(1496275200 * 10**9, 0)),
        ("299400:12", BOTH, Point(299400, 12)),
        ("299400:12", set(), Point(299400, 12)),
        ("9007199254740993:9007199254740993", RUNS, Point(2**53 + 1, 2**53 + 1)),
    ],
)
def test_a_point_is_read_in_the_dimension_that_it_names_or_else_the_only_one(
    written: str, used: set[str], point: Point
) -> None:
    assert intervals.window(RULES, written, None, used) == Interval(point, OPEN)
    assert intervals.window(RULES, None, written, used) == Interval(ORIGIN, point)


def test_an_end_is_exclusive_in_every_dimension() -> None:
    inclusive = rules(default_dimension="run-lumi", **{"plugin.run-lumi.ends": "inclusive"})
    assert inclusive.dimensions["run-lumi"].parse_end("7:3", Point(1, 0)) == Point(7, 4)
    assert intervals.window(inclusive, None, "7:3", RUNS).end == Point(7, 3)


def test_the_end_of_the_axis_can_be_written() -> None:
    assert intervals.window(RULES, "5,0", f"{MAX},{MAX}", RUNS) == Interval(Point(5, 0), OPEN)


@pytest.mark.parametrize(
    ("begin", "end", "field"),
    [
        ("soon", None, "from"),
        (None, "soon", "to"),
        ("utc-time:7:3", None, "from"),
        ("", None, "from"),
        (None, "1:end", "to"),
        ("7:3", "7:3", "to"),
        ("7:3", "7:2", "to"),
        (f"{MAX},{MAX}", None, "to"),
        (None, "0,0", "to"),
    ],
)
def test_what_is_wrong_names_its_parameter(begin: str | None, end: str | None, field: str) -> None:
    with pytest.raises(Invalid) as error:
        intervals.window(RULES, begin, end, RUNS)
    assert list(error.value.fields or ()) == [field]
