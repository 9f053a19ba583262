"""What two global tags, or one at two changes, answer differently."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from histories import CELLS, GRID, Answers, State, Step, World, intervals, pieces, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Pool, event
from support import statements

from cdb.domain.content import Content
from cdb.domain.points import OPEN, ORIGIN, Interval, Point
from cdb.errors import NotFound
from cdb.services import diff, global_tags, payload_iovs, payload_lists, payload_types
from cdb.services.entering import Reference
from cdb.store.engine import Database

P, Q = Content("p", "sum", None), Content("q", "sum", None)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def side(world: World, tag: int = 0, change: int | None = None) -> diff.Side:
    at = world.change() if change is None else change
    return diff.Side(world.tag(world.names[tag], at), at)


def put(world: World, start: Point, end: Point, url: str, tag: int = 0, **named: Any) -> None:
    """Attach a payload IOV to the list of the first type in a tag."""
    name = world.lists(world.names[tag])[world.types[0]]
    world.attach(name, Reference(url, "sum", start, end, **named))


def clone(world: World) -> None:
    world.write(global_tags.clone, *world.names)


def found(world: World, *sides: diff.Side, **named: Any) -> list[tuple[Any, ...]]:
    """The differences, without the names of types."""
    a, b = sides or (side(world), side(world, 1))
    return [tuple(each[1:]) for each in diff.intervals(world.database, a, b, **named)]


def listed(world: World, *sides: diff.Side, **named: Any) -> list[diff.ListDifference]:
    a, b = sides or (side(world), side(world, 1))
    return list(diff.lists(world.database, a, b, **named))


# --- against the query -------------------------------------------------------------


def expected(a: Answers, b: Answers, window: Interval) -> list[tuple[Any, ...]]:
    both = {
        name: [
            None if x == y else (x, y)
            for x, y in zip(contents(a, name), contents(b, name), strict=True)
        ]
        for name in {*a, *b}
    }
    return [(name, start, end, *pair) for name, start, end, pair in pieces(both, window)]


def contents(answers: Answers, name: str) -> Sequence[Content | None]:
    return [answer and answer.content for answer in answers.get(name, [None] * len(CELLS))]


picks = st.integers(0, 99)
questions = st.lists(st.tuples(picks, picks, intervals()), min_size=4, max_size=8)


def pick(states: Sequence[State], number: int) -> tuple[State, str]:
    """A tag at one of the states, later ones first."""
    there = [(state, name) for state in reversed(states) for name in sorted(state.tags)]
    return there[number % len(there)]


@given(history=steps, asked=questions, page=st.sampled_from([1, 2, 3, 20_000]))
@settings(max_examples=12)
def test_any_two_sides_differ_where_the_query_does(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    history: list[Step],
    asked: list[tuple[int, int, Interval]],
    page: int,
) -> None:
    monkeypatch.setattr(diff, "PAGE", page)
    monkeypatch.setattr(diff, "FIRST_PAGE", 1)
    world = World(database)
    world.run(history)
    for left, right, window in asked:
        (state_a, tag_a), (state_b, tag_b) = (pick(world.states, n) for n in (left, right))
        a = diff.Side(world.tag(tag_a, state_a.change), state_a.change)
        b = diff.Side(world.tag(tag_b, state_b.change), state_b.change)
        answers = state_a.tags[tag_a], state_b.tags[tag_b]
        wanted = expected(*answers, window)
        assert [tuple(each) for each in diff.intervals(database, a, b, window)] == wanted

        first = {name: start for name, start, *_ in reversed(wanted)}
        one_sided = answers[0].keys() ^ answers[1].keys()
        lists = {each.payload_type: each for each in diff.lists(database, a, b, window)}
        assert list(lists) == sorted(first.keys() | one_sided)
        assert {n: each.first for n, each in lists.items() if each.first is not None} == first
        for name, each in lists.items():
            there = each.list_a is not None, each.list_b is not None
            assert there == (name in answers[0], name in answers[1])

        for point in {window.start, GRID[left % len(GRID)]}:
            here = diff.at(database, a, b, point)
            cell = Interval(*next(cell for cell in reversed(CELLS) if cell.start <= point))
            assert [(each.payload_type, each.a, each.b) for each in here] == [
                (name, *pair) for name, _, _, *pair in expected(*answers, cell)
            ]
            assert all(each.start <= cell.start and cell.end <= each.end for each in here)


@pytest.mark.parametrize("page", [1, 7, 40, 1000])
def test_the_size_of_a_page_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    name = world.lists(world.names[0])[world.types[0]]
    world.attach(name, *(Reference("p", "sum", Point(n, 0), Point(n, 5)) for n in range(100)))
    clone(world)
    for number in (0, 40, 41, 99):
        put(world, Point(number, 1), Point(number, 2), "q", tag=1)
    put(world, Point(60, 0), Point(90, 0), "q")
    window = Interval(Point(0, 0), Point(70, 3))
    monkeypatch.setattr(diff, "PAGE", page)
    of_60 = [
        part
        for n in range(60, 70)
        for part in [
            (Point(n, 0), Point(n, 5), Q, P),
            (Point(n, 5), Point(n + 1, 0), Q, None),
        ]
    ]
    assert found(world, window=window) == [
        *((Point(n, 1), Point(n, 2), P, Q) for n in (0, 40, 41)),
        *of_60,
        (Point(70, 0), Point(70, 3), Q, P),
    ]


def test_sqlite_looks_at_each_row_once(databases: Any) -> None:
    """Its planner would go through one list for each row of the other, if it were let."""
    work = []
    for size in (300, 1200):
        with databases("sqlite") as url:
            database = Database(url)
            world = World(database)
            name = world.lists(world.names[0])[world.types[0]]
            world.attach(name, *(Reference("p", "sum", Point(n, 0)) for n in range(size)))
            clone(world)
            put(world, Point(7, 0), Point(7, 1), "q", tag=1)
            sides = side(world), side(world, 1)
            with instructions() as count:
                assert len(found(world, *sides)) == 1
            work.append(len(count))
            database.dispose()
    assert work[0] > 100
    assert work[1] < 6 * work[0]


@contextmanager
def instructions() -> Iterator[list[None]]:
    """Note every hundredth instruction of SQLite's machine, on connections taken from now on."""
    count: list[None] = []

    def note(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(lambda: count.append(None), 100)

    event.listen(Pool, "checkout", note)
    try:
        yield count
    finally:
        event.remove(Pool, "checkout", note)


# --- what is no difference -----------------------------------------------------------


def test_of_a_clone_that_nobody_wrote_to_no_payload_iov_is_read(world: World) -> None:
    put(world, ORIGIN, OPEN, "p")
    clone(world)
    sides = side(world), side(world, 1)
    with statements() as sent:
        assert found(world, *sides) == listed(world, *sides) == []
    assert sent
    assert not [
        statement for statement in sent if re.search(r"\bfrom iov\b", statement, re.IGNORECASE)
    ]


def test_a_write_to_another_list_makes_no_difference(world: World) -> None:
    put(world, ORIGIN, OPEN, "p")
    before = world.change()
    clone(world)
    other = world.lists(world.names[0])[world.types[1]]
    world.attach(other, Reference("q", "sum", ORIGIN))
    assert [each.payload_type for each in listed(world)] == [world.types[1]]
    sides = side(world, change=before), side(world)
    assert [each.payload_type for each in listed(world, *sides)] == [world.types[1]]


def test_rows_that_are_split_in_another_way_are_no_difference(world: World) -> None:
    put(world, ORIGIN, Point(10, 0), "p")
    clone(world)
    put(world, Point(4, 0), Point(6, 0), "p")
    put(world, Point(5, 0), Point(7, 0), "p", tag=1, size=8)
    assert found(world) == listed(world) == []


def test_a_payload_that_went_and_came_again_is_no_difference(world: World) -> None:
    put(world, ORIGIN, Point(9, 0), "p")
    before = world.change()
    put(world, ORIGIN, Point(9, 0), "q")
    put(world, ORIGIN, Point(9, 0), "p")
    assert found(world, side(world, change=before), side(world)) == []


def test_the_size_does_not_count_and_the_revision_does(world: World) -> None:
    put(world, ORIGIN, Point(9, 0), "p", size=1)
    clone(world)
    put(world, ORIGIN, Point(9, 0), "p", size=2, tag=1)
    assert found(world) == []
    put(world, ORIGIN, Point(9, 0), "p", revision="2", tag=1)
    assert found(world) == [(ORIGIN, Point(9, 0), P, P._replace(revision="2"))]


# --- what is one ---------------------------------------------------------------------


def test_neighbours_with_the_same_two_payloads_are_joined(world: World) -> None:
    put(world, ORIGIN, Point(9, 0), "p")
    clone(world)
    for major in range(9):
        put(world, Point(major, 0), Point(major + 1, 0), "q")
    assert found(world) == [(ORIGIN, Point(9, 0), Q, P)]


def test_differences_are_cut_at_the_window(world: World) -> None:
    put(world, ORIGIN, OPEN, "p")
    before = world.change()
    put(world, Point(2, 0), Point(8, 0), "q")
    sides = side(world), side(world, change=before)
    inside = Interval(Point(3, 1), Point(5, 0))
    assert found(world, *sides, window=inside) == [(*inside, Q, P)]
    assert found(world, *sides, window=Interval(ORIGIN, Point(2, 0))) == []
    assert found(world, *sides, window=Interval(Point(8, 0), OPEN)) == []
    across = Interval(Point(7, 0), Point(9, 0))
    assert found(world, *sides, window=across) == [(Point(7, 0), Point(8, 0), Q, P)]


def test_a_long_interval_before_the_window_meets_short_ones(world: World) -> None:
    put(world, ORIGIN, OPEN, "p")
    clone(world)
    for major in range(20):
        put(world, Point(major, 0), Point(major, 3), "q", tag=1)
    window = Interval(Point(18, 1), Point(19, 0))
    assert found(world, window=window) == [(Point(18, 1), Point(18, 3), P, Q)]


def test_both_sides_are_asked_as_of_their_changes(world: World) -> None:
    put(world, ORIGIN, OPEN, "p")
    first = world.change()
    clone(world)
    put(world, ORIGIN, OPEN, "q", tag=1)
    second = world.change()
    put(world, ORIGIN, OPEN, "q")
    assert found(world) == []
    assert found(world, side(world), side(world, change=first)) == [(ORIGIN, OPEN, Q, P)]
    assert found(world, side(world, change=first), side(world, 1)) == [(ORIGIN, OPEN, P, Q)]
    assert found(world, side(world, 1, second), side(world, 0, second)) == [(ORIGIN, OPEN, Q, P)]


def test_a_clone_stays_what_it_was_when_its_source_is_written_to(world: World) -> None:
    put(world, ORIGIN, OPEN, "p")
    before = world.change()
    clone(world)
    put(world, Point(3, 0), Point(5, 0), "q")
    assert found(world) == [(Point(3, 0), Point(5, 0), Q, P)]
    assert found(world, side(world, change=before), side(world, 1)) == []


def test_a_cut_in_a_fork_is_one_difference(world: World) -> None:
    put(world, ORIGIN, Point(9, 0), "p")
    clone(world)
    world.write(payload_iovs.delete, world.names[1], world.types[0], ORIGIN, None)
    put(world, ORIGIN, Point(4, 0), "p", tag=1)
    assert found(world) == [(Point(4, 0), Point(9, 0), P, None)]


def test_a_list_that_one_side_has_not_is_named_even_if_it_is_empty(world: World) -> None:
    clone(world)
    name = world.make_list(world.names[1], world.types[2])
    assert found(world) == []
    assert listed(world) == [diff.ListDifference(world.types[2], None, name, None)]
    world.attach(name, Reference("q", "sum", Point(3, 0), Point(5, 0)))
    assert found(world) == [(Point(3, 0), Point(5, 0), None, Q)]
    [of_list] = listed(world)
    assert of_list.first == Point(3, 0)
    outside = Interval(Point(5, 0), OPEN)
    assert listed(world, window=outside) == [diff.ListDifference(world.types[2], None, name, None)]


def test_lists_stop_at_the_first_difference(world: World) -> None:
    name = world.lists(world.names[0])[world.types[0]]
    before = world.change()
    world.attach(name, *(Reference("p", "sum", Point(n, 0)) for n in range(2000)))
    with statements() as sent:
        [of_list] = listed(world, side(world, change=before), side(world))
    compared = [statement for statement in sent if "payload_url" in statement]
    assert len(compared) == 1
    assert of_list.first == ORIGIN


def test_types_come_in_the_order_of_code_points_and_only_those_that_are_asked(
    database: Database,
) -> None:
    world = World(database)
    names = ["Zeta", "alpha", "alpha-2", "Äther"]
    for name in names:
        world.write(payload_types.create, name)
    before = world.change()
    for name in reversed(names):
        made = world.make_list(world.names[0], name)
        world.attach(made, Reference("p", "sum", ORIGIN))
    sides = side(world, change=before), side(world)
    shown = [each.payload_type for each in diff.intervals(database, *sides)]
    assert shown == names
    some = diff.intervals(database, *sides, types=["alpha-2", "Zeta"])
    assert [each.payload_type for each in some] == ["Zeta", "alpha-2"]
    assert [each.payload_type for each in diff.at(database, *sides, OPEN)] == names


def test_a_type_of_neither_side_is_an_error_at_once(world: World) -> None:
    sides = side(world), side(world)
    for ask in (diff.intervals, diff.lists):
        with pytest.raises(NotFound, match="nothing"):
            ask(world.database, *sides, types=["nothing"])
    with pytest.raises(NotFound, match="nothing"):
        diff.at(world.database, *sides, ORIGIN, types=["nothing"])


def test_a_list_that_replaces_another_is_compared_with_it(world: World) -> None:
    put(world, ORIGIN, Point(5, 0), "p")
    before = world.change()
    name = world.make_list(world.names[0], world.types[0])
    world.attach(name, Reference("p", "sum", ORIGIN, Point(3, 0)))
    sides = side(world, change=before), side(world)
    assert found(world, *sides) == [(Point(3, 0), Point(5, 0), P, None)]
    [of_list] = listed(world, *sides)
    assert (of_list.list_a, of_list.list_b) != (name, name)
    assert of_list.list_b == name


def test_a_clone_of_a_tag_that_is_deleted_is_compared_with_it_as_of_before(world: World) -> None:
    put(world, ORIGIN, Point(5, 0), "p")
    clone(world)
    before = world.change()
    put(world, Point(2, 0), Point(3, 0), "q", tag=1)
    world.write(global_tags.delete, world.names[0])
    detached = world.write(payload_lists.create, world.types[0]).name
    world.attach(detached, Reference("q", "sum", ORIGIN))
    sides = side(world, 0, before), side(world, 1)
    assert found(world, *sides) == [(Point(2, 0), Point(3, 0), P, Q)]
