"""What all tests share: real databases, migrated once, and empty for each test."""

import gc
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from emptied import Emptied
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from support import API, PATIENT, Client, serving

from cdb.app import make_app
from cdb.services import watching
from cdb.services.garbage import uncollected
from cdb.settings import load
from cdb.store import migrate
from cdb.store.engine import Database

hypothesis_settings.register_profile(
    "cdb",
    hypothesis_settings.get_profile("default"),
    max_examples=40,
    # A failure there is of what was changed; elsewhere the examples are other ones in each run.
    derandomize="CI" in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("cdb")
# For `make mutants`, which asks only whether a test fails, and not what would be the simplest way.
hypothesis_settings.register_profile(
    "first-failure",
    hypothesis_settings.get_profile("cdb"),
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
    database=None,
)

# Not what another test has left, nor what the user has.
os.environ["CDB_CACHE"] = "none"

_numbers = count()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let no search for cycles look at the tests and all that they import: it stays to the end."""
    with uncollected():
        collected = yield
    gc.freeze()
    return collected


@pytest.fixture(scope="session", autouse=True)
def patient_scrapes() -> Iterator[None]:
    """Let a scrape wait for the database: on a busy machine three seconds tell nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "_WAIT_S", 60.0)
        yield


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that is named, or one that pip installed."""
    if named := os.environ.get("CDB_TEST_DATABASE_URL"):
        yield named
        return
    from cluster import started  # noqa: PLC0415 - only where it is needed

    # Not below pytest's folder: root's server runs as a user of its own, which another
    # run of pytest would lock out in the middle by setting the folder's mode.
    with tempfile.TemporaryDirectory(prefix="cdb-tests-") as folder:
        server = started(Path(folder))
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        _forget_at_power_loss(url)
        yield url.render_as_string(hide_password=False)
        server.cleanup()


@pytest.fixture(scope="session")
def emptied(postgresql_server: str) -> Iterator[Emptied]:
    """The databases of that server."""
    made = Emptied(make_url(postgresql_server))
    yield made
    made.drop()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make migrated databases: `databases("sqlite")` returns a URL, in a context."""
    folder = tmp_path_factory.mktemp("databases")
    makers: dict[str, Callable[[], Any]] = {}

    def sqlite_maker() -> Callable[[], Any]:
        template = folder / "template.sqlite"
        database = Database(f"sqlite:///{template}")
        migrate.upgrade(database)
        # What the write-ahead log holds has to be in the file before it is copied.
        with database.engine.connect() as connection:
            connection.connection.driver_connection.execute("pragma wal_checkpoint(truncate)")
        database.dispose()

        @contextmanager
        def make() -> Iterator[str]:
            path = folder / f"{next(_numbers)}.sqlite"
            shutil.copy(template, path)
            yield f"sqlite:///{path}"
            for left in folder.glob(f"{path.name}*"):
                left.unlink()

        return make

    def databases(kind: str) -> Any:
        if kind == "postgresql":
            return request.getfixturevalue("emptied").one()
        if kind not in makers:
            makers[kind] = sqlite_maker()
        return makers[kind]()

    return databases


def _forget_at_power_loss(server: URL) -> None:
    """Let a server of databases that live for a test not wait for the disk."""
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"alter system set {setting} = off"))
        connection.execute(text("select pg_reload_conf()"))
    admin.dispose()


@event.listens_for(Engine, "connect")
def _forget_it_too(connection: Any, _record: object) -> None:
    """Let SQLite not wait for the disk either, which takes most of the time of a write."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = off")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Both databases, one after the other."""
    return str(request.param)


@pytest.fixture
def database_url(databases: Any, database_kind: str) -> Iterator[str]:
    """A migrated, empty database."""
    with databases(database_kind) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The store of a migrated, empty database."""
    store = Database(database_url)
    yield store
    store.dispose()


@pytest.fixture
def make_client(database_url: str) -> Iterator[Callable[..., Client]]:
    """Make a client of a service whose settings differ: `make_client(iov_mode="discrete")`."""
    services = []

    def make(**settings: str) -> Client:
        ini = {f"cdb.{key}": value for key, value in settings.items()}
        ini = {**PATIENT, **ini, "cdb.database.url": database_url}
        service = make_app(load(ini, {}))
        services.append(service)
        return Client(service)

    yield make
    for service in services:
        service.registry.cdb.database.dispose()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """A client of a service with an empty database."""
    return make_client()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, databases: Any) -> Iterator[Client]:
    """A client of a service that tests of a module share, since they change nothing."""
    with databases(request.param) as url:
        service = make_app(load({**PATIENT, "cdb.database.url": url}, {}))
        yield Client(service)
        service.registry.cdb.database.dispose()


@pytest.fixture
def server(client: Client) -> Iterator[str]:
    """The URL of the API of a real server."""
    with serving(client.app) as url:
        yield url + API
