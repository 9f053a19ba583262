"""What nothing covers in a global tag."""

from typing import Any

import pytest
from histories import CELLS, Answers, Step, World, intervals, pieces, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.domain.points import AXIS, MAX, OPEN, ORIGIN, Interval, Point
from cdb.errors import NotFound
from cdb.services import gaps, global_tags
from cdb.services.entering import Reference
from cdb.store.engine import Database


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def put(world: World, *parts: tuple[Point, Point]) -> None:
    """Attach payload IOVs to the list of the first type."""
    name = world.lists(world.names[0])[world.types[0]]
    world.attach(name, *(Reference("p", "sum", *part) for part in parts))


def found(world: World, window: Interval = AXIS) -> list[tuple[Point, Point]]:
    """The gaps of the list of the first type."""
    change = world.change()
    tag = world.tag(world.names[0])
    of_type = gaps.of_tag(world.database, tag, change, window, [world.types[0]])
    return [(each.start, each.end) for each in of_type]


# --- against the query -------------------------------------------------------------


def expected(answers: Answers, window: Interval) -> list[tuple[Any, ...]]:
    uncovered = {
        name: [None if answer else "gap" for answer in of_type]
        for name, of_type in answers.items()
    }
    return [(name, start, end) for name, start, end, _ in pieces(uncovered, window)]


@given(
    history=steps,
    asked=st.lists(st.tuples(st.integers(0, 99), intervals()), min_size=4, max_size=8),
    page=st.sampled_from([2, 3, 20_000]),
)
@settings(max_examples=12)
def test_any_tag_has_gaps_where_the_query_answers_nothing(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    history: list[Step],
    asked: list[tuple[int, Interval]],
    page: int,
) -> None:
    monkeypatch.setattr(gaps, "PAGE", page)
    world = World(database)
    world.run(history)
    for number, window in [*asked, (0, AXIS)]:
        state = world.states[-1 - number % len(world.states)]
        for name, answers in state.tags.items():
            tag = world.tag(name, state.change)
            shown = list(gaps.of_tag(database, tag, state.change, window))
            assert [(each.payload_type, *each[2:]) for each in shown] == expected(answers, window)


@pytest.mark.parametrize("page", [2, 3, 10, 11, 12, 1000])
def test_the_size_of_a_page_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(gaps, "PAGE", page)
    put(world, *((Point(n, 0), Point(n + (n % 5 != 0), 7)) for n in range(0, 60, 2)))
    put(world, *((Point(n, 7), Point(n + 1, 0)) for n in range(1, 60, 4)))
    reference = [cell for cell in found(world) if cell[1] != OPEN]
    monkeypatch.setattr(gaps, "PAGE", 20_000)
    assert reference == [cell for cell in found(world) if cell[1] != OPEN]
    assert len(reference) > 10


# --- one by one ----------------------------------------------------------------------


def test_an_empty_list_is_one_gap(world: World) -> None:
    assert found(world) == [(ORIGIN, OPEN)]
    window = Interval(Point(3, 1), Point(4, 0))
    assert found(world, window) == [window]


def test_gaps_are_before_between_and_after(world: World) -> None:
    put(world, (Point(2, 0), Point(3, 0)), (Point(3, 0), Point(4, 5)), (Point(4, 6), Point(9, 0)))
    assert found(world) == [
        (ORIGIN, Point(2, 0)),
        (Point(4, 5), Point(4, 6)),
        (Point(9, 0), OPEN),
    ]


def test_a_list_that_covers_all_has_none(world: World) -> None:
    put(world, (ORIGIN, Point(5, MAX)), (Point(5, MAX), OPEN))
    assert found(world) == []


def test_the_last_point_of_all_can_be_a_gap(world: World) -> None:
    last = Point(MAX, MAX - 1)
    put(world, (ORIGIN, last))
    assert found(world) == [(last, OPEN)]


def test_gaps_are_cut_at_the_window(world: World) -> None:
    put(world, (Point(2, 0), Point(3, 0)), (Point(6, 0), Point(9, 0)))
    for start, end, wanted in (
        ((4, 0), (5, 0), [((4, 0), (5, 0))]),
        ((2, 5), (2, 9), []),
        ((2, 5), (7, 0), [((3, 0), (6, 0))]),
        ((1, 0), (2, 1), [((1, 0), (2, 0))]),
        ((3, 0), (6, 0), [((3, 0), (6, 0))]),
        ((8, 0), (12, 0), [((9, 0), (12, 0))]),
        ((10, 0), (12, 0), [((10, 0), (12, 0))]),
    ):
        assert found(world, Interval(Point(*start), Point(*end))) == wanted


def test_each_gap_names_its_type_and_list(world: World) -> None:
    change, tag = world.change(), world.tag(world.names[0])
    lists = world.lists(world.names[0])
    shown = list(gaps.of_tag(world.database, tag, change))
    assert [(each.payload_type, each.payload_list) for each in shown] == sorted(lists.items())


def test_a_clone_keeps_the_gaps_that_are_filled_in_its_source(world: World) -> None:
    put(world, (Point(2, 0), OPEN))
    world.write(global_tags.clone, *world.names)
    cloned = world.change()
    put(world, (ORIGIN, Point(2, 0)))
    assert found(world) == []
    for change in (cloned, world.change()):
        tag = world.tag(world.names[1], change)
        shown = gaps.of_tag(world.database, tag, change, types=[world.types[0]])
        assert [tuple(each[2:]) for each in shown] == [(ORIGIN, Point(2, 0))]
    before = gaps.of_tag(
        world.database, world.tag(world.names[0], cloned), cloned, types=[world.types[0]]
    )
    assert [tuple(each[2:]) for each in before] == [(ORIGIN, Point(2, 0))]


def test_a_type_that_the_tag_has_not_is_an_error_at_once(world: World) -> None:
    tag = world.tag(world.names[0])
    with pytest.raises(NotFound, match=world.types[2]):
        gaps.of_tag(world.database, tag, world.change(), types=[world.types[0], world.types[2]])


def test_the_grid_of_these_tests_covers_the_axis() -> None:
    assert (CELLS[0].start, CELLS[-1].end) == AXIS
