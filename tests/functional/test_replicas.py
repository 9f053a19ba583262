"""A primary and two streaming replicas: who is asked what, and what a failure costs."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from cluster import Node, cluster
from guarded import bearer
from pooler import pooler
from scraped import scrape
from sqlalchemy import Connection, Engine, NullPool, Pool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from support import API, PATIENT, WRITER, Client, rules, serving

from cdb.app import make_app
from cdb.commands.doctor import check
from cdb.rest import streams
from cdb.services import contents, tokens
from cdb.settings import load
from cdb.store import lag, migrate
from cdb.store.engine import Database
from cdb.store.replicas import Candidate, Reading

MAX_LAG_S = 1.0
"""How old at most is what a replica shows to a service here."""

END = 2**40
"""A major number after all that is written: what is open there was written last."""

QUERY = f"payloadiovs/?gtName=GT&majorIOV={END}&minorIOV=0"

_numbers = count(1)


class Servers(NamedTuple):
    """A primary and its replicas."""

    primary: Node
    replicas: Sequence[Node]

    @property
    def nodes(self) -> list[Node]:
        return [self.primary, *self.replicas]

    def settings(self) -> dict[str, str]:
        """Return the settings of a service with these servers."""
        return {
            "cdb.database.url": self.primary.url(),
            "cdb.database.replicas": " ".join(node.url() for node in self.replicas),
            "cdb.database.max_lag": f"PT{MAX_LAG_S}S",
            **PATIENT,
        }


@pytest.fixture(scope="module")
def started() -> Iterator[Servers]:
    """Servers with a tag, GT, that has one payload list, Beam_1."""
    with cluster(2) as (primary, replicas):
        migrate_and_fill(primary)
        yield Servers(primary, replicas)


def migrate_and_fill(primary: Node) -> None:
    database = Database(primary.url())
    migrate.upgrade(database)
    database.dispose()
    with service({"cdb.database.url": primary.url(), "cdb.allow_open_writes": "true"}) as client:
        client.ok("POST", "gt", {"name": "GT"})
        client.ok("POST", "pt", {"name": "Beam"})
        client.ok("POST", "pl", {"payload_type": "Beam"})
        client.ok("PUT", "pl_attach", {"payload_list": "Beam_1", "global_tag": "GT"})
        client.ok("POST", "bulk_piov", [row(next(_numbers))])


@pytest.fixture
def servers(started: Servers) -> Iterator[Servers]:
    """Servers that run, the replicas as far as the primary, before a test and after it."""
    yield started
    for node in started.nodes:
        node.start()
    for node in started.replicas:
        resume(node)
    eventually(lambda: all(is_level(started.primary, node) for node in started.replicas))


@contextmanager
def service(settings: Mapping[str, str]) -> Iterator[Client]:
    app = make_app(load(settings, {}))
    try:
        yield Client(app)
    finally:
        app.registry.cdb.database.dispose()


@pytest.fixture
def client(servers: Servers) -> Iterator[Client]:
    """A client of a service that asks both replicas."""
    with service(servers.settings()) as made:
        eventually(lambda: are_all_used(made))
        yield made


def row(number: int) -> dict[str, Any]:
    start = {"major_iov": number, "minor_iov": 0}
    return {"payload_list": "Beam_1", "payload_url": f"v{number}", "checksum": "c", **start}


def write(client: Client) -> tuple[int, int]:
    """Write a new last payload IOV; return its number, and the change."""
    number = next(_numbers)
    answer = client.api("POST", "bulk_piov", [row(number)], status=200)
    return number, int(answer.headers["CDB-Change"])


def shown(client: Client, headers: Mapping[str, str] | None = None, path: str = QUERY) -> int:
    """Return the number of the last payload IOV that a read shows."""
    return number_of(client.ok("GET", path, headers=headers))


def number_of(answer: list[list[Any]]) -> int:
    return int(answer[0][1].removeprefix("v"))


def are_all_used(client: Client) -> bool:
    return bool(client.api("GET", "/health/ready").json["status"] == "ok")


def problems(client: Client) -> str:
    """Return what is wrong with the replicas."""
    return str(client.ok("GET", "/health/ready")["checks"]["replicas"])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pause(node: Node) -> None:
    node.run("select pg_wal_replay_pause()")
    eventually(lambda: node.run("select pg_get_wal_replay_pause_state()") == "paused")


def resume(node: Node) -> None:
    if node.run("select pg_is_in_recovery()"):
        node.run("select pg_wal_replay_resume()")


def is_level(primary: Node, replica: Node) -> bool:
    lsn = primary.run("select pg_current_wal_lsn()")
    return bool(replica.run(f"select pg_last_wal_replay_lsn() >= '{lsn}'"))


@contextmanager
def asked(servers: Servers) -> Iterator[Counter[str]]:
    """Count by server how often requests take a connection to it."""
    names = {str(node.folder): node.folder.name for node in servers.nodes}
    seen: Counter[str] = Counter()

    def note(connection: Any, *_: object) -> None:
        if not threading.current_thread().name.startswith("cdb-"):
            seen[names[connection.info.host]] += 1

    event.listen(Pool, "checkout", note)
    try:
        yield seen
    finally:
        event.remove(Pool, "checkout", note)


class Load:
    """Clients that send requests for as long as something is done; no answer may be wrong."""

    def __init__(self, url: str, paths: Sequence[str], clients: int = 3) -> None:
        self._url = url
        self._paths = paths
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        self.answers: list[requests.Response] = []
        self.broken: list[Exception] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(timeout=120)

    def goes_on(self, answers: int = 30) -> None:
        """Wait for some more answers."""
        enough = len(self.answers) + answers
        eventually(lambda: len(self.answers) >= enough or bool(self.broken))

    def statuses(self) -> set[int]:
        assert not self.broken
        return {answer.status_code for answer in self.answers}

    def _run(self) -> None:
        with requests.Session() as session:
            while not self._ends.is_set():
                for path in self._paths:
                    try:
                        self.answers.append(session.get(f"{self._url}{API}/{path}", timeout=120))
                    except requests.RequestException as error:
                        self.broken.append(error)


# --- reads are spread, writes are not ---------------------------------------------------


def test_reads_are_spread_over_the_replicas(client: Client, servers: Servers) -> None:
    def are_spread() -> bool:
        with asked(servers) as seen:
            for _ in range(20):
                client.ok("GET", QUERY)
        return set(seen) == {"replica1", "replica2"} and min(seen.values()) >= 10

    eventually(are_spread)


def test_what_is_read_for_a_write_is_read_on_the_primary(client: Client, servers: Servers) -> None:
    wanted = {"sources": ["GT"], "mode": "fill"}
    client.ok("POST", "gt", {"name": "Merged"})
    with asked(servers) as seen:
        client.ok("POST", "global-tags/Merged/merge", wanted)
        client.ok("POST", "global-tags/GT/revert?to=1&dry_run=1")
    assert set(seen) == {"primary"}


def test_service_without_a_replica_that_works_reads_on_the_primary(servers: Servers) -> None:
    for node in servers.replicas:
        node.stop()
    with service(servers.settings()) as client, asked(servers) as seen:
        assert client.ok("GET", QUERY)
        ready = client.ok("GET", "/health/ready")
    assert set(seen) == {"primary"}
    assert (ready["status"], ready["checks"]["primary"]) == ("degraded", "ok")
    assert ready["checks"]["replicas"].startswith("replica 1 cannot be reached")


def test_server_that_is_no_standby_is_not_asked(client: Client, servers: Servers) -> None:
    settings = servers.settings() | {"cdb.database.replicas": servers.primary.url()}
    with service(settings) as wrong:
        assert problems(wrong) == ("replica 1 is no standby, or no longer")
        assert shown(wrong) == shown(client)


def test_replica_of_another_database_is_not_asked_even_where_nothing_is_written_yet(
    servers: Servers,
) -> None:
    """A standby is one of all databases of a server, so its log is as far in any case."""
    replicas = {"cdb.database.replicas": servers.settings()["cdb.database.replicas"]}
    with beside(servers, "another") as settings, service({**settings, **replicas}) as wrong:
        for _ in range(2):
            assert problems(wrong) == ("replica 1 is too far behind; replica 2 is too far behind")
            assert wrong.ok("GET", "globalTags") == []
        wrong.ok("POST", "gt", {"name": "Another"})
        other = "has another history than the primary"
        eventually(lambda: problems(wrong) == f"replica 1 {other}; replica 2 {other}")


def test_replicas_of_a_database_in_which_nothing_is_written_yet_are_asked(
    servers: Servers,
) -> None:
    with beside(servers, "empty") as settings, service(settings) as client:
        eventually(lambda: are_all_used(client))
        with asked(servers) as seen:
            assert client.ok("GET", "globalTags") == []
        assert set(seen) <= {"replica1", "replica2"}


@contextmanager
def beside(servers: Servers, name: str) -> Iterator[Mapping[str, str]]:
    """Make one more database, without any change; gives the settings of a service with it."""
    servers.primary.run(f"create database {name}")
    urls = [
        make_url(node.url()).set(database=name).render_as_string(hide_password=False)
        for node in servers.nodes
    ]
    database = Database(urls[0])
    migrate.upgrade(database)
    database.dispose()
    yield servers.settings() | {
        "cdb.database.url": urls[0],
        "cdb.database.replicas": " ".join(urls[1:]),
    }
    servers.primary.run(f"drop database {name} with (force)")


# --- what a replica lacks --------------------------------------------------------------


def test_replica_that_lags_shows_nothing_older_than_allowed(
    client: Client, servers: Servers
) -> None:
    def is_old_and_then_new() -> bool:
        for node in servers.replicas:
            pause(node)
        new, _ = write(client)
        confirmed = time.monotonic()
        are_new = []
        while (begun := time.monotonic()) < confirmed + 1.5 * MAX_LAG_S:
            found = shown(client)
            are_new.append(found == new)
            assert found == new or begun <= confirmed + MAX_LAG_S
        eventually(lambda: shown(client) == new)
        assert problems(client) == ("replica 1 is too far behind; replica 2 is too far behind")
        for node in servers.replicas:
            resume(node)
        eventually(lambda: are_all_used(client))
        assert {shown(client) for _ in range(4)} == {new}
        return not all(are_new)

    # Where it was old before, it is not for nothing that it is new later; on a busy machine
    # the first answer may come too late for that.
    eventually(is_old_and_then_new)

    def are_asked_again() -> bool:
        with asked(servers) as seen:
            for _ in range(4):
                shown(client)
        return set(seen) == {"replica1", "replica2"}

    eventually(are_asked_again)


def test_replica_that_has_less_than_it_had_is_asked_no_more(
    client: Client, servers: Servers
) -> None:
    replicas = client.app.registry.cdb.database.replicas
    beyond = int(servers.primary.run("select pg_current_wal_lsn() - '0/0'")) + 2**30
    # As it was when it was looked at; since then it was put back to an earlier state.
    reading = Reading(replicas, [Candidate(replicas._servers[0], beyond)], 0)
    with asked(servers) as seen, reading.statement() as connection:
        assert connection.scalar(text("select not pg_is_in_recovery()"))
    assert set(seen) == {"replica1", "primary"}


def test_primary_is_known_by_its_last_change(client: Client) -> None:
    """A replica with another change of that number, or none, has another history."""
    _, change = write(client)
    known = client.app.registry.cdb.database.replicas._known
    eventually(lambda: known.marks[-1].change == change)


def test_metrics_tell_of_each_replica(client: Client, servers: Servers) -> None:
    shown(client)
    seen = scrape(client)
    for replica in ("replica-1", "replica-2"):
        assert seen.value("cdb_database_up", server=replica) == 1
        assert seen.value("cdb_replica_up", replica=replica) == 1
        assert 0 <= seen.value("cdb_replica_lag_seconds", replica=replica) < 120
        assert seen.value(
            "cdb_database_connections_limit", pool=f"{replica}-statements"
        ) == seen.value("cdb_database_connections_limit", pool="statements")
    pause(servers.replicas[0])
    write(client)
    eventually(lambda: scrape(client).value("cdb_replica_up", replica="replica-1") == 0)
    seen = scrape(client)
    assert seen.value("cdb_replica_lag_seconds", replica="replica-1") > MAX_LAG_S
    assert seen.value("cdb_database_up", server="replica-1") == 1
    servers.replicas[1].stop()
    eventually(lambda: scrape(client).value("cdb_database_up", server="replica-2") == 0)
    servers.primary.stop()
    eventually(lambda: scrape(client).value("cdb_database_up", server="primary") == 0)
    eventually(lambda: not scrape(client).labels("cdb_replica_lag_seconds"))
    assert scrape(client).labels("cdb_change") == []
    resume(servers.replicas[0])
    eventually(lambda: client.api("GET", QUERY).status_int == 200)
    source = {"source": "database", "server": "replica-1"}
    assert scrape(client).value("cdb_answers_total", **source)


def test_what_a_client_has_seen_is_never_taken_from_it(client: Client, servers: Servers) -> None:
    for node in servers.replicas:
        pause(node)
    for _ in range(5):
        new, change = write(client)
        at_least = {"CDB-Min-Change": str(change)}
        assert shown(client, at_least) == new
        known = {"If-None-Match": client.api("GET", QUERY, headers=at_least).headers["ETag"]}
        assert client.api("GET", QUERY, headers=known).status_int == 304
        assert shown(client, path=f"{QUERY}&asOf={change}") == new
        assert shown(client, path=QUERY.replace("=GT", f"=GT@{change}")) == new
        assert client.ok("GET", f"payload-lists/by-name/Beam_1?asOf={change}")["iov_count"]
    later = change + 1
    assert client.api("GET", QUERY, headers={"CDB-Min-Change": str(later)}).status_int == 503
    assert client.api("GET", f"{QUERY}&asOf={later}").json["asOf"] == [
        f"There is no change {later} yet, the last is {change}."
    ]


def test_client_that_follows_its_writes_needs_the_primary_only_until_a_replica_has_them(
    client: Client, servers: Servers
) -> None:
    new, change = write(client)
    eventually(lambda: all(is_level(servers.primary, node) for node in servers.replicas))

    def is_a_replica_enough() -> bool:
        with asked(servers) as seen:
            assert shown(client, {"CDB-Min-Change": str(change)}) == new
        return "primary" not in seen

    eventually(is_a_replica_enough)


def test_long_answers_are_whole_whatever_the_replicas_do(
    client: Client, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PAGE", 3)
    monkeypatch.setattr(streams, "_SHORT", 100)
    client.ok("POST", "bulk_piov", [row(next(_numbers)) for _ in range(60)])
    with serving(client.app) as url, Load(url, ["gt", "pl"], clients=2) as load_:
        for turn in range(4):
            node = servers.replicas[turn % 2]
            pause(node)
            write(client)
            load_.goes_on(4)
            if turn < 2:
                node.stop()
                load_.goes_on(4)
                node.start()
            resume(node)
            load_.goes_on(4)
    assert load_.statuses() == {200}
    for answer in load_.answers:
        body = answer.json()
        found = body if "payload_iov" in body[0] else body[0]["payload_lists"]
        numbers = [int(iov["payload_url"].removeprefix("v")) for iov in found[0]["payload_iov"]]
        assert numbers == list(range(1, numbers[-1] + 1))


def test_revoked_token_is_refused_at_once(servers: Servers) -> None:
    settings = servers.settings() | {
        "cdb.read_access": "authenticated",
        "cdb.authorization_policies": "scopes",
    }
    with service(settings) as client:
        good, bad = (make_token(client) for _ in range(2))
        eventually(lambda: all(is_level(servers.primary, node) for node in servers.replicas))
        for node in servers.replicas:
            pause(node)
        with client.app.registry.cdb.database.writing() as session:
            tokens.revoke(session, rules(), WRITER, bad.id)
        assert client.api("GET", QUERY, headers=bearer(bad.text)).status_int == 401
        assert client.api("GET", QUERY, headers=bearer(good.text)).status_int == 200
        for node in servers.replicas:
            resume(node)
        eventually(lambda: are_all_used(client))
        servers.primary.stop()
        assert client.api("GET", QUERY, headers=bearer(good.text)).status_int == 200
        assert client.api("GET", QUERY, headers=bearer(bad.text)).status_int == 401


def test_what_must_not_be_old_is_asked_of_no_replica_while_the_primary_answers(
    client: Client,
) -> None:
    database, seen = client.app.registry.cdb.database, []

    def end_the_connection(reader: Connection) -> None:
        seen.append(reader.scalar(text("select pg_is_in_recovery()")))
        reader.execute(text("select pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(OperationalError):
        database.read_newest(end_the_connection)
    assert set(seen) == {False}


class ApiToken(NamedTuple):
    id: int
    text: str


def make_token(client: Client) -> ApiToken:
    with client.app.registry.cdb.database.writing() as session:
        text, record = tokens.create(session, rules(), WRITER, "bot", ["cdb.read"])
    return ApiToken(record.id, text)


# --- what the doctor of an ini finds -----------------------------------------------------


def found(ini: Path, keys: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what the checks of an ini with these settings find; of several findings the last."""
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in keys.items()]
    ini.write_text("\n".join(["[app:main]", "use = egg:hep-cdb", *lines]))
    return {name: (state, sentence) for name, state, sentence in check(ini)}


