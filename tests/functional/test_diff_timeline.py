"""Pictures of two tags, compared with the tags' own pictures and with every difference."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from histories import RULES, Step, World, covered_part, intervals, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval, Point
from cdb.errors import Invalid, NotFound
from cdb.services import diff, diff_timeline, global_tags, timeline
from cdb.services.diff_timeline import DiffTimeline
from cdb.services.entering import Reference
from cdb.services.remembered import Remembered
from cdb.services.timeline import Wanted
from cdb.store.engine import Database

MANY = Wanted(intervals=0)
"""Buckets even where there is next to nothing."""


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of other tests."""
    monkeypatch.setattr(timeline, "_remembered", Remembered(10**6))
    monkeypatch.setattr(diff_timeline, "_remembered", Remembered(10**6))


def side(world: World, tag: int = 0, change: int | None = None) -> diff.Side:
    at = world.change() if change is None else change
    return diff.Side(world.tag(world.names[tag], at), at)


def drawn(world: World, a: diff.Side, b: diff.Side, wanted: Wanted) -> DiffTimeline:
    return diff_timeline.of_two(world.database, RULES, a, b, wanted)


def points(written: Sequence[str]) -> list[Point]:
    return [Point(*map(int, each.split(","))) for each in written]


# --- against every difference ---------------------------------------------------------------

pictures = st.builds(
    Wanted,
    window=st.one_of(st.none(), intervals()),
    buckets=st.sampled_from([2, 10, 1500]),
    intervals=st.sampled_from([0, 0, 30, 1000]),
)
picks = st.integers(0, 99)


@given(
    history=steps,
    asked=st.lists(st.tuples(picks, picks, pictures), min_size=4, max_size=6),
    page=st.sampled_from([1, 3, 20_000]),
)
@settings(max_examples=8)
def test_any_picture_shows_both_sides_and_every_difference(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    history: list[Step],
    asked: list[tuple[int, int, Wanted]],
    page: int,
) -> None:
    monkeypatch.setattr(diff, "PAGE", page)
    world = World(database)
    world.run(history)
    there = [(state.change, name) for state in world.states for name in sorted(state.tags)]
    for left, right, wanted in asked:
        a, b = (
            diff.Side(world.tag(name, change), change)
            for change, name in (there[pick % len(there)] for pick in (left, right))
        )
        check(world, drawn(world, a, b, wanted), (a, b), wanted)


def check(
    world: World, found: DiffTimeline, sides: tuple[diff.Side, diff.Side], wanted: Wanted
) -> None:
    edges = points(found.edges)
    window = Interval(edges[0], edges[-1])
    assert wanted.window in (None, window)
    differences = list(diff.intervals(world.database, *sides, window))
    share = wanted.intervals // max(2 * found.types, 1)
    for both in found.lanes:
        here = [each for each in differences if each.payload_type == both.payload_type]
        if both.intervals is not None:
            assert len(here) <= share
            assert [(*points([e.start, e.end]), e.a, e.b) for e in both.intervals] == [
                (e.start, e.end, e.a and e.a._asdict(), e.b and e.b._asdict()) for e in here
            ]
        else:
            assert len(here) > share
            for kind, part in (
                ("added", [e for e in here if e.a is None]),
                ("removed", [e for e in here if e.b is None]),
                ("changed", [e for e in here if e.a and e.b]),
            ):
                spans = [Interval(each.start, each.end) for each in part]
                cells = [Interval(*cell) for cell in pairwise(edges)]
                # Where one side has nothing, it is what the other one covers, perhaps by majors.
                is_apart = not (both.a and both.a.iovs and both.b and both.b.iovs)
                assert getattr(both, kind) in [
                    [covered_part(cell, spans, by_majors=by_majors) for cell in cells]
                    for by_majors in (False, is_apart)
                ]
    types = {each.payload_type: each for each in found.lanes}
    for name, of in zip("ab", sides, strict=True):
        alone = Wanted(window, wanted.buckets, intervals=10**6)
        own = timeline.of_tag(world.database, RULES, of.tag, of.change, alone)
        shown = {type_: getattr(each, name) for type_, each in types.items()}
        assert {
            type_: lane and (lane.payload_list, lane.iovs) for type_, lane in shown.items()
        } == {
            **dict.fromkeys(types),
            **{lane.payload_type: (lane.payload_list, lane.iovs) for lane in own.lanes},
        }


# --- one by one -----------------------------------------------------------------------------


def put(world: World, start: Point, end: Point, url: str, tag: int = 0) -> None:
    name = world.lists(world.names[tag])[world.types[0]]
    world.attach(name, Reference(url, "sum", start, end))


