"""Pictures of tags in real databases, compared with a count of every interval."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from histories import CELLS, GRID, RULES, Step, World, covered_part, intervals, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text
from support import WRITER, rules

from cdb.domain.content import Content
from cdb.domain.points import AXIS, MAX, OPEN, Interval, Point
from cdb.domain.timeline import FULL, MOST_BUCKETS
from cdb.errors import Invalid
from cdb.services import global_tags, payload_iovs, payload_lists, payload_types, timeline
from cdb.services.entering import Reference
from cdb.services.remembered import Remembered
from cdb.services.rules import Rules
from cdb.services.timeline import Lane, Shown, Timeline, Wanted
from cdb.store import iovs, reads
from cdb.store.engine import Database

LARGE = 2**53 + 1
"""The first integer that a float cannot hold: 9007199254740993."""


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of other tests."""
    monkeypatch.setattr(timeline, "_remembered", Remembered(10**6))


def picture(
    world: World, tag: str, wanted: Wanted, change: int | None = None, by: Rules = RULES
) -> Timeline:
    at = world.change() if change is None else change
    return timeline.of_tag(world.database, by, world.tag(tag, at), at, wanted)


def buckets(window: Interval | None = None, wanted: int = MOST_BUCKETS, **others: int) -> Wanted:
    """Ask for buckets even where there is next to nothing."""
    return Wanted(window, wanted, intervals=0, **others)


def drawn(world: World, wanted: Wanted) -> tuple[list[Point], Lane]:
    """The edges of a picture of the first tag, and the lane of its first type."""
    found = picture(world, world.names[0], wanted)
    lane = next(each for each in found.lanes if each.payload_type == world.types[0])
    return points(found.edges), lane