def test_the_doctor_tells_which_replica_is_behind(servers: Servers, tmp_path: Path) -> None:
    ini, keys = tmp_path / "service.ini", servers.settings()
    well = "ok", "2 follow the database, and are less than 1 s behind."
    eventually(lambda: found(ini, keys)["replicas"] == well)
    pause(servers.replicas[1])
    with service({**keys, "cdb.database.replicas": ""}) as client:
        write(client)
    assert found(ini, keys)["replicas"] == ("failed", "Replica 2 is too far behind.")


def test_the_doctor_tells_a_standby_from_a_primary(servers: Servers, tmp_path: Path) -> None:
    keys = {**servers.settings(), "cdb.database.url": servers.replicas[0].url()}
    told = found(tmp_path / "service.ini", {**keys, "cdb.database.replicas": ""})
    assert told["database"][0] == told["migrations"][0] == "ok"
    assert told["writes"] == ("failed", "It is a standby, which nothing can be written to.")


# --- what fails -------------------------------------------------------------------------


def test_replica_that_stops_costs_no_error(client: Client, servers: Servers) -> None:
    expected = shown(client)
    with serving(client.app) as url, Load(url, [QUERY, "globalTags"]) as load_:
        for node in servers.replicas:
            node.stop()
            load_.goes_on()
            node.start()
            load_.goes_on()
    assert load_.statuses() == {200}
    assert {number_of(got.json()) for got in load_.answers if "gtName" in got.url} == {expected}
    eventually(lambda: are_all_used(client))


