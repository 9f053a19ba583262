"""The sweep over the rows of two lists, against a comparison point by point."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cdb.domain.content import Content, Stretch
from cdb.domain.differences import Difference, differences, pieces
from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval, Point

POINTS = [*(Point(major, 0) for major in range(12)), OPEN]
PAYLOADS = [Content("p", "sum", None), Content("p", "sum", "1"), Content("q", "sum", None)]


@st.composite
def windows(draw: st.DrawFn) -> Interval:
    start, end = sorted(
        draw(st.lists(st.sampled_from(POINTS), min_size=2, max_size=2, unique=True))
    )
    return Interval(start, end)


@st.composite
def lists(draw: st.DrawFn) -> list[Stretch]:
    """The rows of a list: in order, without overlaps, with gaps or without."""
    edges = sorted(draw(st.sets(st.sampled_from(POINTS))))
    choices = st.sampled_from([*PAYLOADS, None])
    drawn = [(start, end, draw(choices)) for start, end in pairwise(edges)]
    return [Stretch(start, end, content) for start, end, content in drawn if content]


def answer(rows: Sequence[Stretch], point: Point) -> Content | None:
    return next((row.content for row in rows if row.start <= point < row.end), None)


def naive(a: Sequence[Stretch], b: Sequence[Stretch], window: Interval) -> list[Difference]:
    found: list[Difference] = []
    for start, end in pairwise(POINTS):
        pair = answer(a, start), answer(b, start)
        if pair[0] == pair[1] or not window.start <= start < window.end:
            continue
        if found and found[-1].end == start and found[-1].content == pair:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Difference(start, end, *pair))
    return found


def swept(a: Sequence[Stretch], b: Sequence[Stretch]) -> list[tuple[int, Stretch]]:
    rows = [(side, row) for side, of_side in enumerate((a, b)) for row in of_side]
    return sorted(rows, key=lambda row: row[1].start)


@given(a=lists(), b=lists(), window=windows())
def test_the_sweep_finds_what_a_comparison_point_by_point_finds(
    a: list[Stretch], b: list[Stretch], window: Interval
) -> None:
    assert list(differences(swept(a, b), window)) == naive(a, b, window)


@given(a=lists(), b=lists(), window=windows())
def test_rows_that_both_have_alike_can_be_left_out(
    a: list[Stretch], b: list[Stretch], window: Interval
) -> None:
    only_a = [row for row in a if row not in b]
    only_b = [row for row in b if row not in a]
    assert list(differences(swept(only_a, only_b), window)) == naive(a, b, window)


@given(a=lists(), b=lists(), window=windows())
def test_pieces_are_the_differences_before_they_are_joined(
    a: list[Stretch], b: list[Stretch], window: Interval
) -> None:
    found = list(pieces(swept(a, b), window))
    joined = list(differences(swept(a, b), window))
    for piece in found:
        assert [d.content for d in joined if d.start <= piece.start < piece.end <= d.end] == [
            piece.content
        ]
    assert {piece.start for piece in found} >= {difference.start for difference in joined}
    assert {piece.end for piece in found} >= {difference.end for difference in joined}


def test_no_more_rows_are_taken_than_the_first_difference_needs() -> None:
    p = Content("p", "sum", None)

    def rows() -> Iterator[tuple[int, Stretch]]:
        for major in range(3):
            taken.append(major)
            yield 0, Stretch(Point(major, 0), Point(major + 1, 0), p)

    taken: list[int] = []
    assert next(pieces(rows(), AXIS)) == Difference(ORIGIN, Point(1, 0), p, None)
    assert taken == [0, 1]
