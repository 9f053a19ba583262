"""Untangled rows of nopayloaddb answer what its query answered, and every change is told."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdb.domain.points import MAX, OPEN, IovMode, Point
from cdb.domain.portable import PortableIov
from cdb.domain.untangling import TOLD, Asked, Finding, Kind, LegacyRow, detached, untangled

CONTINUOUS, DISCRETE = IovMode.CONTINUOUS, IovMode.DISCRETE
THEN = datetime(2020, 1, 1, tzinfo=UTC)
NUMBERS = (-2, -1, 0, 1, 2, 7, MAX - 1, MAX)
WRITTEN = [Point(major, minor) for major in NUMBERS for minor in NUMBERS]
GRID = [
    Point(major, minor)
    for major in (0, 1, 2, 3, 7, 8, MAX - 1, MAX)
    for minor in (0, 1, 2, 3, 7, 8, MAX - 1, MAX)
    if Point(major, minor) != OPEN
]


SENTENCE = re.compile(r"[A-Z].*[a-z0-9]\.")


def row(
    number: int,
    start: tuple[int, int],
    end: tuple[int, int] = OPEN,
    revision: str | None = "1",
    asked: Asked = Asked.RIGHT,
) -> LegacyRow:
    return LegacyRow(
        number, Point(*start), Point(*end), f"p{number}", "c", None, revision, THEN, asked
    )


def untangle(
    rows: Sequence[LegacyRow], mode: IovMode = CONTINUOUS
) -> tuple[list[PortableIov], list[Finding]]:
    findings: list[Finding] = []
    iovs = list(untangled(rows, mode, findings.append))
    assert all(SENTENCE.fullmatch(each.text) for each in findings)
    return iovs, findings


def answer(iovs: Sequence[PortableIov], point: Point) -> str | None:
    found = [iov.payload_url for iov in iovs if iov.start <= point < iov.end]
    assert len(found) <= 1
    return found[0] if found else None


def answer_of_nopayloaddb(rows: Sequence[LegacyRow], point: Point, mode: IovMode) -> str | None:
    """The last start at or before the point, which its clients drop where it has ended."""
    before = [row for row in rows if row.asked is not Asked.NEVER and row.start <= point]
    if not before:
        return None
    last = max(before, key=lambda row: (row.start, row.id))
    holds = point < last.end if mode is CONTINUOUS else point <= last.end
    return last.payload_url if holds else None


@st.composite
def lists(draw: st.DrawFn) -> list[LegacyRow]:
    made = [
        row(
            number,
            draw(st.sampled_from(WRITTEN)),
            draw(st.sampled_from(WRITTEN)),
            draw(st.sampled_from([None, "1", "x"])),
            draw(st.sampled_from([Asked.RIGHT] * 4 + [Asked.ROUNDED, Asked.NEVER])),
        )
        for number in range(draw(st.integers(0, 8)))
    ]
    return sorted(made, key=lambda each: (each.start, each.id))


@given(lists(), st.sampled_from(IovMode))
@example([row(1, (0, 0), (7, 0)), row(2, (1, 0), (2, 0))], CONTINUOUS)
@example([row(1, (0, 0), (0, 0)), row(2, (0, 1), (MAX, MAX - 1))], DISCRETE)
@example([row(1, (-1, 7)), row(2, (0, -1), (1, -1))], DISCRETE)
@example([row(1, (0, 7), (1, -1))], CONTINUOUS)
def test_every_point_of_a_grid_answers_as_nopayloaddb_did(
    rows: list[LegacyRow], mode: IovMode
) -> None:
    iovs, _ = untangle(rows, mode)
    for point in GRID:
        assert answer(iovs, point) == answer_of_nopayloaddb(rows, point, mode), point


@given(lists(), st.sampled_from(IovMode))
def test_what_comes_out_is_in_order_without_overlaps_and_within_its_declared_ends(
    rows: list[LegacyRow], mode: IovMode
) -> None:
    iovs, _ = untangle(rows, mode)
    assert all(left.end <= right.start for left, right in pairwise(iovs))
    assert all(iov.start < iov.end <= iov.declared for iov in iovs)
    assert all(min(*iov.start, *iov.end, *iov.declared) >= 0 for iov in iovs)


@given(lists(), st.sampled_from(IovMode))
def test_every_row_is_taken_over_whole_or_is_told_of(rows: list[LegacyRow], mode: IovMode) -> None:
    iovs, findings = untangle(rows, mode)
    told = {finding.ids[0] for finding in findings if finding.start is not None}
    told |= {number for finding in findings if finding.start is None for number in finding.ids}
    whole = {
        f"p{each.id}": (each.start, mode.end_from_interface(each.end))
        for each in rows
        if each.id not in told
    }
    taken = {iov.payload_url: (iov.start, iov.end) for iov in iovs}
    assert whole.items() <= taken.items()


def test_open_intervals_hold_until_the_next_start_and_keep_their_declared_end() -> None:
    iovs, [finding] = untangle([row(1, (0, 0)), row(2, (10, 0)), row(3, (20, 0))])
    assert [(iov.start, iov.end, iov.declared) for iov in iovs] == [
        ((0, 0), (10, 0), OPEN),
        ((10, 0), (20, 0), OPEN),
        ((20, 0), OPEN, OPEN),
    ]
    assert (finding.kind, finding.ids, finding.count) == (Kind.UNTIL_NEXT, (1, 2), 2)


@pytest.mark.parametrize(("mode", "end"), [(CONTINUOUS, (3, MAX)), (DISCRETE, (4, 0))])
def test_open_within_its_major_is_open(mode: IovMode, end: tuple[int, int]) -> None:
    iovs, [finding] = untangle([row(1, (3, 0), (3, MAX)), row(2, (3, 5), (3, MAX))], mode)
    assert [(iov.end, iov.declared) for iov in iovs] == [((3, 5), end), (end, end)]
    assert finding.kind is Kind.UNTIL_NEXT


def test_a_closed_interval_is_cut_at_the_next_start_and_gets_nothing_back() -> None:
    iovs, [finding] = untangle([row(1, (5, 0), (5, 100)), row(2, (5, 10), (5, 20))])
    assert [(iov.start, iov.end, iov.declared) for iov in iovs] == [
        ((5, 0), (5, 10), (5, 10)),
        ((5, 10), (5, 20), (5, 20)),
    ]
    assert (finding.kind, finding.ids) == (Kind.CUT, (1, 2))
    assert (finding.start, finding.end, finding.until) == ((5, 0), (5, 100), (5, 10))


@pytest.mark.parametrize("end", [(1, 10), (1, 11)])
def test_discrete_neighbours_are_clipped(end: tuple[int, int]) -> None:
    iovs, [finding] = untangle([row(1, (1, 0), end), row(2, (1, 10), (1, 20))], DISCRETE)
    assert [iov.end for iov in iovs] == [(1, 10), (1, 21)]
    assert finding.kind is Kind.CLIPPED
    assert finding.text.startswith("It ends where")


@pytest.mark.parametrize(("mode", "end"), [(CONTINUOUS, (1, 11)), (DISCRETE, (1, 12))])
def test_what_reaches_further_than_a_neighbour_is_cut(mode: IovMode, end: tuple[int, int]) -> None:
    _, [finding] = untangle([row(1, (1, 0), end), row(2, (1, 10), (1, 20))], mode)
    assert finding.kind is Kind.CUT
    assert finding.text.startswith("It is cut where")


def test_discrete_neighbours_that_leave_each_other_room_are_no_finding() -> None:
    iovs, findings = untangle([row(1, (1, 0), (1, 9)), row(2, (1, 10), (1, 10))], DISCRETE)
    assert [iov.end for iov in iovs] == [(1, 10), (1, 11)]
    assert findings == []


def test_of_one_start_the_newest_wins() -> None:
    iovs, findings = untangle([row(1, (1, 0)), row(2, (1, 0)), row(7, (1, 0))])
    assert [iov.payload_url for iov in iovs] == ["p7"]
    assert [(each.kind, each.ids) for each in findings] == [
        (Kind.DUPLICATE, (1, 2)),
        (Kind.DUPLICATE, (2, 7)),
    ]


def test_what_never_held_is_left_out_and_hides_what_it_hid() -> None:
    iovs, findings = untangle([row(1, (1, 0)), row(2, (2, 0), (2, 0))])
    assert [(iov.end, iov.declared) for iov in iovs] == [((2, 0), OPEN)]
    assert [(each.kind, each.ids) for each in findings] == [
        (Kind.EMPTY, (2,)),
        (Kind.UNTIL_NEXT, (1,)),
    ]


def test_revisions_are_taken_over_and_told_of() -> None:
    iovs, findings = untangle([row(1, (1, 0), (2, 0), None), row(2, (2, 0), (3, 0), "r2")])
    assert [iov.revision for iov in iovs] == [None, "r2"]
    assert [(each.kind, each.ids) for each in findings] == [
        (Kind.REVISION, (2,)),
        (Kind.NO_REVISION, (1,)),
    ]


def test_mixed_majors_are_told_of() -> None:
    edges = [(1, 0), (1, 5), (2, 0), (4, 2), (6, 0), (7, 3)]
    rows = [row(number, *ends) for number, ends in enumerate(pairwise(edges), start=1)]
    iovs, [finding] = untangle(rows)
    assert [iov.end for iov in iovs] == edges[1:]
    assert (finding.kind, finding.ids, finding.count) == (Kind.MIXED_MAJORS, (3, 4, 5), 3)
    assert "number, 2 others within their own" in finding.text


@given(lists(), st.sampled_from(IovMode))
@example([row(1, OPEN), row(2, OPEN)], CONTINUOUS)
def test_each_row_with_a_number_below_0_or_that_starts_after_every_point_is_told_of(
    rows: list[LegacyRow], mode: IovMode
) -> None:
    _, findings = untangle(rows, mode)
    told = [each for each in findings if each.kind is Kind.OUT_OF_RANGE]
    assert [(each.ids, each.count) for each in told] == [
        ((each.id,), 1)
        for each in rows
        if each.asked is not Asked.NEVER
        and (each.start == OPEN or min(*each.start, *each.end) < 0)
    ]


def test_starts_that_its_query_rounded_or_never_saw_are_told_of() -> None:
    rows = [
        row(1, (1, 0), (2, 0), asked=Asked.NEVER),
        row(2, (2, 0), (3, 0), asked=Asked.ROUNDED),
    ]
    iovs, findings = untangle(rows)
    assert [iov.payload_url for iov in iovs] == ["p2"]
    assert [each.kind for each in findings] == [Kind.NEVER_ANSWERED, Kind.ROUNDED_START]


def test_what_is_so_of_all_rows_is_told_once() -> None:
    rows = [row(number, (number, 0), revision=None) for number in range(TOLD + 5)]
    _, findings = untangle(rows)
    assert [(each.kind, each.count, len(each.ids)) for each in findings] == [
        (Kind.UNTIL_NEXT, TOLD + 4, TOLD),
        (Kind.NO_REVISION, TOLD + 5, TOLD),
    ]


def test_what_is_in_no_list_is_told_of() -> None:
    finding = detached(row(4, (1, 2), (3, 4), "r"))
    assert SENTENCE.fullmatch(finding.text)
    assert finding == Finding(
        *(Kind.DETACHED, (4,), finding.text),
        *(Point(1, 2), Point(3, 4), None),
        *(1, "p4", "c", "r"),
    )
