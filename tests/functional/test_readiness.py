"""What `/health/ready` tells of a service whose parts fail, or hang, each in its own way."""

import importlib
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from cluster import Node, cluster
from distributions import installed, write
from moto.server import ThreadedMotoServer
from support import PATIENT, Client

from cdb.app import make_app
from cdb.settings import load
from cdb.store import migrate, pools
from cdb.store.engine import Database

DATABASE = {"database": "ok", "migrations": "ok", "statuses": "ok"}

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For what has nothing to do with the database."""

SOURCE = """
    import threading

    from cdb.plugin import Authenticator, EventListener

    STATE = {"problem": None, "fails": False, "hangs": threading.Event()}
    STATE["hangs"].set()

    class Gate(Authenticator):
        requires_cdb = ">=1.2,<2"

        def identify(self, credentials):
            return None

        def problem(self):
            STATE["hangs"].wait()
            if STATE["problem"] == "raise":
                raise RuntimeError("secret")
            return STATE["problem"]

    class Queue(EventListener):
        requires_cdb = ">=1,<2"

        def committed(self, event):
            if STATE["fails"]:
                raise RuntimeError("the queue is full")
"""

POINTS = """
    [cdb.authenticators]
    gate = {module}:Gate
    [cdb.event_listeners]
    queue = {module}:Queue
"""


def ready(client: Client, status: int = 200) -> Any:
    return client.api("GET", "/health/ready", status=status).json


def told_of(client: Client, name: str) -> str:
    """Return what is told of one part; on a busy machine others may take too long, too."""
    checks: dict[str, str] = client.api("GET", "/health/ready").json["checks"]
    return checks[name]


def hangs(told: str) -> bool:
    return re.fullmatch(r"has not answered for \d+\.\d s", told) is not None


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("cdb-health")]


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- the database -----------------------------------------------------------------------


@contextmanager
def service(url: str, **settings: str) -> Iterator[Client]:
    given = {f"cdb.{key}": value for key, value in settings.items()}
    ini = {**PATIENT, "cdb.database.url": url, **given}
    client = Client(make_app(load(ini, {})))
    yield client
    client.app.registry.cdb.database.dispose()


@pytest.fixture(scope="module")
def primary() -> Iterator[Node]:
    """A PostgreSQL server of these tests alone, with a migrated database."""
    with cluster(0) as (node, _):
        database = Database(node.url())
        migrate.upgrade(database)
        database.dispose()
        yield node


def test_a_database_that_stops_and_comes_back(primary: Node) -> None:
    with service(primary.url()) as client:
        assert ready(client)["checks"] == DATABASE
        primary.stop()
        found = ready(client, 503)
        assert found["status"] == "failing"
        assert found["checks"]["database"] == "cannot be reached (OperationalError)"
        primary.start()
        # The connections that are broken are not in the way, also not at the first time.
        assert ready(client)["checks"] == DATABASE


@contextmanager
def silent() -> Iterator[int]:
    """Give a port where connections are taken, and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_database_that_never_answers_keeps_no_probe_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else it may be given up after five seconds before a busy machine looks at what is told of it.
    monkeypatch.setattr(pools, "patience", lambda _: {"connect_timeout": 600})
    with silent() as port:
        url = f"postgresql+psycopg2://cdb@127.0.0.1:{port}/cdb"
        with service(url, health_timeout="PT0.3S") as client:
            found = ready(client, 503)
            assert hangs(found["checks"].pop("database"))
            assert found["checks"] == {"migrations": "unknown", "statuses": "unknown"}
            for _ in range(3):
                found = ready(client, 503)
            assert found["seconds"]["database"] > 1
            assert threads().count("cdb-health-database") == 1
    eventually(lambda: threads() == [])


# --- the payload store -------------------------------------------------------------------


