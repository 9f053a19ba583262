"""Answers that a process keeps are those of the database, byte for byte, whatever is written."""

import gc
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest
import requests
from histories import GRID, Step, World, steps
from hypothesis import given, settings
from support import API, Client, serving, statements
from webob import Request

from cdb.store.compiled import CompiledFile
from cdb.store.engine import Database

EXAMPLES = {"sqlite": 6, "postgresql": 3}

READS = (
    "payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}",
    "payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}&shape=dict",
    "payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}&expired=include",
    "payloadiovs/?gtName={other}&gtName={tag}&majorIOV={major}&minorIOV={minor}",
    "payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}&types={type}&complete=1",
    "payloadiovs/?gtName={tag}&at={major}:{minor}",
    "payloadiovs/?gtName={tag}&at=major-minor:{major}:{minor}",
    "payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}&asOf={change}",
    "payloadiovs/?gtName={tag}@{change}&majorIOV={major}&minorIOV={minor}",
    "gtPayloadLists/{tag}",
    "gtPayloadLists/{tag}?asOf={change}",
    "globalTag/{tag}",
    "globalTag/{tag}?light=1",
    "globalTags",
    "globalTags?asOf={change}",
    "globalTags?page=1&page_size=1&sort=name&order=desc",
    "gtstatus",
)


def test_kept_answers_are_those_of_the_database(
    make_client: Callable[..., Client], database: Database, database_kind: str
) -> None:
    keeping, plain = make_client(), make_client(answers_mb="0")
    chance = random.Random(1)

    @settings(max_examples=EXAMPLES[database_kind])
    @given(history=steps)
    def check(history: list[Step]) -> None:
        world = World(database)
        world.run([])
        for step in history:
            world.run([step])
            for _ in range(2):
                for path in questions(world, chance):
                    assert_alike(keeping, plain, path)

    check()


def questions(world: World, chance: random.Random) -> Iterator[str]:
    """Yield some kinds of reads, of tags that may have gone, at points where answers change."""
    for read in chance.sample(READS, 9):
        tag, other = chance.sample(world.names, 2)
        point = chance.choice(GRID[::5])
        yield read.format(
            tag=tag,
            other=other,
            type=chance.choice(world.types),
            major=point.major,
            minor=point.minor,
            change=chance.choice(world.states).change,
        )


def assert_alike(keeping: Client, plain: Client, path: str) -> None:
    named = {"X-Request-ID": "compared-with-another"}
    kept, asked = (each.api("GET", path, headers=named) for each in (keeping, plain))
    assert (kept.status_int, kept.body) == (asked.status_int, asked.body), path
    assert dict(kept.headers) == dict(asked.headers), path
    if etag := asked.headers.get("ETag"):
        again = keeping.api("GET", path, headers={"If-None-Match": etag}, status="*")
        assert (again.status_int, again.headers["ETag"]) == (304, etag), path


# --- while others write -----------------------------------------------------

READERS = 4


class Busy(NamedTuple):
    """A service that is read while somebody writes, and what the writer does at least."""

    settings: dict[str, str]
    writes: int
    reads_between: int

    def is_enough(self, written: int) -> bool:
        """Tell whether so many writes are enough: on a busy machine less is compiled meanwhile."""
        return written >= self.writes and (
            "compiled" not in self.settings or CompiledFile.opened(Path("lists"), 0).parts > 3
        )


KEEPING = Busy({}, 60, 0)
COMPILING = Busy({"answers_mb": "0", "compiled": "lists"}, 10, 30)
"""Nothing is compiled where less is read between two writes."""


class Written(NamedTuple):
    """A change of the tag that is read, and when it was asked for and confirmed."""

    change: int
    sent: float
    confirmed: float


class Read(NamedTuple):
    """An answer, and when it was asked for and there."""

    path: str
    head: int
    body: bytes
    sent: float
    received: float