def test_without_the_primary_reads_go_on_and_writes_when_it_is_back(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "cdb")
    settings = servers.settings() | {"cdb.unavailable_status": "504"}
    with service(settings) as client:
        eventually(lambda: are_all_used(client))
        new, change = write(client)
        eventually(lambda: all(is_level(servers.primary, node) for node in servers.replicas))
        eventually(lambda: are_all_used(client))
        with serving(client.app) as url, Load(url, [QUERY, "globalTags"]) as load_:
            servers.primary.stop()
            load_.goes_on()
            refused = client.api("POST", "bulk_piov", [row(END - 1)], status=504)
            assert (refused.json["code"], refused.headers["Retry-After"]) == ("unavailable", "1")
            # Longer than a replica may lag where there is a primary to tell.
            time.sleep(MAX_LAG_S)
            load_.goes_on()
        assert load_.statuses() == {200}
        assert shown(client, {"CDB-Min-Change": str(change)}) == new
        assert client.api("GET", QUERY, headers={"CDB-Min-Change": str(change + 1)}, status=504)
        assert client.api("GET", f"{QUERY}&asOf={change + 1}", status=504)
        eventually(lambda: problems(client) == "ok")
        ready = client.ok("GET", "/health/ready")
        assert ready["status"] == "degraded"
        assert ready["checks"]["primary"].endswith("nothing can be written")
        servers.primary.start()
        eventually(lambda: client.api("POST", "gt", {"name": "Back"}).status_int == 200)
        eventually(lambda: are_all_used(client))
    told = [each.message for each in caplog.records if each.message.startswith("the primary ")]
    assert [each.partition(":")[0] for each in told] == [
        "the primary cannot be reached",
        "the primary answers again",
    ]