def put(world: World, *parts: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Attach payload IOVs with different payloads to the list of the first type."""
    references = [
        Reference(f"p{number}", "sum", Point(*start), Point(*end))
        for number, (start, end) in enumerate(parts)
    ]
    world.attach(world.lists(world.names[0])[world.types[0]], *references)


def points(written: Sequence[str]) -> list[Point]:
    return [Point(*map(int, each.split(","))) for each in written]


# --- against every interval ------------------------------------------------------------


class Row(NamedTuple):
    interval: Interval
    content: Content


def rows_of(world: World, tag: str, change: int) -> dict[str, list[Row]]:
    """All intervals of a tag, by type."""
    with world.database.snapshot() as reader:
        found = reads.tag(reader, tag, change)
        assert found
        return {
            record.type: [
                Row(
                    Interval(iov.start, iov.end or OPEN),
                    Content(iov.payload_url, iov.checksum, iov.extra),
                )
                for iov in iovs.page_at(reader, record.view(change), None, 1000)
            ]
            for record in reads.lists_of(reader, found.id, change)
        }


def counted(edges: list[Point], rows: list[Row], *, by_majors: bool) -> dict[str, list[int]]:
    """What a lane shows of some rows, bucket by bucket."""
    cells = [Interval(*pair) for pair in pairwise(edges)]
    shown = [row for row in rows if row.interval.start < edges[-1] and row.interval.end > edges[0]]
    inside: list[list[Row]] = [[] for _ in cells]
    for row in shown:
        inside[bisect_right(edges, max(row.interval.start, edges[0])) - 1].append(row)
    return {
        "counts": [len(each) for each in inside],
        "payloads": [len({row.content for row in each}) for each in inside],
        "covered": [
            covered_part(cell, (row.interval for row in shown), by_majors=by_majors)
            for cell in cells
        ],
    }


def check(found: Timeline, rows: dict[str, list[Row]], wanted: Wanted) -> None:
    assert found.lists == len(rows)
    assert [lane.payload_type for lane in found.lanes] == sorted(rows)
    edges = points(found.edges)
    assert edges == sorted(set(edges))
    assert 2 <= len(edges) <= wanted.buckets + 1
    if wanted.window:
        assert (edges[0], edges[-1]) == wanted.window
    for lane in found.lanes:
        overlapping = [
            row
            for row in rows[lane.payload_type]
            if row.interval.start < edges[-1] and row.interval.end > edges[0]
        ]
        assert lane.iovs == len(overlapping)
        if lane.intervals is None:
            assert lane.iovs > wanted.intervals // len(found.lanes)
            # Cells whose edges show no minor may be parts of majors or whole ones.
            units = (False,) if any(edge.minor for edge in edges[1:-1]) else (False, True)
            assert {
                "counts": lane.counts,
                "payloads": lane.payloads,
                "covered": lane.covered,
            } in [counted(edges, overlapping, by_majors=by_majors) for by_majors in units]
        else:
            assert lane.iovs <= wanted.intervals // len(found.lanes)
            assert (lane.counts, lane.payloads, lane.covered) == (None, None, None)
            assert [as_row(each) for each in lane.intervals] == overlapping


def as_row(shown: Shown) -> Row:
    start, end = points([shown.start, shown.end])
    return Row(Interval(start, end), Content(shown.payload_url, shown.checksum, shown.revision))


places = st.one_of(
    st.sampled_from(GRID),
    st.builds(
        Point,
        st.one_of(st.integers(0, 9), st.integers(0, MAX)),
        st.one_of(st.integers(0, 9), st.integers(0, MAX)),
    ),
)
windows = st.one_of(
    st.none(),
    intervals(),
    st.tuples(places, places)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: Interval(*sorted(pair))),
)
pictures = st.builds(
    Wanted,
    window=windows,
    buckets=st.sampled_from([2, 3, 10, 60, 1500]),
    intervals=st.sampled_from([0, 0, 7, 1000]),
)


@given(
    history=steps,
    asked=st.lists(st.tuples(st.integers(0, 99), pictures), min_size=4, max_size=6),
)
@settings(max_examples=10)
def test_any_picture_shows_what_every_interval_adds_up_to(
    database: Database, history: list[Step], asked: list[tuple[int, Wanted]]
) -> None:
    world = World(database)
    world.run(history)
    for number, wanted in asked:
        state = world.states[-1 - number % len(world.states)]
        for name in state.tags:
            rows = rows_of(world, name, state.change)
            check(picture(world, name, wanted, state.change), rows, wanted)


# --- one by one ------------------------------------------------------------------------


def test_a_known_gap_is_seen(world: World) -> None:
    put(world, ((100, 0), (250, 0)), ((250, 1), (900, 0)))
    edges, lane = drawn(world, buckets(Interval(Point(0, 0), Point(1000, 0)), 10))
    assert edges == [Point(100 * number, 0) for number in range(11)]
    assert lane.covered == [0, 1000, 999, 1000, 1000, 1000, 1000, 1000, 1000, 0]
    assert lane.counts == [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_a_gap_that_fills_buckets_is_seen(world: World) -> None:
    put(world, ((0, 0), (300, 0)), ((550, 0), (700, 0)), ((700, 0), (1000, 0)))
    _, lane = drawn(world, buckets(Interval(Point(0, 0), Point(1000, 0)), 10))
    assert lane.covered == [1000, 1000, 1000, 0, 0, 500, 1000, 1000, 1000, 1000]


def test_an_interval_that_starts_at_an_edge_counts_in_the_bucket_that_begins_there(
    world: World,
) -> None:
    put(world, ((99, MAX), (100, 0)), ((100, 0), (100, 1)), ((199, MAX), (200, 0)))
    _, lane = drawn(world, buckets(Interval(Point(0, 0), Point(300, 0)), 3))
    assert lane.counts == [1, 2, 0]
    assert lane.covered == [10, 20, 0]


def test_what_reaches_into_the_window_counts_in_the_first_bucket(world: World) -> None:
    put(world, ((0, 0), (5, 0)), ((5, 0), (12, 0)), ((12, 0), (13, 0)), ((30, 0), (31, 0)))
    edges, lane = drawn(world, buckets(Interval(Point(10, 0), Point(30, 0)), 2))
    assert edges == [Point(10, 0), Point(20, 0), Point(30, 0)]
    assert (lane.iovs, lane.counts, lane.covered) == (2, [2, 0], [300, 0])


def test_what_reaches_into_the_window_is_not_taken_for_what_leaves_the_first_bucket(
    world: World,
) -> None:
    put(world, ((0, 0), (11, 2**62)), ((15, 0), (24, 0)), ((26, 0), (30, 0)))
    _, lane = drawn(world, buckets(Interval(Point(10, 0), Point(30, 0)), 2))
    assert (lane.counts, lane.covered) == ([2, 1], [700, 800])


def test_what_reaches_out_of_the_window_does_not_cover_more_of_the_last_bucket(
    world: World,
) -> None:
    put(world, ((0, 0), (1, 0)), ((22, 0), (28, 0)))
    edges, lane = drawn(world, buckets(Interval(Point(0, 0), Point(25, 0)), 3))
    assert edges[-2:] == [Point(20, 0), Point(25, 0)]
    assert (lane.counts, lane.covered) == ([1, 0, 1], [100, 0, 600])


def test_runs_that_fill_little_of_their_majors_are_told_by_the_runs(world: World) -> None:
    put(world, ((10, 1), (10, 900)), ((11, 5), (12, 3)), ((12, 7), (12, 9)), ((30, 0), (32, 0)))
    _, lane = drawn(world, buckets(Interval(Point(0, 0), Point(40, 0)), 4))
    assert (lane.counts, lane.covered) == ([0, 3, 0, 1], [0, 300, 0, 200])


def test_an_interval_around_the_window_covers_all_of_it(world: World) -> None:
    put(world, ((0, 0), (1, 0)), ((1, 0), (90, 0)))
    _, lane = drawn(world, buckets(Interval(Point(10, 0), Point(30, 0)), 4))
    assert (lane.iovs, lane.counts, lane.covered) == (1, [1, 0, 0, 0], [FULL] * 4)


def test_what_ends_before_the_window_or_starts_at_its_end_is_not_in_it(world: World) -> None:
    put(world, ((0, 0), (10, 0)), ((30, 0), (31, 0)))
    _, lane = drawn(world, Wanted(Interval(Point(10, 0), Point(30, 0))))
    assert (lane.iovs, lane.intervals) == (0, [])


def test_the_largest_numbers_are_exact(world: World) -> None:
    put(
        world,
        ((LARGE, LARGE), (LARGE, LARGE + 1)),
        ((LARGE, LARGE + 2), (MAX, MAX - 2)),
        ((MAX, MAX - 1), (MAX, MAX)),
    )
    edges, lane = drawn(world, buckets(Interval(Point(LARGE, LARGE), Point(LARGE, LARGE + 4))))
    assert edges == [Point(LARGE, LARGE + number) for number in range(5)]
    assert (lane.counts, lane.covered) == ([1, 0, 1, 0], [FULL, 0, FULL, FULL])
    edges, lane = drawn(world, buckets(Interval(Point(MAX, MAX - 3), OPEN)))
    assert edges[1:] == [Point(MAX, MAX - 2), Point(MAX, MAX - 1), OPEN]
    assert (lane.counts, lane.covered) == ([1, 0, 1], [FULL, 0, FULL])
    _, lane = drawn(world, buckets(AXIS, 2))
    assert (lane.counts, lane.covered) == ([2, 1], [998, FULL - 1])
    found = picture(world, world.names[0], Wanted(Interval(Point(MAX, 0), OPEN)))
    assert found.edges[-1] == "9223372036854775807,9223372036854775807"
    assert found.lanes[0].intervals
    assert found.lanes[0].intervals[0].start == "9007199254740993,9007199254740995"


def test_payloads_are_the_same_where_url_checksum_and_revision_are(world: World) -> None:
    contents: list[tuple[str, str, str | None]] = [
        ("a", "b", None),
        ("a", "b", None),
        ("a", "b", ""),
        ("ab", "", None),
        ("a", "b", "1"),
        ("a", "b", ""),
    ]
    world.attach(
        world.lists(world.names[0])[world.types[0]],
        *(
            Reference(url, checksum, Point(n, 0), Point(n + 1, 0), n, revision)
            for n, (url, checksum, revision) in enumerate(contents)
        ),
    )
    _, lane = drawn(world, buckets(Interval(Point(0, 0), Point(6, 0)), 3))
    assert lane.payloads == [1, 2, 2]
    _, lane = drawn(world, buckets(Interval(Point(0, 0), Point(7, 0)), 2))
    assert lane.payloads == [4, 1]


def test_few_runs_are_cut_into_lumi_sections_and_the_rest(world: World) -> None:
    put(world, ((7, 1), (7, 120)), ((8, 40), (8, 60)), ((8, 60), (9, 0)))
    edges, lane = drawn(world, buckets(Interval(Point(7, 0), Point(9, 0)), 8))
    assert edges[:4] == [Point(7, 0), Point(7, 50), Point(7, 100), Point(7, 150)]
    assert lane.counts == [1, 0, 0, 0, 1, 1, 0, 0]
    assert lane.covered == [980, 1000, 400, 0, 200, 1000, 1000, 1000]


def test_without_a_window_the_data_are_shown_up_to_the_last_finite_edge(world: World) -> None:
    put(world, ((5, 3), (7, 0)), ((8, 0), (MAX, MAX)))
    other = world.lists(world.names[0])[world.types[1]]
    world.attach(other, Reference("q", "sum", Point(6, 0), Point(9, 4)))
    edges, lane = drawn(world, buckets())
    assert (edges[0], edges[-1]) == (Point(5, 3), Point(9, 4))
    assert lane.iovs == 2
    world.attach(other, Reference("q", "sum", Point(9, 5)))
    edges, _ = drawn(world, buckets())
    assert (edges[0], edges[-1]) == (Point(5, 3), Point(9, 6))


def test_without_a_window_the_past_is_shown_as_far_as_its_lists_reached(world: World) -> None:
    tag, kind = world.names[0], world.types[0]
    put(world, ((10, 0), (20, 0)), ((30, 0), (40, 0)))
    other = world.write(payload_lists.create, kind).name
    world.attach(other, *(Reference("p", "sum", Point(n, 0), Point(n + 4, 0)) for n in (1, 500)))
    world.write(payload_iovs.delete, tag, kind, Point(30, 0), None)
    before = world.change()
    empty = world.make_list(tag, kind)
    assert world.lists(tag)[kind] == empty
    without = world.change()
    world.write(payload_lists.attach, other, tag)
    for change, ends in [(before, (10, 20)), (without, None), (world.change(), (1, 504))]:
        found = picture(world, tag, buckets(), change)
        edges = points(found.edges)
        wanted = tuple(Point(each, 0) for each in ends) if ends else AXIS
        assert (edges[0], edges[-1]) == wanted


def test_discrete_rows_are_shown_with_exclusive_ends(world: World) -> None:
    discrete = rules(iov_mode="discrete")
    name = world.lists(world.names[0])[world.types[0]]
    written = [((5, 1), (5, 9)), ((5, 10), (6, MAX)), ((7, 7), (7, MAX))]
    rows = [
        (number, Reference("p", "sum", Point(*start), Point(*end)))
        for number, (start, end) in enumerate(written)
    ]
    with world.database.writing() as session:
        payload_iovs.attach_many(session, discrete, WRITER, {name: rows})
    found = picture(world, world.names[0], Wanted(), by=discrete)
    shown = found.lanes[0].intervals or found.lanes[1].intervals or []
    assert [(each.start, each.end) for each in shown] == [
        ("5,1", "5,10"),
        ("5,10", "7,0"),
        ("7,7", "8,0"),
    ]
    assert (found.edges[0], found.edges[-1]) == ("5,1", "7,8")


def test_an_empty_tag_and_one_without_lists_have_pictures(world: World) -> None:
    found = picture(world, world.names[0], Wanted())
    assert (points([found.edges[0], found.edges[-1]])) == [*AXIS]
    assert [(lane.iovs, lane.intervals) for lane in found.lanes] == [(0, []), (0, [])]
    world.write(global_tags.create, world.names[1])
    found = picture(world, world.names[1], Wanted())
    assert (found.lists, found.lanes) == (0, [])


def test_lanes_come_in_parts_with_the_same_buckets(world: World) -> None:
    put(world, ((1, 0), (2, 0)))
    other = world.lists(world.names[0])[world.types[1]]
    world.attach(other, Reference("q", "sum", Point(50, 0), Point(60, 0)))
    whole = picture(world, world.names[0], buckets())
    parts = [picture(world, world.names[0], buckets(offset=n, limit=1)) for n in range(3)]
    assert [lane for part in parts for lane in part.lanes] == whole.lanes
    assert [part.edges for part in parts] == [whole.edges] * 3
    assert [part.lists for part in parts] == [2] * 3


def test_a_lane_shows_intervals_where_it_has_no_more_than_its_share(world: World) -> None:
    put(world, *(((n, 0), (n + 1, 0)) for n in range(6)))
    for share, shown in ((12, 6), (11, None)):
        _, lane = drawn(world, Wanted(intervals=share))
        assert lane.iovs == 6
        assert (lane.intervals and len(lane.intervals)) == shown
    _, lane = drawn(world, Wanted(Interval(Point(2, 1), Point(4, 0)), intervals=4))
    assert lane.intervals
    assert [each.start for each in lane.intervals] == ["2,0", "3,0"]


@pytest.mark.parametrize("wanted", [-1, 0, 1, MOST_BUCKETS + 1])
def test_there_cannot_be_any_number_of_buckets(world: World, wanted: int) -> None:
    with pytest.raises(Invalid, match="2 to 1500"):
        picture(world, world.names[0], buckets(wanted=wanted))


# --- what is remembered ----------------------------------------------------------------


@contextmanager
def lanes_counted() -> Iterator[list[str]]:
    """Collect the statements that count what is in buckets, of all databases."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        if "count(distinct" in arguments[2]:
            found.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def fill(world: World) -> None:
    put(world, *(((n, 0), (n + 1, 0)) for n in range(0, 90, 2)))
    other = world.lists(world.names[0])[world.types[1]]
    references = [Reference("q", "sum", Point(n, 0), Point(n + 3, 0)) for n in range(0, 99, 3)]
    world.attach(other, *references)


def test_a_second_look_and_a_clone_count_nothing(world: World) -> None:
    fill(world)
    first = picture(world, world.names[0], buckets())
    world.write(global_tags.clone, *world.names)
    with lanes_counted() as statements:
        assert picture(world, world.names[0], buckets()).lanes == first.lanes
        clone = picture(world, world.names[1], buckets())
    assert [lane.counts for lane in clone.lanes] == [lane.counts for lane in first.lanes]
    assert statements == []


def test_a_look_after_a_write_counts_only_the_lane_that_was_written_to(world: World) -> None:
    fill(world)
    picture(world, world.names[0], buckets())
    # It stretches the picture, too.
    put(world, ((99, 0), (99, 8)))
    with lanes_counted() as statements:
        found = picture(world, world.names[0], buckets())
    assert len(statements) == 1
    check(found, rows_of(world, world.names[0], world.change()), buckets())


@given(
    parts=st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from(CELLS)), max_size=8),
    window=windows,
)
@settings(max_examples=8)
def test_what_is_remembered_is_right_while_data_come_in(
    database: Database, parts: list[tuple[int, Interval]], window: Interval | None
) -> None:
    world = World(database)
    for number, (of_type, (start, end)) in enumerate(parts):
        name = world.lists(world.names[0])[world.types[of_type]]
        world.attach(name, Reference(f"{number}", "sum", start, end))
        for wanted in (buckets(window, 7), buckets(None, 50), Wanted(window)):
            rows = rows_of(world, world.names[0], world.change())
            check(picture(world, world.names[0], wanted), rows, wanted)