def test_each_kind_of_difference_is_painted_where_it_is(world: World) -> None:
    put(world, Point(0, 0), Point(6, 0), "p")
    world.write(global_tags.clone, *world.names)
    put(world, Point(2, 0), Point(4, 0), "q", tag=1)
    put(world, Point(8, 0), Point(9, 0), "q", tag=1)
    a, b = side(world), side(world, 1)
    window = Interval(Point(0, 0), Point(10, 0))
    found = drawn(world, a, b, Wanted(window, 5, intervals=0))
    assert points(found.edges) == [Point(2 * number, 0) for number in range(6)]
    assert (found.change_a, found.change_b, found.types) == (a.change, b.change, 2)
    [both] = [each for each in found.lanes if each.payload_type == world.types[0]]
    assert both.changed == [0, 1000, 0, 0, 0]
    assert both.added == [0, 0, 0, 0, 500]
    assert both.removed == [0, 0, 0, 0, 0]
    turned = drawn(world, b, a, Wanted(window, 5, intervals=0))
    [both] = [each for each in turned.lanes if each.payload_type == world.types[0]]
    assert (both.removed, both.added) == ([0, 0, 0, 0, 500], [0, 0, 0, 0, 0])


def test_lists_with_the_same_intervals_are_compared_without_their_payloads(world: World) -> None:
    world.write(global_tags.clone, *world.names)
    made = [world.make_list(name, world.types[2]) for name in world.names]
    starts = [Point(number, 0) for number in range(0, 40, 2)]
    for name, url in zip(made, "pq", strict=True):
        world.attach(name, *(Reference(url, "sum", at, Point(at.major + 1, 0)) for at in starts))
    world.attach(made[1], Reference("p", "sum", Point(4, 0), Point(5, 0)))
    world.attach(made[1], Reference("q", "sum", Point(20, 0), Point(22, 0)))
    window = Interval(Point(0, 0), Point(40, 0))
    found = drawn(world, side(world), side(world, 1), Wanted(window, 40, intervals=0))
    [both] = [each for each in found.lanes if each.payload_type == world.types[2]]
    assert both.changed == [0 if n % 2 or n == 4 else 1000 for n in range(40)]
    assert both.added == [1000 if n == 21 else 0 for n in range(40)]
    assert both.removed == [0] * 40


def test_intervals_of_which_only_the_minor_ends_differ_are_told_apart(world: World) -> None:
    world.write(global_tags.clone, *world.names)
    ends = Point(6, 3), Point(6, 8)
    for name, end in zip(world.names, ends, strict=True):
        made = world.make_list(name, world.types[2])
        world.attach(made, Reference("p", "sum", Point(5, 0), end))
    window = Interval(Point(6, 0), Point(6, 10))
    found = drawn(world, side(world), side(world, 1), Wanted(window, 10, intervals=0))
    [both] = [each for each in found.lanes if each.payload_type == world.types[2]]
    assert both.added == [1000 if 3 <= minor < 8 else 0 for minor in range(10)]
    assert (both.removed, both.changed) == ([0] * 10, [0] * 10)


def test_without_a_window_it_is_what_both_sides_fill(world: World) -> None:
    put(world, Point(5, 0), Point(6, 0), "p")
    before = world.change()
    put(world, Point(1, 0), Point(2, 0), "p")
    put(world, Point(8, 0), OPEN, "p")
    for sides in ((side(world, 0, before), side(world)), (side(world), side(world, 0, before))):
        edges = points(drawn(world, *sides, MANY).edges)
        assert (edges[0], edges[-1]) == (Point(1, 0), Point(8, 1))


def test_where_nothing_is_there_is_a_picture_of_the_whole_axis(world: World) -> None:
    found = drawn(world, side(world), side(world), MANY)
    assert points(found.edges)[:: len(found.edges) - 1] == list(AXIS)
    assert all(each.intervals == [] for each in found.lanes)


def test_a_list_that_one_side_has_not_is_no_lane(world: World) -> None:
    world.write(global_tags.clone, *world.names)
    name = world.make_list(world.names[1], world.types[2])
    world.attach(name, Reference("q", "sum", Point(3, 0), Point(5, 0)))
    found = drawn(world, side(world), side(world, 1), Wanted())
    [both] = [each for each in found.lanes if each.payload_type == world.types[2]]
    assert both.a is None
    assert both.b is not None
    assert both.b.payload_list == name
    [difference] = both.intervals or []
    assert (difference.a, difference.start, difference.end) == (None, "3,0", "5,0")


def test_types_are_chosen_and_lanes_come_in_pages(world: World) -> None:
    sides = side(world), side(world)
    some = diff_timeline.of_two(world.database, RULES, *sides, Wanted(), [world.types[1]])
    assert [each.payload_type for each in some.lanes] == [world.types[1]]
    page = drawn(world, *sides, Wanted(offset=1, limit=1))
    assert ([each.payload_type for each in page.lanes], page.types) == ([world.types[1]], 2)
    with pytest.raises(NotFound, match="nothing"):
        diff_timeline.of_two(world.database, RULES, *sides, Wanted(), ["nothing"])
    with pytest.raises(Invalid, match="can be asked for"):
        drawn(world, *sides, Wanted(buckets=1501))


def test_a_second_look_compares_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, ORIGIN, Point(5, 0), "p")
    world.write(global_tags.clone, *world.names)
    put(world, Point(3, 0), Point(4, 0), "q", tag=1)
    asked = (world.database, RULES, side(world), side(world, 1), MANY, [world.types[0]])
    first = diff_timeline.of_two(*asked)
    monkeypatch.delattr(diff, "of_pair")
    assert diff_timeline.of_two(*asked) == first