def test_replica_is_ahead_only_of_what_the_primary_had_afterwards() -> None:
    nowhere = make_url("postgresql+psycopg2:///nowhere")
    replica = lag.Replica(1, nowhere, 60, lag.Primary(nowhere, 60, list))

    def is_ahead(lsn: int, *marks: lag.Mark) -> bool:
        return replica._is_ahead_of(marks, lsn)

    def seen_now(lsn: int) -> lag.Mark:
        return lag.Mark(time.monotonic(), lsn, None, None)

    before = seen_now(10)
    assert not is_ahead(20, before)
    # The primary was not seen since: it may have had as much.
    assert not is_ahead(20, before)
    assert not is_ahead(20)
    assert is_ahead(20, before, seen_now(10))
    assert is_ahead(20, before)
    assert not is_ahead(20, before, seen_now(20))


def test_what_nobody_foresaw_ends_no_looks(caplog: pytest.LogCaptureFixture) -> None:
    fails = iter([True, False])

    def look(_ask: lag.Ask) -> None:
        if next(fails):
            raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "as a server may say in its language")

    nowhere = lag.own_connection(make_url("postgresql+psycopg2:///nowhere"))
    looks = lag.Looks("server", nowhere, 60, look)
    looks.start()
    begun = time.monotonic()
    for _ in range(2):
        assert looks.now(60)
    # Whoever waits goes on when it was looked, and nobody looks but where that is wanted.
    assert time.monotonic() - begun < 60
    looks.stop()
    assert next(fails, None) is None
    assert caplog.text.count("cdb-server: the look failed") == 1


