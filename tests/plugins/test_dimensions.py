"""How the built-in dimensions write points and ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.builtin.dimensions import EndOptions, MajorMinor, RunLumi, UtcTime
from cdb.plugin import LAST, MAX, OPEN, NoOptions, NotationError, Point

RUN_LUMI = RunLumi("run-lumi", EndOptions())
INCLUSIVE = RunLumi("run-lumi", EndOptions("inclusive"))
UTC_TIME = UtcTime("utc-time", NoOptions())
START = Point(299400, 12)
SECOND = 10**9


def test_run_and_lumi_are_written_with_a_colon() -> None:
    assert RUN_LUMI.format(START) == "299400:12"


def test_major_and_minor_are_written_with_a_comma() -> None:
    assert MajorMinor("major-minor", EndOptions()).format(START) == "299400,12"


@pytest.mark.parametrize(
    ("notation", "end"),
    [
        ("299400:20", (299400, 20)),
        ("299401", (299401, 0)),
        ("299400:end", (299400, MAX)),
        ("open", OPEN),
    ],
)
def test_exclusive_end_is_the_first_point_after(notation: str, end: tuple[int, int]) -> None:
    assert RUN_LUMI.parse_end(notation, START) == end
    assert RUN_LUMI.parse_end(RUN_LUMI.format_end(Point(*end), START), START) == end


@pytest.mark.parametrize(
    ("notation", "end"),
    [
        ("299400:20", (299400, 21)),
        ("299400", (299401, 0)),
        ("299400:end", (299401, 0)),
        (f"299400:{MAX}", (299401, 0)),
        (f"{MAX}", OPEN),
        ("open", OPEN),
    ],
)
def test_inclusive_end_is_the_last_point_in_it(notation: str, end: tuple[int, int]) -> None:
    assert INCLUSIVE.parse_end(notation, START) == end


@pytest.mark.parametrize(
    ("end", "exclusive", "inclusive"),
    [
        (Point(299400, 20), "299400:20", "299400:19"),
        (Point(299401, 0), "299401:0", "299400:end"),
        (Point(299400, MAX), "299400:end", f"299400:{MAX - 1}"),
        (LAST, f"{MAX}:{MAX - 1}", f"{MAX}:{MAX - 2}"),
        (OPEN, "open", "open"),
    ],
)
def test_end_is_written_in_the_shorter_way(end: Point, exclusive: str, inclusive: str) -> None:
    assert RUN_LUMI.format_end(end, START) == exclusive
    assert INCLUSIVE.format_end(end, START) == inclusive


def test_end_is_no_start() -> None:
    with pytest.raises(NotationError) as refused:
        RUN_LUMI.parse("299400:end")
    assert str(refused.value) == "'299400:end' is not written as 'run:lumi', in decimal digits"


@pytest.mark.parametrize("notation", [":end", "x:end", "-1:end", f"{MAX + 1}:end", "open:end"])
def test_end_needs_its_major_number(notation: str) -> None:
    with pytest.raises(NotationError):
        RUN_LUMI.parse_end(notation, START)


@pytest.mark.parametrize("digits", [str(MAX + 1), "9" * 20, "9" * 5000])
def test_number_beyond_63_bits_is_named(digits: str) -> None:
    with pytest.raises(NotationError, match=rf"^lumi is larger than {MAX}$"):
        RUN_LUMI.parse(f"1:{digits}")


# --- time -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nanoseconds", "notation"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (500_000_000, "1970-01-01T00:00:00.5Z"),
        (1_496_275_200 * SECOND, "2017-06-01T00:00:00Z"),
        (MAX, "2262-04-11T23:47:16.854775807Z"),
    ],
)
def test_time_is_written_exactly_and_no_longer_than_needed(
    nanoseconds: int, notation: str
) -> None:
    assert UTC_TIME.format(Point(nanoseconds, 0)) == notation
    assert UTC_TIME.parse(notation) == (nanoseconds, 0)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2262, 4, 11)))
def test_time_is_what_python_says(time: datetime) -> None:
    since = time.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    expected = since // timedelta(microseconds=1) * 1000
    assert UTC_TIME.parse(f"{time.isoformat(timespec='microseconds')}Z") == (expected, 0)


@pytest.mark.parametrize(
    "notation",
    [
        "2017-06-01T12:30Z",
        "2017-06-01T12:30:00Z",
        "2017-06-01T12:30:00.000Z",
        "2017-06-01T14:30+02:00",
        "2017-06-01T05:00:00-07:30",
        "2017-06-01T12:30:00-00:00",
    ],
)
def test_one_time_has_several_notations(notation: str) -> None:
    assert UTC_TIME.format(UTC_TIME.parse(notation)) == "2017-06-01T12:30:00Z"


@pytest.mark.parametrize(
    "notation",
    [
        "2017",
        "2017-06",
        "20170601",
        "2017-06-01T12",
        "2017-06-01T12:30",
        "2017-06-01T12:30:00",
        "2017-06-01 12:30:00Z",
        "2017-06-01t12:30:00z",
        "2017-06-01T12:30:00,5Z",
        "2017-06-01T12:30.5Z",
        "2017-06-01T12:30:00.Z",
        "2017-06-01T12:30:00.1234567891Z",
        "2017-06-01T12:30:00+2",
        "2017-06-01T12:30:00+24:00",
        "2017-06-01T12:30:00+02:60",
        "2017-06-01Z",
        "٢٠١٧-٠٦-٠١",
        "now",
    ],
)
def test_what_is_not_written_as_a_time_is_refused(notation: str) -> None:
    with pytest.raises(NotationError, match=r"is not a time, as in '2017-06-01'"):
        UTC_TIME.parse(notation)


@pytest.mark.parametrize(
    "notation",
    ["2017-02-29", "2017-13-01", "0000-01-01", "2017-06-01T24:00Z", "2017-06-01T12:60Z"],
)
def test_time_that_is_not_in_the_calendar_is_refused(notation: str) -> None:
    with pytest.raises(NotationError, match=rf"^'{notation}' is not a time: "):
        UTC_TIME.parse(notation)


@pytest.mark.parametrize(
    "notation",
    [
        "1969-12-31T23:59:59.999999999Z",
        "1970-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00+23:59",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_time_that_has_no_number_is_refused(notation: str) -> None:
    with pytest.raises(NotationError, match=r"is not between 1970-01-01T00:00:00Z and 2262-04-11"):
        UTC_TIME.parse(notation)


def test_leap_second_is_refused_by_name() -> None:
    with pytest.raises(NotationError, match=r"is a leap second, which has no number of its own$"):
        UTC_TIME.parse("2016-12-31T23:59:60Z")


def test_point_between_two_nanoseconds_is_written_as_numbers() -> None:
    assert UTC_TIME.format(Point(5, 6)) == "5,6"


def test_start_between_two_nanoseconds_is_refused() -> None:
    with pytest.raises(NotationError, match=r"^none 6 is not in the range from 0 to 0$"):
        UTC_TIME.normalise(Point(5, 6), None)