def test_a_fork_has_a_picture_of_its_own_and_its_source_keeps_its_one(world: World) -> None:
    fill(world)
    world.write(global_tags.clone, *world.names)
    before = picture(world, world.names[0], buckets())
    fork = world.lists(world.names[1])[world.types[0]]
    world.attach(fork, Reference("fork", "sum", Point(40, 0), Point(60, 0)))
    for name, wanted in ((world.names[0], buckets()), (world.names[1], buckets())):
        rows = rows_of(world, name, world.change())
        check(picture(world, name, wanted), rows, wanted)
    assert picture(world, world.names[0], buckets()).lanes == before.lanes


def test_a_change_that_has_its_number_again_after_a_restore_is_another_one(world: World) -> None:
    fill(world)
    before = picture(world, world.names[0], buckets(wanted=10))
    # As if the last write was lost, and another one was made in its place.
    with world.database.engine.begin() as connection:
        connection.execute(text("update iov set payload_url = 'x' || start_major"))
        last = {"change": world.change()}
        connection.execute(text("update change set nonce = 'n' where change = :change"), last)
    after = picture(world, world.names[0], buckets(wanted=10))
    assert set(before.lanes[1].payloads or ()) == {1}
    assert after.lanes[1].payloads == after.lanes[1].counts != before.lanes[1].payloads
    assert [lane.counts for lane in after.lanes] == [lane.counts for lane in before.lanes]


def test_the_order_of_lanes_is_that_of_code_points(world: World) -> None:
    for name in ("ä", "Z", "a", "_"):
        world.write(payload_types.create, name)
        world.make_list(world.names[0], name)
    found = [lane.payload_type for lane in picture(world, world.names[0], Wanted()).lanes]
    assert found == sorted(found)
    assert found[-1] == "ä"