def test_service_that_starts_without_the_primary_reads_where_most_is(servers: Servers) -> None:
    with service(servers.settings()) as client:
        eventually(lambda: are_all_used(client))
        pause(servers.replicas[0])
        new, _ = write(client)
    eventually(lambda: is_level(servers.primary, servers.replicas[1]))
    servers.primary.stop()
    with service(servers.settings()) as client:
        assert {shown(client) for _ in range(4)} == {new}
        assert client.api("POST", "gt", {"name": "Nowhere"}).status_int == 503


def test_primary_that_has_become_a_standby_is_read_and_takes_no_writes(servers: Servers) -> None:
    settings = {**servers.settings(), "cdb.database.url": servers.replicas[0].url()}
    with service({**settings, "cdb.database.replicas": ""}) as client:
        assert shown(client)
        for method, path, body in (
            ("POST", "gt", {"name": "Nowhere"}),
            ("POST", "gt?dry_run=1", {"name": "Nowhere"}),
            ("POST", "bulk_piov", [row(END - 1)]),
        ):
            refused = client.api(method, path, body, status=503)
            assert (refused.json["code"], refused.headers["Retry-After"]) == ("unavailable", "1")


def test_replica_that_is_promoted_takes_the_writes_and_what_it_lacked_is_shown_no_more(
    servers: Servers,
) -> None:
    third = servers.primary.replica(servers.primary.folder.parent / "third")
    try:
        either = servers.primary.url(f"{servers.primary.folder},{third.folder}")
        settings = servers.settings() | {
            "cdb.database.url": f"{either}&target_session_attrs=read-write",
            "cdb.database.replicas": f"{third.url()} {servers.replicas[0].url()}",
        }
        with service(settings) as client:
            eventually(lambda: are_all_used(client))
            kept, _ = write(client)
            eventually(lambda: is_level(servers.primary, third))
            third.stop("fast")
            for _ in range(10):
                lost, _ = write(client)
            eventually(lambda: is_level(servers.primary, servers.replicas[0]))
            servers.primary.stop()
            assert shown(client) == lost
            third.start()
            third.run("select pg_promote()")
            # As long as nothing is written there, the other one has replayed more than there is.
            eventually(lambda: shown(client) == kept)
            assert {shown(client) for _ in range(5)} == {kept}
            assert problems(client) == (
                "replica 1 is no standby, or no longer; "
                "replica 2 has another history than the primary"
            )
            eventually(lambda: client.api("POST", "gt", {"name": "Promoted"}).status_int == 200)
            new, _ = write(client)
            assert shown(client) == new
    finally:
        third.dispose()
        third.stop()


