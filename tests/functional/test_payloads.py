"""The payload store in a directory: what comes in whole is kept once and served for ever."""

import base64
import hashlib
import io
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
import requests
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import OperationalError
from support import API, Client, serving
from webob import Request

from cdb.app import make_app
from cdb.domain.names import TEXT_LENGTH
from cdb.errors import Invalid, NotFound, PathTaken, TooLarge, Unavailable
from cdb.plugin import PayloadLayout, Upload
from cdb.registry.plugins import load as load_plugins
from cdb.registry.rules import rules_of
from cdb.services import payload_types
from cdb.services import payloads as use_case
from cdb.services.payloads import PayloadStore, Sent, Stored
from cdb.services.writer import Writer
from cdb.settings import SettingsError, load
from cdb.store import payloads
from cdb.store.changes import open_change
from cdb.store.engine import Database
from cdb.store.models import Change, Payload
from cdb.store.payload_files import open_files
from cdb.store.receiving import CHUNK

CONTENT = b"beam spot of run 7\n"
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH_OF_NONE = f"Beam/{MD5[:2]}/{MD5[2:4]}/{MD5}_"
PATH = f"{PATH_OF_NONE}run7.txt"
LARGE = bytes(range(256)) * (3 * CHUNK // 256) + b"the end"
MANY = LARGE * 8
"""More than a server and the kernel take ahead of a client that does not read."""

Put = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "payloads"


@pytest.fixture
def client(make_client: Callable[..., Client], folder: Path) -> Client:
    """A client of a service with a payload store and a payload type."""
    return with_type(make_client(payload_store=str(folder)))


def with_type(client: Client) -> Client:
    client.ok("POST", "pt", {"name": "Beam"})
    return client


def put(
    client: Client,
    content: bytes = CONTENT,
    name: str = "run7.txt",
    payload_type: str = "Beam",
    **headers: str,
) -> Any:
    """Send a file."""
    return client.put(
        f"{API}/payloads/{payload_type}/{quote(name)}",
        content,
        {key.replace("_", "-"): value for key, value in headers.items()},
        content_type="application/octet-stream",
        expect_errors=True,
    )


def get(client: Client, checksum: str, method: str = "get", **headers: str) -> Any:
    """Fetch a payload."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return getattr(client, method)(f"{API}/payloads/{checksum}", headers=named, expect_errors=True)


def files(folder: Path) -> list[str]:
    """Return all files of a payload store, also those that are being received."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def rows(database: Database) -> tuple[int, int]:
    """Return how many payloads are known, and how many changes there are."""
    with database.snapshot() as reader:
        known = reader.execute(select(func.count()).select_from(Payload)).scalar_one()
        changes = reader.execute(select(func.count()).select_from(Change)).scalar_one()
    return known, changes


class Served(NamedTuple):
    """A service that has one file, and where its files and tables are."""

    client: Client
    folder: Path
    database: Database

    def state(self) -> object:
        """Return everything that an upload could change."""
        return files(self.folder), rows(self.database)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service that the tests only read from, or send what is refused to."""
    folder = tmp_path_factory.mktemp("payloads")
    with databases(request.param) as url:
        ini = {"cdb.database.url": url, "cdb.allow_open_writes": "true"}
        app = make_app(load({**ini, "cdb.payload_store": str(folder)}, {}))
        client = with_type(Client(app))
        put(client)
        yield Served(client, folder, app.registry.cdb.database)
        app.registry.cdb.database.dispose()


ONLY_THE_TYPE = (0, 1)
"""What `rows` returns where no payload was ever stored."""


# --- files in -------------------------------------------------------------------


def test_a_file_lies_where_clients_look_below_their_read_directories(
    client: Client, folder: Path
) -> None:
    answer = put(client)
    assert answer.status_int == 200
    assert answer.json["payload_url"] == PATH
    assert files(folder) == [PATH]
    assert (folder / PATH).read_bytes() == CONTENT


def test_the_answer_says_what_is_stored(client: Client) -> None:
    answer = put(client).json
    assert answer.pop("created").endswith("Z")
    assert answer == {
        "payload_type": "Beam",
        "file_name": "run7.txt",
        "payload_url": PATH,
        "checksum": MD5,
        "sha256": SHA256,
        "size": len(CONTENT),
        "revision": None,
        "stored": True,
    }


def test_a_file_that_is_sent_again_is_kept_once(
    client: Client, folder: Path, database: Database
) -> None:
    first, second = put(client).json, put(client).json
    assert (first.pop("stored"), second.pop("stored")) == (True, False)
    assert first == second
    assert files(folder) == [PATH]
    assert rows(database) == (1, 2)


def test_a_file_that_many_send_at_once_is_kept_once(client: Client, database: Database) -> None:
    answers: list[bool] = []
    with serving(client.app) as root:

        def send() -> None:
            sent = requests.put(f"{root}{API}/payloads/Beam/run7.txt", LARGE, timeout=120)
            answers.append(sent.json()["stored"])

        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == [False] * 5 + [True]
    assert rows(database) == (1, 2)


def test_the_same_content_has_a_file_for_each_type_and_name(client: Client, folder: Path) -> None:
    client.ok("POST", "pt", {"name": "Field"})
    paths = [
        put(client).json["payload_url"],
        put(client, name="other.txt").json["payload_url"],
        put(client, payload_type="Field").json["payload_url"],
    ]
    assert files(folder) == sorted(paths)
    assert len(set(paths)) == 3


def test_an_upload_is_a_change(client: Client, database: Database) -> None:
    put(client)
    with database.snapshot() as reader:
        change = reader.execute(select(Change).order_by(Change.change.desc())).first()
    assert change is not None
    assert (change.action, change.object_type, change.object_name) == ("upload", "payload", PATH)
    assert change.detail["payload_types"] == ["Beam"]
    assert change.detail["after"]["sha256"] == SHA256
    assert change.detail["after"]["size"] == len(CONTENT)


def test_an_empty_file_can_be_stored(client: Client) -> None:
    stored = put(client, b"").json
    assert (stored["size"], get(client, stored["sha256"]).body) == (0, b"")


def test_a_file_of_many_pieces_is_stored_whole(client: Client, folder: Path) -> None:
    stored = put(client, LARGE).json
    assert stored["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert (folder / stored["payload_url"]).read_bytes() == LARGE


@pytest.mark.parametrize("name", ["run 7.root", "Größe.txt", "a@b.txt", "🜁.dat", "-rf", ".x"])
def test_names_of_files_are_taken_as_they_are(client: Client, folder: Path, name: str) -> None:
    stored = put(client, name=name).json
    assert stored["file_name"] == name
    assert (folder / stored["payload_url"]).name == f"{MD5}_{name}"


@pytest.mark.parametrize(
    "name", ["a?b", "a#b", "100%", "a\\b", "..", ".", " a", "a ", "a\nb", "a\x7f", "n" * 256]
)
def test_names_that_cannot_be_part_of_a_url_are_refused(served: Served, name: str) -> None:
    before = served.state()
    answer = put(served.client, name=name)
    assert (answer.status_int, answer.json["code"]) == (400, "invalid")
    assert served.state() == before


@pytest.mark.parametrize("name", ["n" * 230, "é" * 120])
def test_a_name_that_makes_the_path_too_long_is_refused(served: Served, name: str) -> None:
    before = served.state()
    answer = put(served.client, name=name)
    assert (answer.status_int, served.state()) == (400, before)
    assert answer.json["detail"].startswith("The name is too long")


@pytest.mark.parametrize(
    "name", ["n" * (TEXT_LENGTH - len(PATH_OF_NONE)), "é" * ((255 - len(f"{MD5}_")) // 2)]
)
def test_a_name_as_long_as_can_be_is_taken(client: Client, name: str) -> None:
    assert put(client, name=name).json["payload_url"] == PATH_OF_NONE + name


def test_a_name_with_a_slash_is_no_name(served: Served) -> None:
    before = served.state()
    assert put(served.client, name="../../etc/passwd").status_int == 404
    assert served.state() == before


def test_an_unknown_type_is_not_found(served: Served) -> None:
    before = served.state()
    answer = put(served.client, payload_type="Unknown")
    assert (answer.status_int, answer.json["code"]) == (404, "not-found")
    assert served.state() == before


def test_a_type_cannot_lead_into_the_files_that_are_being_received(
    client: Client, folder: Path
) -> None:
    client.ok("POST", "pt", {"name": ".incoming"})
    assert put(client, payload_type=".incoming").status_int == 400
    assert files(folder) == []


def test_whoever_has_no_permission_sends_in_vain(
    make_client: Callable[..., Client], client: Client, folder: Path, database: Database
) -> None:
    closed = make_client(payload_store=str(folder), authorization_policies="scopes")
    answer = put(closed)
    assert (answer.status_int, answer.json["code"]) == (401, "unauthenticated")
    assert (files(folder), rows(database)) == ([], ONLY_THE_TYPE)


# --- what it should be ------------------------------------------------------------


def in_base64(algorithm: str, content: bytes) -> str:
    return base64.b64encode(
        hashlib.new(algorithm, content, usedforsecurity=False).digest()
    ).decode()


DIGESTS = {
    "Content_MD5": lambda content: in_base64("md5", content),
    "Digest": lambda content: f"unixsum=1, SHA-256={in_base64('sha256', content)}",
    "Repr_Digest": lambda content: f"sha-256=:{in_base64('sha256', content)}:",
    "Content_Digest": lambda content: f"md5=:{in_base64('md5', content)}:, sha-512=:AAAA:",
}


@pytest.mark.parametrize("header", DIGESTS)
def test_a_file_that_is_what_its_digest_says_is_stored(client: Client, header: str) -> None:
    assert put(client, **{header: DIGESTS[header](CONTENT)}).json["stored"] is True


@pytest.mark.parametrize("header", DIGESTS)
def test_a_file_that_is_not_what_its_digest_says_is_refused(served: Served, header: str) -> None:
    before = served.state()
    answer = put(served.client, **{header: DIGESTS[header](b"something else")})
    assert (answer.status_int, answer.json["code"]) == (400, "invalid")
    assert "what arrived is" in answer.json["detail"]
    assert served.state() == before


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content_MD5", "!"),
        ("Content_MD5", "AAAA"),
        ("Repr_Digest", "sha-256=:AAAA:"),
        ("Digest", "sha-256"),
        ("Digest", "md5=ä"),
    ],
)
def test_a_digest_that_is_none_is_refused(served: Served, header: str, value: str) -> None:
    before = served.state()
    answer = put(served.client, **{header: value})
    assert (answer.status_int, served.state()) == (400, before)
    assert answer.json["detail"].startswith(header.replace("_", "-"))


ONE = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571"
    "415a085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306"
    "d248cda0e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
DIFFERENT = {19, 45, 59, 83, 109, 123}
OTHER = bytes(byte ^ (0x80 if place in DIFFERENT else 0) for place, byte in enumerate(ONE))
"""Two files with one MD5, found by X. Wang and H. Yu."""


def test_a_file_with_the_md5_of_another_one_does_not_replace_it(
    client: Client, folder: Path
) -> None:
    stored = put(client, ONE).json
    answer = put(client, OTHER)
    assert hashlib.md5(OTHER, usedforsecurity=False).hexdigest() == stored["checksum"]
    assert (answer.status_int, answer.json["code"]) == (409, "path-taken")
    assert (folder / stored["payload_url"]).read_bytes() == ONE


@pytest.fixture
def validating(make_client: Callable[..., Client], folder: Path, tmp_path: Path) -> Client:
    """A client of a service with a type of JSON objects that have a run."""
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "required": ["run"]}')
    settings = {"payload_store": str(folder), "payload_validators": "json-schema name-pattern"}
    settings["plugin.json-schema.schema_file"] = str(schema)
    client = make_client(**settings)
    client.ok("POST", "pt", {"name": "Beam", "validator": "json-schema"})
    return client


def test_a_validator_of_the_type_sees_the_content(
    validating: Client, folder: Path, database: Database
) -> None:
    refused = put(validating, b'{"lumi": 7}', "a.json")
    taken = put(validating, b'{"run": 7}', "a.json")
    assert (refused.status_int, refused.json["code"]) == (422, "payload-refused")
    assert taken.json["stored"] is True
    assert (files(folder), rows(database)) == ([taken.json["payload_url"]], (1, 2))


def test_a_validator_of_the_type_sees_the_url_that_iovs_will_have(
    validating: Client, folder: Path
) -> None:
    named = {"name": "Field", "validator": "name-pattern"}
    validating.ok("POST", "pt", {**named, "validator_options": {"pattern": "????????*_*.root"}})
    refused = put(validating, name="a.txt", payload_type="Field")
    taken = put(validating, name="a.root", payload_type="Field")
    assert (refused.status_int, taken.status_int) == (422, 200)
    assert files(folder) == [taken.json["payload_url"]]


# --- what breaks off leaves nothing -----------------------------------------------


def nothing_is_left(folder: Path, database: Database) -> bool:
    return (files(folder), rows(database)) == ([], ONLY_THE_TYPE)


HEAD = f"PUT {API}/payloads/Beam/run7.txt HTTP/1.1\r\nHost: here\r\n"
BROKEN_OFF = {
    "after the headers": f"{HEAD}Content-Length: 9000000\r\n\r\n".encode(),
    "in the middle": f"{HEAD}Content-Length: 9000000\r\n\r\n".encode() + LARGE,
    "in a chunk": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n800000\r\n".encode() + LARGE,
    "between chunks": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".encode(),
}


@pytest.mark.parametrize("sent", BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_an_upload_that_breaks_off_leaves_nothing(
    client: Client, folder: Path, database: Database, sent: bytes
) -> None:
    # In memory: waitress leaves it to the garbage collector to close a file of its own.
    with serving(client.app, inbuf_overflow=2**30) as root:
        with socket.create_connection((urlsplit(root).hostname, urlsplit(root).port)) as upload:
            upload.sendall(sent)
        assert requests.get(f"{root}/health/live", timeout=120).status_code == 200
    # The server has ended: whatever it did about the upload is done.
    assert nothing_is_left(folder, database)


def test_an_upload_in_chunks_that_ends_is_stored(client: Client, folder: Path) -> None:
    with serving(client.app) as root:
        pieces = (LARGE[start : start + 10_000] for start in range(0, len(LARGE), 10_000))
        answer = requests.put(f"{root}{API}/payloads/Beam/a.bin", pieces, timeout=120)
    assert (folder / answer.json()["payload_url"]).read_bytes() == LARGE


def raw_put(client: Client, body: bytes, **environ: Any) -> Any:
    """Send what a server gives to the application where it hands bodies on as they come."""
    request = Request.blank(f"{API}/payloads/Beam/run7.txt", method="PUT", environ=environ)
    request.environ["wsgi.input"] = io.BytesIO(body)
    return request.get_response(client.app)


def test_a_body_that_is_shorter_than_declared_is_refused(
    client: Client, folder: Path, database: Database
) -> None:
    answer = raw_put(client, CONTENT, CONTENT_LENGTH="100")
    assert (answer.status_int, answer.json["code"]) == (400, "invalid")
    assert answer.json["detail"] == "The upload broke off: 19 of 100 bytes arrived."
    assert nothing_is_left(folder, database)


def test_nothing_is_read_beyond_the_declared_length(client: Client, folder: Path) -> None:
    answer = raw_put(client, CONTENT + b"the next request", CONTENT_LENGTH=str(len(CONTENT)))
    assert (answer.json["sha256"], files(folder)) == (SHA256, [PATH])


def test_a_body_of_no_declared_length_ends_where_the_server_says(client: Client) -> None:
    environ = {"wsgi.input_terminated": True}
    assert raw_put(client, CONTENT, **environ).json["sha256"] == SHA256


def test_a_body_of_no_length_at_all_is_refused(
    client: Client, folder: Path, database: Database
) -> None:
    assert raw_put(client, CONTENT).json["detail"] == "A Content-Length is needed."
    assert nothing_is_left(folder, database)


@pytest.mark.parametrize(
    "environ",
    [{"CONTENT_LENGTH": str(2**20 + 1)}, {"wsgi.input_terminated": True}],
    ids=["declared", "found out"],
)
def test_a_file_that_is_too_large_is_refused(
    make_client: Callable[..., Client], folder: Path, database: Database, environ: dict[str, Any]
) -> None:
    client = with_type(make_client(payload_store=str(folder), max_payload_mb="1"))
    answer = raw_put(client, bytes(2**20 + 1), **environ)
    assert (answer.status_int, answer.json["code"]) == (413, "too-large")
    assert nothing_is_left(folder, database)


def test_a_file_as_large_as_can_be_is_stored(
    make_client: Callable[..., Client], folder: Path
) -> None:
    client = with_type(make_client(payload_store=str(folder), max_payload_mb="1"))
    assert put(client, bytes(2**20)).json["size"] == 2**20


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the kernel refuse this process files that are larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_the_disk_does_not_take_leaves_nothing(
    client: Client, folder: Path, database: Database
) -> None:
    with files_of_at_most(2 * CHUNK):
        answer = put(client, LARGE)
    assert (answer.status_int, answer.json["code"]) == (503, "unavailable")
    assert nothing_is_left(folder, database)


def test_a_file_that_cannot_get_its_name_leaves_nothing(
    client: Client, folder: Path, database: Database
) -> None:
    (folder / "Beam").write_text("no folder")
    answer = put(client)
    assert (answer.status_int, answer.json["code"]) == (503, "unavailable")
    assert (files(folder), rows(database)) == (["Beam"], ONLY_THE_TYPE)


def test_a_store_that_takes_no_files_is_unavailable(
    client: Client, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / ".incoming").write_text("no folder")
    answer = put(client)
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json["detail"] == "The payload store cannot be written to at the moment."
    [told] = [each for each in caplog.records if "payload store" in each.message]
    assert str(folder / ".incoming") in told.message
    assert told.exc_info is None


# --- what is not committed leaves nothing --------------------------------------------


class Shelf:
    """A payload store without a web server, to end transactions as a test wants."""

    def __init__(self, database: Database, folder: Path) -> None:
        settings = load({"cdb.database.url": "sqlite:///unused"}, {})
        plugins = load_plugins(settings)
        self.rules = rules_of(settings, plugins)
        self.writer = Writer.operator("tester")
        self.store = PayloadStore(open_files(str(folder)), plugins.layout, 2**20)
        self._database = database
        with database.writing() as session:
            payload_types.create(session, self.rules, self.writer, "Beam")

    def upload(self, session: Any, content: bytes = CONTENT, name: str = "run7.txt") -> Stored:
        sent = Sent("Beam", name, io.BytesIO(content), len(content))
        return use_case.upload(self._database, session, self.rules, self.writer, self.store, sent)

    def put(self, content: bytes = CONTENT, name: str = "run7.txt") -> Stored:
        """Upload in a transaction of its own."""
        with self._database.writing() as session:
            return self.upload(session, content, name)


@pytest.fixture
def shelf(database: Database, folder: Path) -> Shelf:
    return Shelf(database, folder)


def upload_and_fail(shelf: Shelf, database: Database, folder: Path) -> None:
    with database.writing() as session:
        shelf.upload(session)
        assert files(folder) == [PATH]
        raise RuntimeError("before the commit")


def test_a_write_that_fails_after_the_file_has_its_name_leaves_nothing(
    shelf: Shelf, database: Database, folder: Path
) -> None:
    with pytest.raises(RuntimeError, match="before the commit"):
        upload_and_fail(shelf, database, folder)
    assert nothing_is_left(folder, database)


def test_a_file_that_is_sent_again_after_a_failure_is_stored(
    shelf: Shelf, database: Database, folder: Path
) -> None:
    with pytest.raises(RuntimeError, match="before the commit"):
        upload_and_fail(shelf, database, folder)
    assert (shelf.put().is_new, files(folder)) == (True, [PATH])


def test_a_savepoint_that_ends_removes_nothing(
    shelf: Shelf, database: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with database.writing() as session:
        shelf.upload(session)
        with session.begin_nested():
            session.connection()
        assert files(folder) == [PATH]
    assert (files(folder), rows(database)) == ([PATH], (1, 2))
    assert caplog.records == []  # as where the removal was tried, and waited for this write


def release_a_savepoint_and_fail(shelf: Shelf, database: Database) -> None:
    with database.writing() as session:
        shelf.upload(session)
        with session.begin_nested():
            session.connection()
        raise RuntimeError("before the commit")


def test_a_savepoint_that_is_released_is_no_commit(
    shelf: Shelf, database: Database, folder: Path
) -> None:
    with pytest.raises(RuntimeError, match="before the commit"):
        release_a_savepoint_and_fail(shelf, database)
    assert nothing_is_left(folder, database)


def test_a_write_that_fails_removes_no_file_that_was_there(
    shelf: Shelf, database: Database, folder: Path
) -> None:
    shelf.put()
    with pytest.raises(RuntimeError, match="before the commit"):
        upload_and_fail(shelf, database, folder)
    assert (files(folder), rows(database)) == ([PATH], (1, 2))


@pytest.fixture
def on_postgresql(databases: Any) -> Iterator[Database]:
    """A database whose connections can be cut."""
    with databases("postgresql") as url:
        database = Database(url)
        yield database
        database.dispose()


def cut(database: Database, session: Any) -> None:
    """End the connection of a session, as a restart of the server does."""
    backend = session.connection().execute(text("select pg_backend_pid()")).scalar_one()
    with database.statement() as other:
        # It returns once the backend is gone, at most after 10 s.
        ended = other.execute(text("select pg_terminate_backend(:pid, 10000)"), {"pid": backend})
        assert ended.scalar_one()


def upload_and_lose_the_connection(
    shelf: Shelf, database: Database, meanwhile: Callable[[], object]
) -> None:
    with database.writing() as session:
        shelf.upload(session)
        cut(database, session)
        meanwhile()


def test_a_commit_that_fails_leaves_nothing(on_postgresql: Database, folder: Path) -> None:
    shelf = Shelf(on_postgresql, folder)
    with pytest.raises(OperationalError):
        upload_and_lose_the_connection(shelf, on_postgresql, meanwhile=list)
    assert nothing_is_left(folder, on_postgresql)


def test_a_commit_that_fails_removes_no_file_that_somebody_else_stored_since(
    on_postgresql: Database, folder: Path
) -> None:
    shelf = Shelf(on_postgresql, folder)
    with pytest.raises(OperationalError):
        upload_and_lose_the_connection(shelf, on_postgresql, meanwhile=shelf.put)
    assert (files(folder), rows(on_postgresql)) == ([PATH], (1, 2))


def test_a_file_that_a_killed_process_left_without_a_row_is_replaced(
    client: Client, folder: Path
) -> None:
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(b"half of it")
    assert put(client).json["stored"] is True
    assert (folder / PATH).read_bytes() == CONTENT


def test_a_file_that_was_lost_is_put_back_when_it_is_sent_again(
    client: Client, folder: Path
) -> None:
    put(client)
    (folder / PATH).unlink()
    assert put(client).json["stored"] is False
    assert (folder / PATH).read_bytes() == CONTENT


def test_what_a_killed_process_was_receiving_is_removed_after_a_day(folder: Path) -> None:
    old, new = folder / ".incoming" / "old", folder / ".incoming" / "new"
    old.parent.mkdir(parents=True)
    for place in (old, new):
        place.write_bytes(b"half of it")
    os.utime(old, (0, 0))
    open_files(str(folder))
    assert files(folder) == [".incoming/new"]


# --- files out ------------------------------------------------------------------


@pytest.fixture
def stored(client: Client) -> Client:
    """A client of a service that has the file."""
    put(client)
    return client


@pytest.mark.parametrize("checksum", [MD5, SHA256, MD5.upper(), SHA256.upper()])
def test_a_file_is_served_by_its_checksum(served: Served, checksum: str) -> None:
    answer = get(served.client, checksum)
    assert (answer.status_int, answer.body) == (200, CONTENT)


def test_a_file_is_served_for_ever_and_never_as_a_page(client: Client) -> None:
    checksum = put(client, b"<script>alert(1)</script>", "Größe.html").json["checksum"]
    headers = get(client, checksum).headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.html"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["Accept-Ranges"] == "bytes"


def test_the_etag_is_the_sha256(served: Served) -> None:
    assert get(served.client, MD5).headers["ETag"] == f'"{SHA256}"'


@pytest.mark.parametrize("checksum", ["0" * 32, "0" * 64, "x", MD5 + "0", "run7.txt"])
def test_what_is_not_stored_is_not_found(served: Served, checksum: str) -> None:
    answer = get(served.client, checksum)
    assert (answer.status_int, answer.json["code"]) == (404, "not-found")


def test_head_tells_that_a_file_is_there(served: Served) -> None:
    answer = get(served.client, SHA256, "head")
    assert (answer.status_int, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


def test_head_tells_that_a_file_is_not_there(served: Served) -> None:
    assert get(served.client, "0" * 64, "head").status_int == 404


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_file_that_was_lost_is_not_found(stored: Client, folder: Path, method: str) -> None:
    (folder / PATH).unlink()
    assert get(stored, MD5, method).status_int == 404


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("0-3", 0, 4),
        ("5-", 5, 19),
        ("-4", 15, 19),
        ("0-99", 0, 19),
        ("-99", 0, 19),
        ("18-18", 18, 19),
    ],
)
def test_a_range_of_a_file_is_served(served: Served, wanted: str, start: int, stop: int) -> None:
    answer = get(served.client, MD5, Range=f"bytes={wanted}")
    assert (answer.status_int, answer.body) == (206, CONTENT[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/19"


def test_head_of_a_range_has_no_body(served: Served) -> None:
    answer = get(served.client, MD5, "head", Range="bytes=0-3")
    assert (answer.status_int, answer.headers["Content-Length"], answer.body) == (206, "4", b"")


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("wanted", ["bytes=19-", "bytes=-0", "bytes=9999999999999999999-"])
def test_a_range_outside_of_the_file_is_refused(served: Served, wanted: str, method: str) -> None:
    answer = get(served.client, MD5, method, Range=wanted)
    assert (answer.status_int, answer.headers["Content-Range"]) == (416, "bytes */19")


def test_the_refusal_of_a_range_is_an_error_like_any_other(served: Served) -> None:
    answer = get(served.client, MD5, Range="bytes=19-")
    assert answer.json == {"detail": "The payload has 19 bytes.", "code": "range"}


@pytest.mark.parametrize(
    "wanted", ["bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=-", "nothing"]
)
def test_a_range_that_is_not_understood_is_the_whole_file(served: Served, wanted: str) -> None:
    answer = get(served.client, MD5, Range=wanted)
    assert (answer.status_int, answer.body) == (200, CONTENT)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (f'"{SHA256}"', 206),
        (f'"{MD5}"', 200),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 206),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 200),
    ],
)
def test_a_range_is_served_only_of_the_file_that_the_client_knows(
    served: Served, condition: str, status: int
) -> None:
    answer = get(served.client, MD5, Range="bytes=0-3", If_Range=condition)
    assert answer.status_int == status


KNOWN = {
    "If_None_Match": [f'"{SHA256}"', f'W/"{SHA256}"', f'"x", "{SHA256}"', "*"],
    "If_Modified_Since": ["Fri, 01 Jan 2100 00:00:00 GMT"],
}
NOT_KNOWN = {
    "If_None_Match": [f'"{MD5}"', '"x"'],
    "If_Modified_Since": ["Sat, 01 Jan 2000 00:00:00 GMT", "yesterday"],
}


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize(
    ("header", "value"), [(header, value) for header in KNOWN for value in KNOWN[header]]
)
def test_a_file_that_the_client_has_is_not_sent_again(
    served: Served, method: str, header: str, value: str
) -> None:
    answer = get(served.client, MD5, method, **{header: value})
    assert (answer.status_int, answer.body) == (304, b"")
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Cache-Control"].endswith("immutable")


@pytest.mark.parametrize(
    ("header", "value"), [(header, value) for header in NOT_KNOWN for value in NOT_KNOWN[header]]
)
def test_a_file_that_the_client_does_not_have_is_sent(
    served: Served, header: str, value: str
) -> None:
    assert get(served.client, MD5, **{header: value}).body == CONTENT


def test_the_etag_counts_more_than_the_time(served: Served) -> None:
    later = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert get(served.client, MD5, If_None_Match='"x"', If_Modified_Since=later).status_int == 200


def test_a_real_client_gets_ranges_of_a_large_file(client: Client) -> None:
    checksum = put(client, LARGE).json["checksum"]
    with serving(client.app) as root:
        url = f"{root}{API}/payloads/{checksum}"
        whole = requests.get(url, timeout=120)
        part = requests.get(url, headers={"Range": f"bytes={CHUNK - 3}-{CHUNK + 3}"}, timeout=120)
    assert (whole.content, part.content) == (LARGE, LARGE[CHUNK - 3 : CHUNK + 4])


def test_nginx_sends_the_file_where_it_is_told_to(
    make_client: Callable[..., Client], folder: Path
) -> None:
    client = with_type(make_client(payload_store=str(folder), payload_accel="/protected/"))
    stored = put(client, name="Größe 1.txt").json
    answer = get(client, stored["sha256"], Range="bytes=0-3")
    assert (answer.status_int, answer.body) == (200, b"")
    assert answer.headers["X-Accel-Redirect"] == f"/protected/{quote(stored['payload_url'])}"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    known = get(client, MD5, If_None_Match=f'"{SHA256}"')
    assert (known.status_int, "X-Accel-Redirect" in known.headers) == (304, False)


def test_caches_that_many_share_keep_nothing_where_readers_are_authenticated(
    client: Client, make_client: Callable[..., Client], folder: Path
) -> None:
    put(client)
    settings = {"read_access": "authenticated", "authenticators": "trusted-proxy"}
    settings["plugin.trusted-proxy.addresses"] = "10.0.0.0/8 readers"
    private = make_client(payload_store=str(folder), **settings)
    url = f"{API}/payloads/{MD5}"
    known = private.get(url, extra_environ={"REMOTE_ADDR": "10.1.2.3"})
    other = private.get(url, extra_environ={"REMOTE_ADDR": "192.0.2.1"}, status="*")
    assert known.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert other.status_int == 401


def test_a_link_that_leads_out_of_the_store_is_not_followed(
    stored: Client, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody's business")
    (folder / PATH).unlink()
    (folder / PATH).symlink_to(secret)
    answer = get(stored, MD5)
    assert (answer.status_int, answer.json["code"]) == (503, "unavailable")


def test_a_folder_that_leads_out_of_the_store_gets_no_file(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "Beam").symlink_to(tmp_path / "elsewhere")
    assert put(client).status_int == 503
    assert list((tmp_path / "elsewhere").iterdir()) == []


# --- slow readers ----------------------------------------------------------------


@pytest.fixture
def narrow(make_client: Callable[..., Client], folder: Path) -> Client:
    """A client of a service that sends one long answer at a time, and has two files."""
    client = with_type(make_client(payload_store=str(folder), max_streams="1"))
    put(client)
    put(client, MANY, "many.bin")
    return client


MANY_SHA256 = hashlib.sha256(MANY).hexdigest()


@contextmanager
def slow_reader(root: str) -> Iterator[socket.socket]:
    """Begin to read a large file, of which only the first bytes are taken."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        reader.settimeout(120)
        reader.connect((urlsplit(root).hostname, urlsplit(root).port))
        reader.sendall(f"GET {API}/payloads/{MANY_SHA256} HTTP/1.0\r\n\r\n".encode())
        assert reader.recv(12).startswith(b"HTTP/1.0 200")
        yield reader


def test_long_files_beyond_the_limit_are_refused_and_short_ranges_served(narrow: Client) -> None:
    with (
        serving(narrow.app, outbuf_high_watermark=2**16) as root,
        slow_reader(root),
    ):
        refused = get(narrow, MANY_SHA256)
        part = get(narrow, MANY_SHA256, Range="bytes=0-3")
        short = get(narrow, SHA256)
        head = get(narrow, MANY_SHA256, "head")
    assert (refused.status_int, refused.json["code"]) == (503, "unavailable")
    assert (part.body, short.body, head.status_int) == (MANY[:4], CONTENT, 200)


def test_a_long_file_frees_its_slot_when_the_client_goes_away(narrow: Client) -> None:
    slots = narrow.app.registry.cdb.streams
    with serving(narrow.app, outbuf_high_watermark=2**16) as root:
        with slow_reader(root):
            pass
        assert slots.acquire(timeout=120)
        slots.release()
        assert requests.get(f"{root}{API}/payloads/{MANY_SHA256}", timeout=120).content == MANY


def test_a_long_file_frees_its_slot_when_it_is_sent(narrow: Client) -> None:
    for _ in range(2):
        assert get(narrow, MANY_SHA256).body == MANY


# --- which are there ---------------------------------------------------------------


def test_many_checksums_are_checked_at_once(served: Served) -> None:
    before = served.state()
    asked = [MD5, SHA256.upper(), "0" * 32, "nonsense", "0" * 32]
    answer = served.client.ok("POST", "payloads/check", asked)
    assert list(answer["present"]) == [MD5, SHA256.upper()]
    assert answer["present"][MD5] == answer["present"][SHA256.upper()]
    assert answer["present"][MD5]["payload_url"] == PATH
    assert answer["missing"] == ["0" * 32, "nonsense"]
    assert served.state() == before


def test_ten_thousand_checksums_can_be_checked(served: Served) -> None:
    asked = [f"{number:032x}" for number in range(9_999)] + [MD5]
    answer = served.client.ok("POST", "payloads/check", asked)
    assert (list(answer["present"]), len(answer["missing"])) == ([MD5], 9_999)


@pytest.mark.parametrize("body", [["0" * 32] * 10_001, [""], [7], {"checksum": MD5}])
def test_a_check_of_something_else_is_refused(served: Served, body: Any) -> None:
    assert served.client.api("POST", "payloads/check", body).status_int == 400


# --- previews ---------------------------------------------------------------------


def test_a_text_is_shown(served: Served) -> None:
    shown = served.client.ok("GET", f"payloads/{MD5}/preview")
    assert shown == {
        "kind": "text",
        "content": CONTENT.decode(),
        "is_truncated": False,
        "title": "",
        "description": "",
        "parts": [],
    }


@pytest.mark.parametrize(
    ("name", "content"), [("a.root", b"root"), ("a.json", b"{"), ("a.txt", b"\xff\x00")]
)
def test_what_nothing_can_show_is_not_found(client: Client, name: str, content: bytes) -> None:
    checksum = put(client, content, name).json["checksum"]
    answer = client.api("GET", f"payloads/{checksum}/preview")
    assert (answer.status_int, answer.json["code"]) == (404, "not-found")


# --- what is known ----------------------------------------------------------------


@pytest.mark.parametrize("checksum", [MD5, MD5.upper(), SHA256, SHA256.upper()])
def test_a_stored_payload_is_known_by_each_of_its_checksums(served: Served, checksum: str) -> None:
    about = served.client.ok("GET", f"payloads/{checksum}/about")
    assert (about["checksum"], about["has_store"]) == (checksum, True)
    stored = about["stored"]
    assert (stored["payload_url"], stored["sha256"], stored["size"]) == (
        PATH,
        SHA256,
        len(CONTENT),
    )
    change = served.client.ok("GET", f"changes/{stored['change']}")
    assert (change["action"], change["object_name"]) == ("upload", PATH)
    assert (stored["actor"], stored["preview"]) == (change["actor"], "text")


def test_a_payload_that_nothing_shows_has_no_preview(client: Client) -> None:
    checksum = put(client, b"root", "a.root").json["checksum"]
    assert client.ok("GET", f"payloads/{checksum}/about")["stored"]["preview"] is None


@pytest.mark.parametrize("has_store", [True, False])
def test_a_payload_that_is_elsewhere_is_known_by_who_refers_to_it(
    make_client: Callable[..., Client], folder: Path, has_store: bool
) -> None:
    client = with_type(make_client(**({"payload_store": str(folder)} if has_store else {})))
    client.ok("POST", "pl", {"payload_type": "Beam"})
    row = {"payload_url": "a", "checksum": MD5.upper(), "major_iov": 1, "minor_iov": 0}
    client.ok("POST", "payload-lists/Beam_1/iovs", [row])
    assert client.ok("GET", f"payloads/{MD5}/about") == {
        "checksum": MD5,
        "has_store": has_store,
        "stored": None,
    }
    answer = client.api("GET", f"payloads/{SHA256}/about")
    assert (answer.status_int, answer.json["code"]) == (404, "not-found")


# --- no store ----------------------------------------------------------------------

ENDPOINTS = [
    ("PUT", "payloads/Beam/run7.txt", None),
    ("GET", f"payloads/{MD5}", None),
    ("GET", f"payloads/{MD5}/preview", None),
    ("POST", "payloads/check", [MD5]),
]


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
def test_a_service_without_a_store_says_so(
    make_client: Callable[..., Client], method: str, path: str, body: Any
) -> None:
    answer = with_type(make_client()).api(method, path, body)
    assert (answer.status_int, answer.json["code"]) == (404, "not-found")
    assert "cdb.payload_store" in answer.json["detail"]


@pytest.mark.parametrize(
    "url", ["nonsense://bucket/prefix", "/dev/null", "/dev/null/payloads"], ids=str
)
def test_a_store_that_cannot_be_stops_the_boot(
    make_client: Callable[..., Client], url: str
) -> None:
    with pytest.raises(SettingsError, match=r"cdb\.payload_store"):
        make_client(payload_store=url)


# --- layouts that number revisions ---------------------------------------------------


class Numbering(PayloadLayout):
    """`<type>/<file name>_r<revision>`."""

    requires_cdb = ">=1,<2"
    numbers_revisions = True

    def path(self, upload: Upload) -> str:
        return f"{upload.payload_type}/{upload.file_name}_r{upload.revision}"


@pytest.fixture
def numbering(shelf: Shelf) -> Shelf:
    layout = Numbering("numbering", None)
    shelf.store = PayloadStore(shelf.store.files, layout, shelf.store.limit)
    return shelf


def test_payloads_of_a_type_are_numbered_in_order(numbering: Shelf, folder: Path) -> None:
    numbers = [numbering.put(content).record.revision for content in (b"a", b"b", b"c")]
    assert numbers == [1, 2, 3]
    assert files(folder) == [f"Beam/run7.txt_r{number}" for number in numbers]


def test_the_same_content_of_a_type_keeps_its_number(numbering: Shelf, folder: Path) -> None:
    first = numbering.put(b"a")
    numbering.put(b"b")
    again = numbering.put(b"a", "another name")
    assert (again.record, again.is_new) == (first.record, False)
    assert len(files(folder)) == 2


def test_a_payload_that_was_numbered_without_its_file_keeps_its_number(
    numbering: Shelf, database: Database
) -> None:
    with database.writing() as session:
        change = open_change(session, numbering.writer.origin)
        row = {"id": 1, "payload_type": "Beam", "file_name": "x", "checksum": MD5, "revision": 7}
        session.connection().execute(
            insert(Payload), [{**row, "created": change.at, "added_by": change.number}]
        )
    stored = numbering.put()
    assert (stored.is_new, stored.record.id, stored.record.revision) == (True, 1, 7)
    assert stored.record.path == "Beam/run7.txt_r7"


class Flat(Numbering):
    """All files in one folder, under their names."""

    numbers_revisions = False

    def path(self, upload: Upload) -> str:
        return upload.file_name


def test_a_layout_that_puts_two_payloads_at_one_path_replaces_none(
    shelf: Shelf, folder: Path
) -> None:
    shelf.store = PayloadStore(shelf.store.files, Flat("flat", None), 100)
    shelf.put(b"a", "x")
    with pytest.raises(PathTaken):
        shelf.put(b"b", "x")
    assert (folder / "x").read_bytes() == b"a"


@pytest.mark.parametrize("name", ["../x", "/x", "a//x", "", "a/./x", ".incoming/x", "a\0x"])
def test_a_layout_cannot_lead_out_of_the_store(
    shelf: Shelf, folder: Path, database: Database, name: str
) -> None:
    shelf.store = PayloadStore(shelf.store.files, Flat("flat", None), 100)
    with pytest.raises(Invalid):
        shelf.put(b"a", name)
    assert nothing_is_left(folder, database)


# --- the files themselves --------------------------------------------------------------


class Slow:
    """A source that gives few bytes at a time, and says how many it was asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        self.asked: list[int] = []

    def read(self, size: int, /) -> bytes:
        self.asked.append(size)
        return self._content.read(min(size, 1000))


def test_a_file_is_never_held_in_memory_whole(folder: Path) -> None:
    source = Slow(LARGE)
    with open_files(str(folder)).receive(source, len(LARGE), 2**30) as received:
        assert received.size == len(LARGE)
        with received.content.open() as file:
            assert file.read() == LARGE
    assert max(source.asked) == CHUNK


def test_a_file_that_is_not_kept_is_gone(folder: Path) -> None:
    with open_files(str(folder)).receive(io.BytesIO(CONTENT), len(CONTENT), 100):
        assert len(files(folder)) == 1
    assert files(folder) == []


def test_a_file_that_is_too_large_is_not_even_read(folder: Path) -> None:
    source = Slow(CONTENT)
    opened = open_files(str(folder))
    with pytest.raises(TooLarge), opened.receive(source, len(CONTENT), 18):
        pytest.fail("it was received")
    assert (source.asked, files(folder)) == ([], [])


def test_what_is_not_there_has_no_size_and_cannot_be_opened(folder: Path) -> None:
    opened = open_files(str(folder))
    opened.remove("Beam/x")
    assert opened.size("Beam/x") is None
    with pytest.raises(NotFound):
        opened.open("Beam/x")


def test_what_is_received_is_for_the_service_only_and_what_is_kept_for_others_too(
    stored: Client, folder: Path
) -> None:
    assert (folder / ".incoming").stat().st_mode & 0o077 == 0
    plain = folder / "plain"
    plain.write_text("made as any other program makes files")
    assert (folder / PATH).stat().st_mode == plain.stat().st_mode


def test_a_folder_that_cannot_be_removed_is_unavailable(folder: Path) -> None:
    opened = open_files(str(folder))
    (folder / "Beam").mkdir()
    with pytest.raises(Unavailable):
        opened.remove("Beam")


# --- what refers to payloads -----------------------------------------------------------


def test_references_find_what_is_stored_of_their_type(shelf: Shelf, database: Database) -> None:
    record = shelf.put().record
    with database.snapshot() as reader:
        found = payloads.by_reference(reader, "Beam", [MD5.upper(), SHA256, "0" * 32])
        other = payloads.by_reference(reader, "Field", [MD5])
    assert found == {MD5.upper(): record, SHA256: record}
    assert other == {}


def test_validators_read_the_contents_of_what_is_stored(shelf: Shelf, database: Database) -> None:
    shelf.put()
    with database.writing() as session:
        contents = shelf.store.contents(session, "Beam", [MD5, "0" * 32])
    with contents[MD5].open() as file:
        assert (file.read(), file.seek(5), file.read()) == (CONTENT, 5, CONTENT[5:])
    assert list(contents) == [MD5]


# --- the document -----------------------------------------------------------------------


def test_the_document_shows_files_as_files(client: Client) -> None:
    paths = client.ok("GET", "/openapi.json")["paths"]
    sent = paths[f"{API}/payloads/{{payload_type}}/{{file_name}}"]["put"]["requestBody"]
    served = paths[f"{API}/payloads/{{checksum}}"]["get"]["responses"]
    assert list(sent["content"]) == ["application/octet-stream"]
    assert [list(served[status]["content"]) for status in ("200", "206")] == (
        [["application/octet-stream"]] * 2
    )
    assert "`range`" in served["416"]["description"]
