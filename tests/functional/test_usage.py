"""Where a payload is used."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import Step, World, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from support import API, Client

from cdb.domain.points import OPEN, ORIGIN, Point
from cdb.errors import NotFound
from cdb.services import contents, global_tags, payload_iovs, payload_lists, usage
from cdb.services.entering import Reference
from cdb.store import browse, iovs, reads
from cdb.store.changes import CURRENT
from cdb.store.engine import Database


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def put(world: World, start: Point, end: Point, checksum: str, tag: int = 0) -> None:
    name = world.lists(world.names[tag])[world.types[0]]
    world.attach(name, Reference("p", checksum, start, end))


def found(world: World, checksum: str, change: int | None = None) -> list[tuple[Any, ...]]:
    """Tag, type, list, start and end of each use."""
    at = world.change() if change is None else change
    return [
        (part.record.tag, part.record.type, part.record.name, iov.start, iov.end)
        for part in usage.of_checksum(world.database, checksum, at)
        for iov in part.iovs
    ]


# --- against all that lists show ---------------------------------------------------


def shown_by_all(database: Database, checksum: str, change: int) -> set[tuple[Any, ...]]:
    with database.snapshot() as reader:
        return {
            (record.tag, record.type, record.name, iov.start, iov.end)
            for record in reads.lists(reader, change)
            for iov in iovs.page_at(reader, record.view(change), None, 10_000)
            if iov.checksum == checksum
        }


@given(history=steps, number=st.integers(0, 99), page=st.sampled_from([1, 2, 5000]))
@settings(max_examples=8)
def test_uses_are_found_in_all_lists_that_show_them(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    history: list[Step],
    number: int,
    page: int,
) -> None:
    monkeypatch.setattr(contents, "PAGE", page)
    world = World(database)
    put(world, ORIGIN, Point(0, 1), "sum of p")
    put(world, Point(7, 0), Point(8, 0), "sum of q")
    world.run(history)
    change = world.states[-1 - number % len(world.states)].change
    for checksum in ("sum of p", "sum of q"):
        uses = found(world, checksum, change)
        assert set(uses) == shown_by_all(database, checksum, change)
        assert len(set(uses)) == len(uses)
        assert found(world, checksum, change) == uses


# --- one by one ----------------------------------------------------------------------


def test_clones_use_what_their_sources_do_and_forks_what_they_kept(world: World) -> None:
    name = world.lists(world.names[0])[world.types[0]]
    put(world, Point(1, 0), Point(2, 0), "x")
    put(world, Point(3, 0), Point(4, 0), "x")
    put(world, Point(5, 0), Point(6, 0), "y")
    world.write(global_tags.clone, *world.names)
    cloned = world.lists(world.names[1])[world.types[0]]
    both = [
        (tag, world.types[0], of_tag, Point(n, 0), Point(n + 1, 0))
        for tag, of_tag in zip(world.names, (name, cloned), strict=True)
        for n in (1, 3)
    ]
    before = world.change()
    assert found(world, "x") == both
    world.write(payload_iovs.delete, world.names[1], world.types[0], Point(1, 0), None)
    assert found(world, "x") == [both[0], both[1], both[3]]
    assert found(world, "x", before) == both
    world.write(global_tags.delete, world.names[0])
    assert found(world, "x") == [both[3]]


def test_lists_without_a_tag_come_last(world: World) -> None:
    detached = world.write(payload_lists.create, world.types[0]).name
    world.attach(detached, Reference("p", "x", ORIGIN))
    put(world, Point(1, 0), OPEN, "x")
    assert [use[:3] for use in found(world, "x")] == [
        (world.names[0], world.types[0], world.lists(world.names[0])[world.types[0]]),
        (None, world.types[0], detached),
    ]


def test_what_was_cut_or_deleted_is_known_and_not_used(world: World) -> None:
    put(world, ORIGIN, OPEN, "x")
    before = world.change()
    put(world, ORIGIN, OPEN, "y")
    assert found(world, "x") == []
    assert [use[3:] for use in found(world, "x", before)] == [(ORIGIN, OPEN)]
    assert found(world, "y", before) == []


def test_what_nobody_ever_had_is_an_error_at_once(world: World) -> None:
    put(world, ORIGIN, OPEN, "x")
    for unknown in ("z", "X", "", "0" * 64):
        with pytest.raises(NotFound):
            usage.of_checksum(world.database, unknown, world.change())


def test_both_checksums_of_a_stored_payload_mean_it(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(payload_store=str(tmp_path / "payloads"))
    client.ok("POST", "pt", {"name": "Beam"})
    content = b"beam spot of run 7\n"
    stored = client.put(f"{API}/payloads/Beam/run7.txt", content).json
    database: Database = client.app.registry.cdb.database
    sha256 = hashlib.sha256(content).hexdigest()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert list(usage.of_checksum(database, sha256, 1)) == []

    name = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    row = {"payload_list": name, "payload_url": stored["payload_url"], "checksum": md5}
    client.ok("POST", "bulk_piov", [{**row, "major_iov": 3, "minor_iov": 0}])
    other = {"payload_list": name, "payload_url": "elsewhere", "checksum": sha256}
    client.ok("POST", "bulk_piov", [{**other, "major_iov": 7, "minor_iov": 0}])

    def starts(checksum: str) -> list[int]:
        pages = usage.of_checksum(database, checksum, 10)
        return [iov.start.major for page in pages for iov in page.iovs]

    for checksum in (md5, sha256, md5.upper(), sha256.upper()):
        assert starts(checksum) == [3, 7]
        order = "sort=major_iov"
        pages = [
            client.ok("GET", f"payload-iovs?checksum={checksum}&page={number}&page_size=1&{order}")
            for number in (1, 2)
        ]
        assert [page["results"][0]["major_iov"] for page in pages] == [3, 7]
        assert {page["count"] for page in pages} == {2}
    assert client.ok("GET", f"payload-iovs?checksum={'0' * 32}&page=1")["results"] == []


def test_a_page_of_uses_is_as_of_a_change(world: World) -> None:
    put(world, Point(1, 0), Point(2, 0), "x")
    before = world.change()
    put(world, Point(1, 0), Point(2, 0), "y")
    with world.database.snapshot() as reader:
        found_then = browse.iovs(reader, browse.Wanted(), before, {"x"})
        found_now = browse.iovs(reader, browse.Wanted(), CURRENT, {"x"})
    assert [row.checksum for row in found_then.rows] == ["x"]
    assert (found_now.rows, found_now.count) == ([], 0)
