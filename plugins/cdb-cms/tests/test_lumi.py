"""How points of CMS are written, packed, and ended."""

import pytest

from cdb.plugin import MAX, OPEN, NotationError, Point
from cdb_cms.lumi import CmsLumi, LumiOptions

PACKED = CmsLumi("cms-lumi", LumiOptions())
PAIR = CmsLumi("cms-lumi", LumiOptions("pair"))
START = Point(0, 0)


def test_run_is_in_the_upper_32_bits_and_lumi_in_the_lower() -> None:
    packed, minor = PACKED.parse("297050:137")
    assert (packed >> 32, packed & 0xFFFFFFFF, minor) == (297050, 137, 0)


def test_pair_keeps_both_numbers() -> None:
    assert PAIR.parse("297050:137") == (297050, 137)


def test_order_of_packed_points_is_that_of_pairs() -> None:
    sections = ["297050:776", "297056:12", "297056:203", "297057", "297057:1"]
    for dimension in (PACKED, PAIR):
        points = [dimension.parse(section) for section in sections]
        assert points == sorted(points)


@pytest.mark.parametrize(
    ("written", "first_after"),
    [
        ("297050:137", "297050:138"),
        ("297050:0", "297050:1"),
        ("297050:end", "297051:0"),
        ("297050", "297051:0"),
        ("297050:4294967295", "297051:0"),
    ],
)
@pytest.mark.parametrize("dimension", [PACKED, PAIR], ids=["packed", "pair"])
def test_end_is_inclusive(dimension: CmsLumi, written: str, first_after: str) -> None:
    assert dimension.parse_end(written, START) == dimension.parse(first_after)


@pytest.mark.parametrize(
    ("end", "written"),
    [("297050:138", "297050:137"), ("297051:0", "297050:end"), ("297050:1", "297050:0")],
)
@pytest.mark.parametrize("dimension", [PACKED, PAIR], ids=["packed", "pair"])
def test_end_is_written_as_its_last_section(dimension: CmsLumi, end: str, written: str) -> None:
    assert dimension.format_end(dimension.parse(end), START) == written


@pytest.mark.parametrize("dimension", [PACKED, PAIR], ids=["packed", "pair"])
def test_end_of_the_last_run_is_open(dimension: CmsLumi) -> None:
    assert dimension.parse_end("2147483647:end", START) == OPEN
    assert dimension.format_end(OPEN, START) == "open"


@pytest.mark.parametrize(
    ("notation", "reason"),
    [
        ("2147483648:1", "run is larger than 2147483647"),
        ("1:4294967296", "lumi is larger than 4294967295"),
        (f"{'9' * 5000}:1", "run is larger than 2147483647"),
        ("297050:x", "is not written as 'run:lumi', in decimal digits"),
        ("297050:end", "'297050:end' is the end of a run, and no point"),
    ],
)
def test_what_is_no_section_is_refused(notation: str, reason: str) -> None:
    with pytest.raises(NotationError, match=f"{reason}$"):
        PACKED.parse(notation)


def test_packed_start_has_no_minor_number() -> None:
    with pytest.raises(NotationError, match=r"^none 12 is not in the range from 0 to 0$"):
        PACKED.normalise(Point(297050, 12), None)


def test_run_or_lumi_too_large_for_packing_is_no_start_of_a_pair() -> None:
    with pytest.raises(NotationError, match=r"^run 2147483648 is not in the range"):
        PAIR.normalise(Point(2**31, 0), None)
    with pytest.raises(NotationError, match=r"^lumi 4294967296 is not in the range"):
        PAIR.normalise(Point(297050, 2**32), None)


@pytest.mark.parametrize(
    ("end", "meant"),
    [
        (Point(7, 0), Point(7, 0)),
        (Point(7, 1), Point(8, 0)),
        (Point(7, MAX), Point(8, 0)),
        (Point(MAX, 1), OPEN),
        (OPEN, OPEN),
    ],
)
def test_packed_end_between_two_numbers_is_the_latter(end: Point, meant: Point) -> None:
    assert PACKED.normalise(START, end) == (START, meant)


def test_pair_that_is_open_within_its_run_stays_so() -> None:
    end = Point(297050, MAX)
    assert PAIR.normalise(Point(297050, 1), end) == ((297050, 1), end)