@ON_SQLITE
def test_a_directory_that_is_gone_degrades_and_takes_no_reads_away(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    client = make_client(payload_store=str(store))
    assert ready(client)["checks"] == {**DATABASE, "payload-store": "ok"}
    shutil.rmtree(store)
    found = ready(client)
    assert found["status"] == "degraded"
    assert found["checks"]["payload-store"] == (
        "The payload store cannot be read at the moment (FileNotFoundError)"
    )
    assert set(found["seconds"]) == {"database", "payload-store"}
    client.ok("POST", "gt", {"name": "A"})
    assert client.ok("GET", "payloadiovs/?gtName=A&majorIOV=1&minorIOV=1") == []
    store.mkdir()
    assert ready(client)["status"] == "ok"


@ON_SQLITE
def test_a_directory_that_cannot_be_written_to_is_told(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(payload_store=str(tmp_path))
    assert ready(client)["status"] == "ok"
    incoming = tmp_path / ".incoming"
    assert list(incoming.iterdir()) == []
    incoming.rmdir()
    # Whom modes do not keep from writing, as root, a file in the way does.
    incoming.touch() if os.geteuid() == 0 else tmp_path.chmod(0o555)
    try:
        told = ready(client)["checks"]["payload-store"]
    finally:
        tmp_path.chmod(0o755)
    assert told.startswith("The payload store cannot be written to at the moment (")


@ON_SQLITE
def test_a_file_system_that_hangs_is_told(
    make_client: Callable[..., Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of a dead server hangs in the kernel; a pipe that nobody writes to does, too."""
    client = make_client(payload_store=str(tmp_path), health_timeout="PT0.2S")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files = client.app.registry.cdb.payload_store.files
    monkeypatch.setattr(type(files), "look", lambda *_, **__: pipe.read_bytes())
    assert all(hangs(told_of(client, "payload-store")) for _ in range(3))
    assert threads().count("cdb-health-payload-store") == 1
    pipe.write_bytes(b"")  # somebody comes: the look ends
    eventually(lambda: threads() == [])


@ON_SQLITE
def test_a_bucket_that_is_gone_and_an_object_store_that_is_gone(
    make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = boto3.resource("s3", endpoint_url=f"http://{host}:{port}")
    bucket = s3.create_bucket(Bucket="health")
    given = {
        "payload_store": "s3://health/store",
        "payload_store_options": f'{{"endpoint_url": "http://{host}:{port}"}}',
    }
    client = make_client(**given)
    assert ready(client)["checks"]["payload-store"] == "ok"
    assert list(bucket.objects.all()) == []
    bucket.delete()
    s3.meta.client.close()
    assert ready(client)["checks"]["payload-store"] == (
        "The payload store cannot be reached at the moment (FileNotFoundError)"
    )
    server.stop()
    assert told_of(make_client(**given, health_timeout="PT0.2S"), "payload-store") != "ok"


# --- compiled lists ----------------------------------------------------------------------


@ON_SQLITE
def test_the_file_of_compiled_lists_that_is_gone(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(compiled=str(tmp_path / "compiled"))
    assert ready(client)["checks"]["compiled"] == "ok"
    shutil.rmtree(tmp_path / "compiled")
    found = ready(client)
    assert found["status"] == "degraded"
    assert found["checks"]["compiled"].startswith("the file was removed")


# --- plugins -----------------------------------------------------------------------------


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A package with an authenticator and a listener; gives the state that decides about them."""
    place = write(tmp_path, SOURCE, POINTS)
    with installed(place):
        yield importlib.import_module(place.name).STATE


@ON_SQLITE
def test_plugins_tell_what_is_the_matter_with_them(
    plugins: dict[str, Any], make_client: Callable[..., Client]
) -> None:
    given = {"authenticators": "gate anonymous", "event_listeners": "queue"}
    client, hasty = make_client(**given), make_client(**given, health_timeout="PT0.2S")
    well = {**DATABASE, "plugin-gate": "ok", "plugin-queue": "ok"}
    assert ready(client)["checks"] == well
    plugins["problem"] = "its issuer is away"
    found = ready(client)
    assert (found["status"], found["checks"]["plugin-gate"]) == ("degraded", plugins["problem"])
    plugins["problem"] = "raise"
    assert ready(client)["checks"]["plugin-gate"] == "cannot be told (RuntimeError)"
    plugins["problem"] = None
    plugins["hangs"].clear()
    assert hangs(told_of(hasty, "plugin-gate"))
    plugins["hangs"].set()
    eventually(lambda: told_of(hasty, "plugin-gate") == "ok")
    assert ready(client)["checks"] == well


@ON_SQLITE
def test_a_listener_that_fails_is_told_until_it_takes_a_change(
    plugins: dict[str, Any], make_client: Callable[..., Client]
) -> None:
    client = make_client(authenticators="anonymous", event_listeners="queue")
    plugins["fails"] = True
    client.ok("POST", "gt", {"name": "A"})
    found = ready(client)
    assert found["status"] == "degraded"
    assert found["checks"]["plugin-queue"] == "failed on change 1"
    plugins["fails"] = False
    client.ok("POST", "gt", {"name": "B"})
    assert ready(client)["status"] == "ok"


@ON_SQLITE
def test_keys_of_an_issuer_that_cannot_be_had(make_client: Callable[..., Client]) -> None:
    with silent() as port:
        address = f"http://127.0.0.1:{port}/keys"
        ini = {
            "authenticators": "oidc anonymous",
            "plugin.oidc.issuer": "https://issuer.example.org",
            "plugin.oidc.jwks": address,
            "plugin.oidc.audience": "cdb",
            "plugin.oidc.timeout": "PT2M",
            "health_timeout": "PT0.2S",
        }
        client = make_client(**ini)
        assert hangs(told_of(client, "plugin-oidc"))
    # Nobody is there any more who could be waited for.
    told = "the keys of the issuer cannot be loaded: its tokens are refused"
    eventually(lambda: told_of(client, "plugin-oidc") == told)
