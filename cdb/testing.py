"""A real service for tests, also for those of experiment packages; needs the extra `testing`.

`cdb.plugin.testing` has the tests that every plugin of a kind has to pass. This
is for the rest: what clients see of a service that enables the plugin.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from webtest import TestApp

from cdb.app import make_app
from cdb.registry.plugins import load as load_plugins
from cdb.registry.rules import rules_of
from cdb.services import statuses
from cdb.services.writer import Writer
from cdb.settings import load, loader_of
from cdb.store import migrate
from cdb.store.engine import Database

API = "/api/cdb_rest"


class Client(TestApp):  # type: ignore[misc]  # webtest ships no types
    """A client of the API: paths are relative to its base, bodies are JSON."""

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: Any = "*",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request; `status` of `*` takes any answer, else another one is an error."""
        url = path if path.startswith("/") else f"{API}/{path}"
        match method:
            case "GET" | "DELETE" | "HEAD":
                return getattr(self, method.lower())(url, status=status, headers=headers)
            case _:
                send = getattr(self, f"{method.lower()}_json")
                return send(url, body, status=status, headers=headers)

    def ok(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a request that has to succeed, and return its JSON."""
        return self.api(method, path, body, status=200, headers=headers).json


@cache
def _empty() -> bytes:
    """Return the file of an embedded database that is migrated, which is done once a process."""
    with TemporaryDirectory(prefix="cdb-testing-") as folder:
        path = Path(folder) / "cdb.sqlite"
        database = Database(f"sqlite:///{path}")
        migrate.upgrade(database)
        # That also writes what the write-ahead log holds into the file.
        database.dispose()
        return path.read_bytes()


@contextmanager
def service(
    ini: Path, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Client]:
    """Give a client of a service that an ini describes, with an empty embedded database.

    Args:
        ini: of the service; its database is not touched.
        folder: where the database is made.
        settings: keys that differ from the ini, as in `cdb.tag_policy`; None as
            a value takes a key away.

    Raises:
        SettingsError: a setting or a plugin is wrong.

    """
    keys = dict(loader_of(ini).get_settings("app:main"))
    keys.pop("use", None)
    path = folder / "cdb.sqlite"
    keys |= {"cdb.database.url": f"sqlite:///{path}", **(settings or {})}
    given = {key: value for key, value in keys.items() if value is not None}
    own = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    loaded = load({"__file__": str(ini), **given}, own)
    plugins = load_plugins(loaded, str(ini))
    if not path.exists():
        path.write_bytes(_empty())
    database = Database(loaded.database_url)
    migrate.upgrade(database)
    with database.writing() as session:
        writer = Writer.operator("tests")
        statuses.declare_those_of_policy(session, rules_of(loaded, plugins), writer)
    database.dispose()
    app = make_app(loaded, given, str(ini))
    try:
        yield Client(app)
    finally:
        app.registry.cdb.database.dispose()