@pytest.mark.parametrize("busy", [KEEPING, COMPILING], ids=["kept", "compiled"])
def test_each_answer_is_of_a_state_between_its_request_and_its_arrival(
    make_client: Callable[..., Client], busy: Busy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = make_client(**busy.settings)
    with serving(client.app) as url:
        found, written = read_while_written(client, url + API, busy)
    plain = make_client(answers_mb="0")
    then: dict[tuple[str, int], bytes] = {}
    for each in found:
        assert each.head >= max(w.change for w in written if w.confirmed < each.sent)
        assert each.head <= max(w.change for w in written if w.sent < each.received)
        key = each.path, each.head
        if key not in then:
            then[key] = plain.api("GET", f"{each.path}&asOf={each.head}", status=200).body
        assert each.body == then[key], key
    assert len({each.head for each in found}) > 5


def read_while_written(
    client: Client, server: str, busy: Busy
) -> tuple[list[Read], list[Written]]:
    """Return what several clients read of a tag, and what another one wrote meanwhile."""
    lists = [a_list(client, "Busy", f"T{number}") for number in range(3)]
    other = a_list(client, "Other", "T0")
    start = int(client.api("GET", "gtPayloadLists/Busy").headers["CDB-Change"])
    is_over, was_read = threading.Event(), threading.Event()

    def write() -> list[Written]:
        chance, written = random.Random(2), [Written(start, 0.0, 0.0)]
        with requests.Session() as session:
            for number in takewhile(lambda written: not busy.is_enough(written), count()):
                name = other if number % 4 == 3 else chance.choice(lists)
                sent = monotonic()
                answer = session.post(f"{server}/bulk_piov", json=[a_row(name, number, chance)])
                assert answer.status_code == 200, answer.text
                if name != other:
                    change = int(answer.headers["CDB-Change"])
                    written.append(Written(change, sent, monotonic()))
                for _ in range(busy.reads_between):
                    session.get(f"{server}/{busy_path(chance)}").raise_for_status()
                was_read.clear()
                assert was_read.wait(120)
        return written

    def read(seed: int) -> list[Read]:
        chance, found = random.Random(seed), []
        with requests.Session() as session:
            while not is_over.is_set():
                path = busy_path(chance)
                sent = monotonic()
                answer = session.get(f"{server}/{path}")
                head = int(answer.headers["CDB-Change"])
                found.append(Read(path, head, answer.content, sent, monotonic()))
                was_read.set()
        return found

    with ThreadPoolExecutor(READERS + 1) as pool:
        readers = [pool.submit(read, seed) for seed in range(READERS)]
        try:
            written = pool.submit(write).result()
        finally:
            is_over.set()
        return [each for reader in readers for each in reader.result()], written


def busy_path(chance: random.Random) -> str:
    point = chance.choice(GRID[::4])
    return f"payloadiovs/?gtName=Busy&majorIOV={point.major}&minorIOV={point.minor}"


def a_list(client: Client, tag: str, type_name: str) -> str:
    if tag not in [each["name"] for each in client.ok("GET", "globalTags")]:
        client.ok("POST", "gt", {"name": tag})
    if type_name not in [each["name"] for each in client.ok("GET", "pt")]:
        client.ok("POST", "pt", {"name": type_name})
    name: str = client.ok("POST", "pl", {"payload_type": type_name})["name"]
    client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": name})
    return name


def a_row(payload_list: str, number: int, chance: random.Random) -> dict[str, Any]:
    start = chance.choice(GRID[:-2])
    return {
        "payload_list": payload_list,
        "payload_url": f"p{number}",
        "checksum": f"{number:032x}",
        "major_iov": start.major,
        "minor_iov": start.minor,
    }


# --- what it saves --------------------------------------------


def test_points_of_one_window_cost_no_statement_but_the_look(client: Client) -> None:
    name = a_list(client, "Busy", "T0")
    client.ok("POST", "bulk_piov", [a_row(name, 1, random.Random(1))])
    path = "payloadiovs/?gtName=Busy&majorIOV={}&minorIOV=0&types=T0"
    first = client.api("GET", path.format(2**60)).headers["ETag"]
    client.api("GET", path.format(2**60))
    with statements() as sent:
        assert client.api("GET", path.format(2**60 + 7)).headers["ETag"] != first
    assert len(sent) == 1


# --- freshness --------------------------------------------------------------


def test_a_service_that_may_lag_says_so_and_catches_up_where_it_is_asked_to(
    make_client: Callable[..., Client],
) -> None:
    fresh, lagging = make_client(), make_client(freshness_ms="3600000")
    a_list(fresh, "Busy", "T0")
    path = "gtPayloadLists/Busy"

    def seen(**headers: str) -> int:
        answer = lagging.api("GET", path, status=200, headers=headers)
        return int(answer.headers["CDB-Change"])

    before = seen()
    said = lagging.api("GET", path).headers["Cache-Control"]
    assert said.startswith("public, max-age=")
    assert "stale-while-revalidate=" in said
    a_list(fresh, "Busy", "T1")
    assert seen() == before
    after = int(fresh.api("GET", path).headers["CDB-Change"])
    assert after > before
    assert seen(**{"CDB-Min-Change": str(after)}) == after
    assert seen() == after
    a_list(fresh, "Busy", "T2")
    assert seen() == after
    assert seen(**{"Cache-Control": "no-cache"}) > after


def test_what_is_as_of_a_change_is_for_ever_whatever_the_freshness(
    make_client: Callable[..., Client],
) -> None:
    client = make_client(freshness_ms="5000")
    a_list(client, "Busy", "T0")
    change = client.api("GET", "gtPayloadLists/Busy").headers["CDB-Change"]
    for path in (f"gtPayloadLists/Busy?asOf={change}", f"globalTags?asOf={change}"):
        answer = client.api("GET", path, status=200)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Accel-Expires"] == "31536000"


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_long_questions_do_not_fill_the_memory(client: Client) -> None:
    client.ok("GET", "gtstatus")
    tracemalloc.start()
    try:
        for number in range(200):
            asked = Request.blank(f"{API}/gtstatus")
            asked.environ["QUERY_STRING"] = f"{number}={'x' * 200_000}"
            assert asked.get_response(client.app).status_int == 200
        # Requests that are over refer to themselves, and are collected now and then.
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Forty megabytes were asked.
    assert held < 10_000_000