# --- PgBouncer --------------------------------------------------------------------------


POOL = 3
"""Connections of the pooler to each server."""


@pytest.fixture
def pooled(servers: Servers) -> Iterator[dict[str, str]]:
    """The settings of a service that reaches all through PgBouncer, in transaction mode."""
    with pooler(servers.nodes, POOL) as made:
        urls = [made.url(node) for node in servers.nodes]
        yield servers.settings() | {
            "cdb.database.url": urls[0],
            "cdb.database.replicas": " ".join(urls[1:]),
        }


def test_what_a_service_does_works_through_pgbouncer(
    pooled: dict[str, str], servers: Servers
) -> None:
    with service(pooled) as client:
        eventually(lambda: are_all_used(client))
        first, change = write(client)
        rows = [row(next(_numbers)) for _ in range(1500)]  # as many as are copied, not inserted
        client.ok("POST", "bulk_piov", rows)
        client.ok("POST", "cloneGlobalTag/GT/Copy")
        new, _ = write(client)
        eventually(lambda: shown(client) == new)
        assert shown(client, path=f"{QUERY}&asOf={change}") == first
        assert len(client.ok("GET", "global-tags/GT/diff/Copy")) == 1
        for path in ("digest", "timeline", "history", "gaps"):
            assert client.ok("GET", f"global-tags/Copy/{path}")
        client.ok("POST", f"global-tags/GT/revert?to={change}")
        with serving(client.app) as url, Load(url, [QUERY, "gt", "globalTags"]) as load_:
            write(client)
            servers.replicas[0].stop()
            load_.goes_on()
            servers.replicas[0].start()
            load_.goes_on()
        assert load_.statuses() == {200}
        database = client.app.registry.cdb.database
        migrate.downgrade(database, "0004")
        migrate.upgrade(database)
        eventually(lambda: are_all_used(client))


