"""Many clients at once against a real server: one order of changes, and nothing lost."""

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from time import monotonic
from typing import Any

import psycopg2
import pytest
import requests
from slots import NewRow, Slots
from sqlalchemy import select, text
from support import API, Client, serving

from cdb.domain.points import OPEN, Point
from cdb.store.changes import _LOCK
from cdb.store.engine import Database
from cdb.store.models import Change

CLIENTS = 8
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])


@dataclass(frozen=True)
class Answer:
    """What a client got, and when it asked and got it."""

    status: int
    json: Any
    sent: float
    received: float


class Caller:
    """One client with a connection of its own."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()

    def __call__(self, method: str, path: str, body: object = None) -> Answer:
        sent = monotonic()
        got = self.session.request(method, f"{self.base}/{path}", json=body, timeout=120)
        return Answer(got.status_code, got.json(), sent, monotonic())

    def ok(self, method: str, path: str, body: object = None) -> Any:
        answer = self(method, path, body)
        assert answer.status == 200, answer.json
        return answer.json

    def stage(self, row: NewRow) -> NewRow:
        return replace(row, id=self.ok("POST", "piov", fields_of(row))["id"])

    def attach(self, name: str, row: NewRow) -> Answer:
        return self("PUT", "piov_attach", {"payload_list": name, "piov_id": row.id})


def at_once(base: str, tasks: Sequence[Callable[[Caller], Any]]) -> list[Any]:
    """Run tasks, each as a client in a thread of its own, all from the same moment on."""
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[Caller], Any]) -> Any:
        call = Caller(base)
        start.wait(timeout=120)
        return task(call)

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def fields_of(row: NewRow) -> dict[str, object]:
    ends = {"major_iov_end": row.end.major, "minor_iov_end": row.end.minor} if row.end else {}
    return {
        "payload_url": row.payload,
        "checksum": "sum",
        "major_iov": row.start.major,
        "minor_iov": row.start.minor,
        **ends,
    }


def random_rows(seed: int, number: int) -> list[NewRow]:
    """Rows anywhere: most with an end, some until the next start, a few for ever."""
    chance = random.Random(seed)
    rows = []
    for index in range(number):
        start = Point(chance.randrange(60), chance.randrange(1000))
        later = Point(start.major + chance.randrange(3), chance.randrange(1000))
        kind = chance.random()
        end = OPEN if kind < 0.02 else None if kind < 0.3 else max(later, next_point(start))
        rows.append(NewRow(start, end, f"{seed}-{index}"))
    return rows


def next_point(point: Point) -> Point:
    return Point(point.major, point.minor + 1)


def slots_for(rows: Sequence[NewRow]) -> Slots:
    """The model of an empty list, on a grid that has all ends of some rows."""
    ends = {row.end for row in rows if row.end}
    return Slots(sorted({row.start for row in rows} | ends | {OPEN, Point(0, 0)}))


def set_up(call: Caller, tag: str = "G", types: Sequence[str] = ("T",)) -> list[str]:
    """Make a tag with a list of each type, in which no end means until the next start."""
    call.ok("POST", "gt", {"name": tag})
    names = []
    for name in types:
        call.ok("POST", "pt", {"name": name})
        made = call.ok("POST", "pl", {"payload_type": name, "ends": "next-start"})["name"]
        call.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": made})
        names.append(made)
    return names


def content(call: Caller, tag: str) -> dict[str, list[tuple[Point, Point, str]]]:
    """The intervals of each type in a tag."""
    lists = call.ok("GET", f"globalTag/{tag}")["payload_lists"]
    return {
        entry["payload_type"]: [
            (
                Point(iov["major_iov"], iov["minor_iov"]),
                Point(iov["major_iov_end"], iov["minor_iov_end"]),
                iov["payload_url"],
            )
            for iov in entry["payload_iov"]
        ]
        for entry in lists
    }


def intervals(slots: Slots) -> list[tuple[Point, Point, str]]:
    return [(start, end, piece.payload) for start, end, piece in slots.intervals()]


def assert_no_overlap(found: Sequence[tuple[Point, Point, str]]) -> None:
    assert all(left[1] <= right[0] for left, right in pairwise(found))


def log_of(database: Database) -> list[Change]:
    """The change log; numbered from 1 without holes, in order of time."""
    with database.snapshot() as reader:
        log: list[Any] = list(reader.execute(select(Change.__table__).order_by(Change.change)))
    assert [entry.change for entry in log] == list(range(1, len(log) + 1))
    assert all(left.at <= right.at for left, right in pairwise(log))
    return log


def batches_of(database: Database) -> dict[int, set[str]]:
    """The payloads that each change brought in: change → URLs."""
    found: dict[int, set[str]] = {}
    with database.snapshot() as reader:
        for payload, change in reader.execute(
            text("select payload_url, min(added_by) from iov group by payload_url")
        ):
            found.setdefault(change, set()).add(payload)
    return found


def assert_in_order_of_time(answers: Sequence[Answer]) -> None:
    """Nothing comes, in order of change, before what was confirmed before it was asked."""
    last_sent = 0.0
    for answer in answers:
        last_sent = max(last_sent, answer.sent)
        assert last_sent <= answer.received


@pytest.fixture
def store(client: Client) -> Database:
    """The store of the service that is served."""
    found: Database = client.app.registry.cdb.database
    return found


@contextmanager
def readers(base: str, store: Database, tag: str) -> Iterator[None]:
    """Read without a pause while others write, and look for what must never be seen."""
    done = threading.Event()

    def points() -> int:
        call, chance, asked = Caller(base), random.Random(1), 0
        while not done.is_set() or not asked:
            point = Point(chance.randrange(60), chance.randrange(1000))
            query = f"payloadiovs/?gtName={tag}&majorIOV={point.major}&minorIOV={point.minor}"
            rows = call.ok("GET", query)
            assert len({row[0] for row in rows}) == len(rows)
            assert all(Point(*row[4:6]) <= point < Point(*row[6:8]) for row in rows)
            asked += 1
        return asked

    def whole() -> int:
        call, asked = Caller(base), 0
        while not done.is_set() or not asked:
            for found in content(call, tag).values():
                assert_no_overlap(found)
            asked += 1
        return asked

    def log() -> int:
        asked, before = 0, 0
        while not done.is_set() or not asked:
            with store.statement() as reader:
                statement = text("select count(*), coalesce(max(change), 0) from change")
                number, largest = reader.execute(statement).one()
            assert number == largest >= before, "a change is visible before one that comes first"
            before = largest
            asked += 1
        return asked

    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(reader) for reader in (points, whole, log)]
        try:
            yield
        finally:
            done.set()
        assert all(future.result() for future in reading)


@pytest.mark.parametrize(("database_kind", "attaches"), [("postgresql", 200), ("sqlite", 60)])
def test_attaches_of_eight_clients_to_one_list(
    server: str, store: Database, attaches: int
) -> None:
    [name] = set_up(Caller(server))
    rows = random_rows(2, attaches)

    def attach_all(mine: Sequence[NewRow]) -> Callable[[Caller], list[tuple[NewRow, Answer]]]:
        def task(call: Caller) -> list[tuple[NewRow, Answer]]:
            sent = []
            for number, row in enumerate(mine):
                staged = call.stage(row)
                if number % 10 == 0:  # refused: no such list, no such IOV
                    sent.append((staged, call.attach("T_0", staged)))
                    sent.append(
                        (replace(row, id=10**12), call.attach(name, replace(row, id=10**12)))
                    )
                sent.append((staged, call.attach(name, staged)))
            return sent

        return task

    with readers(server, store, "G"):
        tasks = [attach_all(rows[client::CLIENTS]) for client in range(CLIENTS)]
        sent = [pair for pairs in at_once(server, tasks) for pair in pairs]

    log = log_of(store)
    by_id = {row.id: (row, answer) for row, answer in sent if answer.status == 200}
    attached = [int(entry.object_name) for entry in log if entry.object_type == "payload_iov"]
    refused = [answer.status for _, answer in sent if answer.status != 200]
    assert sorted(attached) == sorted(by_id)
    assert len(attached) == attaches
    assert refused == [404] * (len(sent) - attaches)
    assert_in_order_of_time([by_id[iov_id][1] for iov_id in attached])

    model = slots_for(rows)
    for iov_id in attached:
        model.attach(by_id[iov_id][0], "open")
    found = content(Caller(server), "G")["T"]
    assert_no_overlap(found)
    assert found == intervals(model)


@ON_POSTGRESQL
def test_bulk_writers_at_once_on_the_same_lists(server: str, store: Database) -> None:
    names = set_up(Caller(server), types=("T", "U"))
    batches = [
        {row.start: row for row in random_rows(100 + number, 60) if row.end is None}.values()
        for number in range(5 * CLIENTS)
    ]

    def send_all(mine: Sequence[Any]) -> Callable[[Caller], list[Answer]]:
        return lambda call: [
            call("POST", "bulk_piov", [
                {"payload_list": name, **fields_of(replace(row, payload=f"{name} {row.payload}"))}
                for row in batch
                for name in names
            ])
            for batch in mine
        ]  # fmt: skip

    with readers(server, store, "G"):
        tasks = [send_all(batches[client::CLIENTS]) for client in range(CLIENTS)]
        answers = [answer for some in at_once(server, tasks) for answer in some]

    assert [answer.status for answer in answers] == [200] * len(batches)
    by_payload = {f"{names[0]} {row.payload}": batch for batch in batches for row in batch}
    changes = [payloads for _, payloads in sorted(batches_of(store).items())]
    assert len(changes) == len(batches)
    bulks = [entry for entry in log_of(store) if entry.action == "bulk"]
    assert len(bulks) == len(batches)
    model = slots_for([row for batch in batches for row in batch])
    for payloads in changes:
        batch = next(by_payload[payload] for payload in payloads if payload in by_payload)
        assert payloads == {f"{name} {row.payload}" for row in batch for name in names}
        model.attach_batch(list(batch), "open")
    found = content(Caller(server), "G")
    for type_name, name in zip(("T", "U"), names, strict=True):
        assert_no_overlap(found[type_name])
        assert found[type_name] == [(s, e, f"{name} {p}") for s, e, p in intervals(model)]


@ON_POSTGRESQL
def test_first_writes_at_once_through_one_clone_are_all_applied(
    server: str, store: Database
) -> None:
    call = Caller(server)
    [name] = set_up(call)
    original = [NewRow(Point(major, 0), None, f"old {major}") for major in range(60)]
    body = [{"payload_list": name, **fields_of(row)} for row in original]
    call.ok("POST", "bulk_piov", body)
    before = content(call, "G")

    for number in range(5):
        clone = f"C{number}"
        call.ok("POST", f"cloneGlobalTag/G/{clone}")
        copy = call.ok("GET", f"gtPayloadLists/{clone}")["T"]
        rows = [NewRow(Point(7, 1), Point(7, 5), "x"), NewRow(Point(30, 1), Point(31, 7), "y")]
        staged = [call.stage(row) for row in rows]
        with readers(server, store, clone):
            tasks = [lambda call, row=row, copy=copy: call.attach(copy, row) for row in staged]
            answers = at_once(server, tasks)
        assert [answer.status for answer in answers] == [200, 200]
        model = slots_for(original + rows)
        for row in original + rows:
            model.attach(row, "open")
        assert content(call, clone)["T"] == intervals(model)

    assert content(call, "G") == before
    log_of(store)
    with store.snapshot() as reader:
        unreachable = text("select 1 from iov where series not in (select series from list_state)")
        assert reader.execute(unreachable).first() is None
        logs = set(reader.execute(text("select id from series")).scalars())
        assert logs == set(reader.execute(text("select series from list_state")).scalars())


@pytest.mark.parametrize("database_kind", ["postgresql", "sqlite"])
def test_one_staged_iov_attached_by_eight_clients_is_one_change(
    server: str, store: Database
) -> None:
    call = Caller(server)
    [name] = set_up(call)
    for number in range(5):
        row = call.stage(NewRow(Point(number, 0), Point(number + 1, 0), f"p{number}"))
        before = len(log_of(store))
        with readers(server, store, "G"):
            answers = at_once(server, [lambda call, row=row: call.attach(name, row)] * CLIENTS)
        assert [answer.status for answer in answers] == [200] * CLIENTS
        assert {answer.json["id"] for answer in answers} == {row.id}
        assert len(log_of(store)) == before + 1
    assert len(content(call, "G")["T"]) == 5


@ON_POSTGRESQL
def test_of_eight_clients_one_fills_a_point_of_a_locked_tag(server: str, store: Database) -> None:
    call = Caller(server)
    [name] = set_up(call)
    call.ok("PUT", "gt_change_status/G/locked")
    for number in range(5):
        start, end = Point(number, 0), Point(number + 1, 0)
        rows = [call.stage(NewRow(start, end, f"p{number}-{i}")) for i in range(CLIENTS)]
        with readers(server, store, "G"):
            tasks = [lambda call, row=row: call.attach(name, row) for row in rows]
            answers = at_once(server, tasks)
        statuses = [answer.status for answer in answers]
        assert sorted(statuses) == [200] + [409] * (CLIENTS - 1)
        winner = rows[statuses.index(200)]
        assert content(call, "G")["T"][-1] == (start, end, winner.payload)


@ON_POSTGRESQL
def test_nothing_is_written_after_a_freeze(server: str, store: Database) -> None:
    call = Caller(server)
    [name] = set_up(call)
    rows = [call.stage(row) for row in random_rows(3, 20 * CLIENTS)]

    def attach_until_refused(mine: Sequence[NewRow]) -> Callable[[Caller], list[Answer]]:
        return lambda call: [call.attach(name, row) for row in mine]

    def freeze_in_the_middle(call: Caller) -> list[Answer]:
        while len(log_of(store)) < 40:
            call.ok("GET", "globalTags")
        return [call("PUT", "gt_change_status/G/frozen")]

    tasks = [attach_until_refused(rows[client::CLIENTS]) for client in range(CLIENTS)]
    with readers(server, store, "G"):
        *written, [frozen] = at_once(server, [*tasks, freeze_in_the_middle])
    statuses = [answer.status for answers in written for answer in answers]
    log = log_of(store)
    assert frozen.status == 200
    assert log[-1].action == "status"
    assert set(statuses) == {200, 409}
    attached = sum(entry.object_type == "payload_iov" for entry in log)
    assert statuses.count(200) == attached


@contextmanager
def writer_lock_held(url: str, kind: str) -> Iterator[None]:
    """Keep every writer of the service waiting, from a connection of our own."""
    if kind == "postgresql":
        other: Any = psycopg2.connect(url.replace("+psycopg2", ""))
        other.cursor().execute("select pg_advisory_xact_lock(%s)", [_LOCK])
    else:
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("begin immediate")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def test_a_writer_that_waits_too_long_is_told_to_come_back(
    make_client: Callable[..., Client], database_url: str, database_kind: str
) -> None:
    service = make_client(**{"database.timeout": "PT1S"})
    with serving(service.app) as root:
        call = Caller(root + API)
        with writer_lock_held(database_url, database_kind):
            refused = requests.post(f"{root}{API}/gt", json={"name": "G"}, timeout=120)
            assert call.ok("GET", "globalTags") == []
        assert refused.status_code == 503
        assert refused.headers["Retry-After"].isdigit()
        assert refused.json()["code"] == "unavailable"
        call.ok("POST", "gt", {"name": "G"})
        assert [tag["name"] for tag in call.ok("GET", "globalTags")] == ["G"]


def waiting_writers(database: Database) -> int:
    """Count those who wait for the writer's lock."""
    waiting = text(
        "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = "
        "(select oid from pg_database where datname = current_database())"
    )
    with database.statement() as reader:
        return int(reader.execute(waiting).scalar_one())


@ON_POSTGRESQL
def test_of_two_equal_reverts_at_once_the_second_changes_nothing(
    server: str, store: Database, database_url: str, database_kind: str
) -> None:
    call = Caller(server)
    [name] = set_up(call)
    for number in range(2):
        iov = fields_of(NewRow(Point(0, 0), OPEN, str(number)))
        call.ok("POST", "bulk_piov", [{"payload_list": name, **iov}])
    wrong = len(log_of(store))
    path = f"global-tags/G/revert?to={wrong - 1}"
    with ThreadPoolExecutor(2) as pool:
        with writer_lock_held(database_url, database_kind):
            reverts = [pool.submit(Caller(server).ok, "POST", path) for _ in range(2)]
            deadline = monotonic() + 120
            while waiting_writers(store) < 2:
                assert monotonic() < deadline
        done = [each.result()["payload_lists"] for each in reverts]
    assert sorted(map(len, done)) == [0, 1]
    assert [entry.action for entry in log_of(store)[wrong:]] == ["revert"]
