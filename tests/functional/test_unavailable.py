"""A database that is not there, not ready, or busy: a clear 503, and all is well afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from doorkeeper import Doorkeeper, doorkeeper
from guarded import bearer
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from support import Client

from cdb.app import make_app
from cdb.domain.points import OPEN, ORIGIN
from cdb.settings import load
from cdb.store import bulk, migrate
from cdb.store.changes import Origin, now, open_change
from cdb.store.engine import Database

REQUESTS = [
    ("GET", "payloadiovs/?gtName=GT&majorIOV=0&minorIOV=0", None),
    ("GET", "globalTags", None),
    ("GET", "gt", None),
    ("GET", "piov?page=1", None),
    ("POST", "pt", {"name": "Beam"}),
    ("PUT", "gt_change_status/GT/locked", None),
]

ATTACH = ("PUT", "piov_attach", {"payload_list": "Beam_1", "piov_id": 1})


def check_unavailable(answer: Any) -> None:
    assert answer.status_int == 503
    assert answer.json["code"] == "unavailable"
    assert set(answer.json) == {"detail", "code"}
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(("method", "path", "body"), [*REQUESTS, ATTACH])
def test_database_without_tables_is_503(
    client: Client, database: Database, method: str, path: str, body: Any
) -> None:
    migrate.downgrade(database, "base")
    check_unavailable(client.api(method, path, body))


def test_write_waits_for_the_writer_before_it_no_longer_than_told(
    make_client: Callable[..., Client], database: Database
) -> None:
    client = make_client(**{"database.timeout": "PT0.2S"})
    with database.writing() as session:
        open_change(session, Origin("another")).record("create", "x", "x")
        refused = client.api("POST", "pt", {"name": "Beam"})
        assert client.ok("GET", "pt") == []
    check_unavailable(refused)
    client.ok("POST", "pt", {"name": "Beam"})
    assert [each["name"] for each in client.ok("GET", "pt")] == ["Beam"]


def copy_after_the_connection_was_lost(database: Database) -> None:
    with database.writing() as session:
        pid = session.connection().scalar(text("select pg_backend_pid()"))
        with database.snapshot() as reader:
            reader.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        row = bulk.IovRow(1, 1, ORIGIN, OPEN, OPEN, "a", "c", None, None, now(), 1)
        bulk.insert_iovs(session, [row])


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_connection_that_is_lost_amid_many_rows_is_an_error_of_the_database(
    database: Database,
) -> None:
    with pytest.raises(OperationalError):
        copy_after_the_connection_was_lost(database)


@pytest.fixture
def guarded(databases: Any) -> Iterator[tuple[Client, Doorkeeper]]:
    """A client of a service on PostgreSQL, and what cuts all connections to that."""
    with databases("postgresql") as url, doorkeeper(url) as cut:
        app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        client = Client(app)
        client.ok("POST", "gt", {"name": "GT"})
        yield client, cut
        app.registry.cdb.database.dispose()


def test_database_that_goes_away_is_503_until_it_is_back(
    guarded: tuple[Client, Doorkeeper],
) -> None:
    client, cut = guarded
    cut("false")
    for method, path, body in REQUESTS:
        check_unavailable(client.api(method, path, body))
    # Who has this API token, if anybody, is asked of the database.
    check_unavailable(client.api("GET", "whoami", headers=bearer(f"cdb_{'A' * 43}")))
    cut("true")
    for method, path, body in REQUESTS:
        client.ok(method, path, body)


def test_write_on_a_connection_that_was_cut_is_not_tried_again(
    guarded: tuple[Client, Doorkeeper],
) -> None:
    client, cut = guarded
    cut("true")
    check_unavailable(client.api("POST", "pt", {"name": "Lost"}))
    client.ok("POST", "pt", {"name": "Beam"})
    assert [each["name"] for each in client.ok("GET", "pt")] == ["Beam"]


def test_reads_do_not_notice_that_connections_were_cut(
    guarded: tuple[Client, Doorkeeper],
) -> None:
    client, cut = guarded
    database = client.app.registry.cdb.database
    for method, path, body in REQUESTS:
        if method == "GET":
            with (
                database.statement(),
                database.statement(),
                database.snapshot(),
                database.snapshot(),
            ):
                pass
            cut("true")  # two of each kind, which are kept open
            client.ok(method, path, body)


# --- a commit that is not answered -------------------------------------------------------

Moment = Callable[[Any], None]
"""What is done with the driver's connection just before its commit; ends the connection."""


