"""The payload IOVs of a global tag that overlap a window."""

import pytest
from histories import Answers, Step, World, intervals, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval, Point
from cdb.errors import NotFound
from cdb.services import contents, global_tags, ranges
from cdb.services.entering import Reference
from cdb.store.engine import Database


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def found(world: World, window: Interval = AXIS, tag: int = 0) -> list[tuple[Point, str]]:
    """Start and payload of what overlaps a window in the list of the first type."""
    record, change = world.tag(world.names[tag]), world.change()
    pages = ranges.of_tag(world.database, record, change, window, [world.types[0]])
    return [(iov.start, iov.payload_url) for page in pages for iov in page.iovs]


def put(world: World, *parts: tuple[Point, Point]) -> None:
    name = world.lists(world.names[0])[world.types[0]]
    world.attach(name, *(Reference(f"p{part[0]}", "sum", *part) for part in parts))


# --- against the query -------------------------------------------------------------


def expected(answers: Answers, window: Interval) -> list[tuple[object, ...]]:
    """The intervals that answer somewhere, each once, if they overlap the window."""
    return [
        (name, *answer.interval, *answer.content)
        for name in sorted(answers)
        for answer in dict.fromkeys(filter(None, answers[name]))
        if answer.interval.start < window.end and window.start < answer.interval.end
    ]


@given(
    history=steps,
    asked=st.lists(st.tuples(st.integers(0, 99), intervals()), min_size=4, max_size=8),
    page=st.sampled_from([1, 2, 5000]),
)
@settings(max_examples=12)
def test_any_window_holds_what_the_query_answers_in_it(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    history: list[Step],
    asked: list[tuple[int, Interval]],
    page: int,
) -> None:
    monkeypatch.setattr(contents, "PAGE", page)
    world = World(database)
    world.run(history)
    for number, window in [*asked, (0, AXIS)]:
        state = world.states[-1 - number % len(world.states)]
        for name, answers in state.tags.items():
            tag = world.tag(name, state.change)
            shown = [
                (part.record.type, iov.start, iov.end, iov.payload_url, iov.checksum, iov.extra)
                for part in ranges.of_tag(database, tag, state.change, window)
                for iov in part.iovs
            ]
            assert shown == expected(answers, window)


# --- one by one ----------------------------------------------------------------------


def test_intervals_at_the_edges_of_the_window_are_whole(world: World) -> None:
    put(world, *((Point(n, 0), Point(n + 1, 0)) for n in range(9)))
    [page] = ranges.of_tag(
        world.database,
        world.tag(world.names[0]),
        world.change(),
        Interval(Point(3, 7), Point(5, 1)),
    )
    assert [(iov.start, iov.end) for iov in page.iovs] == [
        (Point(n, 0), Point(n + 1, 0)) for n in (3, 4, 5)
    ]
    assert page.record.name == world.lists(world.names[0])[world.types[0]]


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        ((2, 0), (4, 0), [2]),
        ((2, 5), (2, 6), [2]),
        ((4, 0), (6, 0), []),
        ((3, 9), (6, 0), [2]),
        ((4, 0), (6, 1), [6]),
        ((0, 0), (2, 0), []),
        ((9, 0), (10, 0), []),
        ((8, 9), (10, 0), [6]),
    ],
)
def test_an_end_is_no_part_of_an_interval_nor_of_the_window(
    world: World, start: tuple[int, int], end: tuple[int, int], wanted: list[int]
) -> None:
    put(world, (Point(2, 0), Point(4, 0)), (Point(6, 0), Point(9, 0)))
    shown = found(world, Interval(Point(*start), Point(*end)))
    assert [place.major for place, _ in shown] == wanted


def test_pages_hold_so_many_and_come_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PAGE", 4)
    put(world, *((Point(n, 0), Point(n + 1, 0)) for n in range(20)))
    window = Interval(Point(2, 5), Point(13, 0))
    pages = ranges.of_tag(world.database, world.tag(world.names[0]), world.change(), window)
    assert [[iov.start.major for iov in page.iovs] for page in pages] == [
        [2, 3, 4, 5],
        [6, 7, 8, 9],
        [10, 11, 12],
    ]


def test_what_is_asked_as_of_a_change_does_not_change(world: World) -> None:
    put(world, (ORIGIN, OPEN))
    world.write(global_tags.clone, *world.names)
    before, record = world.change(), world.tag(world.names[0])
    put(world, (Point(5, 0), OPEN))
    assert found(world) == [(ORIGIN, "p(0, 0)"), (Point(5, 0), "p(5, 0)")]
    assert found(world, tag=1) == [(ORIGIN, "p(0, 0)")]
    [page] = ranges.of_tag(world.database, record, before)
    assert [(iov.start, iov.end) for iov in page.iovs] == [(ORIGIN, OPEN)]


def test_a_type_that_the_tag_has_not_is_an_error_at_once(world: World) -> None:
    with pytest.raises(NotFound, match=world.types[2]):
        ranges.of_tag(
            world.database, world.tag(world.names[0]), world.change(), types=[world.types[2]]
        )
