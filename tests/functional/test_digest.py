"""The digest of tags in real databases: the same wherever the same is answered."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from histories import RULES, Answers, Step, World, pieces, steps
from hypothesis import given, settings
from plain_digest import tag_digest
from sqlalchemy import Engine, event, text
from support import WRITER, rules

from cdb.domain.points import AXIS, MAX, OPEN, ORIGIN, Point
from cdb.services import digest, global_tags, payload_iovs, payload_lists, payload_types
from cdb.services.digest import TagDigest
from cdb.services.entering import Reference
from cdb.services.remembered import Remembered
from cdb.store.engine import Database


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of other tests."""
    monkeypatch.setattr(digest, "_digests", Remembered(1000))


def of(world: World, tag: str, change: int | None = None) -> TagDigest:
    at = world.change() if change is None else change
    return digest.of_tag(world.database, RULES, world.tag(tag, at), at)


@contextmanager
def logs_read() -> Iterator[list[str]]:
    """Collect the statements that read payloads, of all databases."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        if "payload_url" in arguments[2]:
            found.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


# --- against the documentation ---------------------------------------------------------


def documented(answers: Answers) -> str:
    """Return the digest of what a tag answers, as the documentation computes it."""
    contents = {
        name: [answer and answer.content for answer in of_type]
        for name, of_type in answers.items()
    }
    intervals: dict[str, list[list[Any]]] = {name: [] for name in contents}
    for name, start, end, content in pieces(contents, AXIS):
        intervals[name].append([*start, *end, *content])
    return tag_digest([(name, RULES.default_dimension, of) for name, of in intervals.items()])


@given(history=steps)
@settings(max_examples=14)
def test_any_tag_has_the_digest_of_what_the_query_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch, history: list[Step]
) -> None:
    monkeypatch.setattr(digest, "PAGE", 2)
    world = World(database)
    world.run(history)
    for state in world.states:
        for name, answers in state.tags.items():
            assert of(world, name, state.change).digest == documented(answers)


# --- on both databases -----------------------------------------------------------------


PARTS = [
    Reference("a", "sum a", ORIGIN, Point(4, 7), 11, None),
    Reference("b", "sum b", Point(4, 7), Point(2**53 + 1, 0), 12, "1"),
    Reference('ü\t"\\', "sum c", Point(2**53 + 1, 1), OPEN, 13, ""),
]


def straight(world: World) -> str:
    """Write the parts as they are."""
    name = world.names[0]
    world.attach(world.lists(name)["T"], *PARTS)
    return name


def roundabout(world: World) -> str:
    """Come to the same answers in pieces, backwards, through a clone, a fork and a delete."""
    name = world.lists(world.names[0])["T"]
    world.attach(name, PARTS[2]._replace(size=None))
    world.attach(name, Reference("wrong", "sum", Point(4, 0), Point(9, 9)))
    world.attach(name, PARTS[1])
    world.write(global_tags.clone, *world.names)
    world.attach(name, Reference("only in the source", "sum", ORIGIN, OPEN))
    fork = world.lists(world.names[1])["T"]
    world.attach(fork, Reference("too much", "sum", Point(2**53 + 1, 0), Point(2**53 + 1, 1)))
    world.write(payload_iovs.delete, world.names[1], "T", Point(2**53 + 1, 0), Point(2**53 + 1, 1))
    world.attach(fork, PARTS[0]._replace(start=Point(2, MAX)))
    world.attach(fork, PARTS[0]._replace(end=Point(2, MAX), size=99))
    return world.names[1]


def test_the_same_answers_have_the_same_digest_in_all_databases(databases: Any) -> None:
    found = []
    with ExitStack() as stack:
        for kind in ("sqlite", "postgresql"):
            for writing in (straight, roundabout):
                database = Database(stack.enter_context(databases(kind)))
                stack.callback(database.dispose)
                world = World(database)
                for name in "UT":
                    world.write(payload_types.create, name)
                    world.make_list(world.names[0], name)
                tag = writing(world)
                for name in world.types[:2]:
                    world.write(payload_lists.delete, world.lists(tag)[name])
                found.append(of(world, tag))
    assert len(found) == 4
    assert len(set(found)) == 1
    assert [(each.payload_type, each.intervals) for each in found[0].lists] == [("T", 3), ("U", 0)]
    rows = [[*part.start, *part.end, *part[:2], part.revision] for part in PARTS if part.end]
    dimension = RULES.default_dimension
    assert found[0].digest == tag_digest([("T", dimension, rows), ("U", dimension, [])])


# --- what counts -----------------------------------------------------------------------


def test_a_write_gives_another_digest_and_leaves_the_one_before(world: World) -> None:
    tag, before = world.names[0], world.change()
    empty = of(world, tag)
    straight_list = world.lists(tag)[world.types[0]]
    world.attach(straight_list, *PARTS)
    assert of(world, tag).digest != empty.digest
    assert of(world, tag, before) == empty
    world.write(payload_iovs.delete, tag, world.types[0], ORIGIN, None)
    assert of(world, tag).lists[0].intervals == 2


def test_a_list_counts_that_holds_nothing(world: World) -> None:
    tag, before = world.names[0], world.change()
    world.make_list(tag, world.types[2])
    assert of(world, tag).digest != of(world, tag, before).digest


def test_the_dimension_of_a_type_counts_and_that_of_the_service_where_it_has_none(
    world: World,
) -> None:
    tag, before = world.names[0], world.change()
    name = world.types[0]
    assert RULES.default_dimension == "major-minor"
    world.write(payload_types.describe, name, {"dimension": "major-minor"})
    assert of(world, tag) == of(world, tag, before)
    world.write(payload_types.describe, name, {"dimension": "run-lumi"})
    assert of(world, tag).digest != of(world, tag, before).digest
    other = digest.of_tag(
        world.database, rules(default_dimension="run-lumi"), world.tag(tag), world.change()
    )
    assert {each.dimension for each in other.lists} == {"run-lumi"}


def test_names_of_tags_and_lists_statuses_and_descriptions_do_not_count(world: World) -> None:
    tag = world.names[0]
    world.attach(world.lists(tag)[world.types[0]], *PARTS)
    before = of(world, tag)
    world.write(global_tags.clone, *world.names)
    with world.database.writing() as session:
        global_tags.change_status(world.database, session, RULES, WRITER, world.names[1], "locked")
    world.write(global_tags.describe, world.names[1], {"description": "for a paper"})
    assert of(world, world.names[1]) == before


# --- what is remembered ----------------------------------------------------------------


def test_a_log_is_read_once_for_all_tags_that_show_it(world: World) -> None:
    tag = world.names[0]
    world.attach(world.lists(tag)[world.types[0]], *PARTS)
    first = of(world, tag)
    world.write(global_tags.clone, *world.names)
    with logs_read() as statements:
        assert of(world, tag) == of(world, world.names[1]) == first
    assert statements == []
    world.attach(world.lists(tag)[world.types[1]], PARTS[0])
    with logs_read() as statements:
        assert of(world, tag) != first
    assert len(statements) == 1


def test_a_change_that_has_its_number_again_after_a_restore_is_another_one(world: World) -> None:
    tag = world.names[0]
    world.attach(world.lists(tag)[world.types[0]], *PARTS)
    before = of(world, tag)
    # As if the last write was lost, and another one was made in its place.
    with world.database.engine.begin() as connection:
        connection.execute(text("update iov set payload_url = 'x' where payload_url = 'a'"))
    assert of(world, tag) == before
    with world.database.engine.begin() as connection:
        last = {"change": world.change()}
        connection.execute(text("update change set nonce = 'n' where change = :change"), last)
    assert of(world, tag) != before