def test_without_the_primary_behind_pgbouncer_reads_go_on(
    pooled: dict[str, str], servers: Servers
) -> None:
    with service(pooled) as client:
        eventually(lambda: are_all_used(client))
        new, _ = write(client)
        eventually(lambda: all(is_level(servers.primary, node) for node in servers.replicas))
        eventually(lambda: are_all_used(client))
        with serving(client.app) as url, Load(url, [QUERY, "globalTags"]) as load_:
            servers.primary.stop()
            for _ in range(2):  # one on a connection that was there, and one that needs another
                refused = client.api("POST", "bulk_piov", [row(END - 1)], status=503)
                assert refused.json["code"] == "unavailable"
                assert refused.headers["Retry-After"] == "1"
            load_.goes_on()
        assert load_.statuses() == {200}
        assert shown(client) == new
        assert client.ok("GET", "/health/ready")["status"] == "degraded"
        servers.primary.start()
        eventually(lambda: client.api("POST", "gt", {"name": "Again"}).status_int == 200)


def all_that_reach_the_server(engine: Engine) -> Iterator[Connection]:
    """Take all connections of the pooler to a server, each within a transaction."""
    for _ in range(POOL):
        made = engine.connect()
        made.execute(text("select 1"))
        yield made


def all_that_reach_the_pooler(engine: Engine) -> Iterator[Connection]:
    """Take all connections to the pooler, which are in use by none."""
    with suppress(OperationalError):
        while True:
            made = engine.connect()
            made.rollback()
            yield made


@pytest.mark.parametrize("taken", [all_that_reach_the_server, all_that_reach_the_pooler])
def test_pgbouncer_without_a_free_connection_is_503_until_it_has_one(
    pooled: dict[str, str], taken: Callable[[Engine], Iterator[Connection]]
) -> None:
    engine = create_engine(pooled["cdb.database.url"], poolclass=NullPool)
    with service(pooled) as client, ExitStack() as stack:
        eventually(lambda: are_all_used(client))
        _, change = write(client)
        client.app.registry.cdb.database.dispose()
        for each in taken(engine):
            stack.callback(each.close)
        refused = client.api("POST", "bulk_piov", [row(next(_numbers))])
        assert (refused.status_int, refused.json["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert not are_all_used(client)
        assert client.api("GET", "/health/live").status_int == 200
        stack.close()
        eventually(lambda: are_all_used(client))
        assert write(client)[1] == change + 1