@contextmanager
def at_commit(client: Client, do: Moment) -> Iterator[None]:
    """Do something to the connection of the next write when all but its commit is done."""
    engine = client.app.registry.cdb.database.engine
    once = iter([do])

    def commit(connection: Any) -> None:
        next(once, lambda _: None)(connection.connection.driver_connection)

    event.listen(engine, "commit", commit)
    yield
    event.remove(engine, "commit", commit)


def committed_before(driver: Any) -> None:
    """Let it be committed, and nobody be told: what comes next fails."""
    driver.commit()
    with driver.cursor() as cursor:
        cursor.execute("select 1")


def test_commit_that_was_done_and_not_answered_is_answered(
    guarded: tuple[Client, Doorkeeper],
) -> None:
    client, cut = guarded
    told: list[Any] = []
    client.app.registry.cdb.database.listener = told.append

    def end_after(driver: Any) -> None:
        committed_before(driver)
        cut("true")

    with at_commit(client, end_after):
        answer = client.api("POST", "pt", {"name": "Beam"}, status=200)
    assert answer.headers["CDB-Change"] == "2"
    assert [each["name"] for each in client.ok("GET", "pt")] == ["Beam"]
    assert [each.change for each in told] == [2]


def test_commit_that_was_not_done_is_a_503_after_which_nothing_is_written(
    guarded: tuple[Client, Doorkeeper],
) -> None:
    client, cut = guarded
    with at_commit(client, lambda _: cut("true")):
        answer = client.api("POST", "pt", {"name": "Beam"})
    check_unavailable(answer)
    assert answer.json["detail"].endswith("nothing is written.")
    assert client.ok("GET", "pt") == []
    client.ok("POST", "pt", {"name": "Beam"})


def test_commit_of_which_nobody_can_be_asked_is_unconfirmed(
    guarded: tuple[Client, Doorkeeper],
) -> None:
    client, cut = guarded

    def end_after(driver: Any) -> None:
        committed_before(driver)
        cut("false")

    key = {"Idempotency-Key": "beam"}
    with at_commit(client, end_after):
        answer = client.api("POST", "pt", {"name": "Beam"}, headers=key)
    assert (answer.status_int, answer.json["code"]) == (503, "unconfirmed")
    cut("true")
    again = client.api("POST", "pt", {"name": "Beam"}, headers=key, status=200)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_connection_whose_commit_was_cancelled_is_not_used_again(client: Client) -> None:
    connection = client.app.registry.cdb.database.engine.raw_connection()
    driver = connection.driver_connection
    # As such a COMMIT leaves it: failed for the server, and over for the driver.
    driver.set_session(isolation_level="default", autocommit=True)
    with pytest.raises(psycopg2.errors.DivisionByZero):
        connection.cursor().execute("begin; select 1 / 0")
    driver.autocommit = False
    connection.close()
    client.ok("POST", "gt", {"name": "GT"})


def test_embedded_database_that_was_removed_confirms_nothing_until_one_is_there_again(
    databases: Any,
) -> None:
    with databases("sqlite") as url, databases("sqlite") as spare:
        app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        client = Client(app)
        client.ok("POST", "gt", {"name": "GT"})
        file, other = (Path(each.removeprefix("sqlite:///")) for each in (url, spare))
        for each in file.parent.glob(f"{file.name}*"):
            each.unlink()
        for method, path, body in REQUESTS:
            check_unavailable(client.api(method, path, body))
        other.replace(file)
        client.ok("POST", "gt", {"name": "Again"})
        database = Database(url)
        with database.snapshot() as reader:
            assert reader.scalars(text("select name from global_tag")).all() == ["Again"]
        for each in (database, app.registry.cdb.database):
            each.dispose()
