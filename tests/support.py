"""A client for the tests, and a real server."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import waitress
from sqlalchemy import Connection, Engine, event, make_url
from waitress import wasyncore

from cdb.registry.plugins import load as load_plugins
from cdb.registry.rules import rules_of
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.settings import load
from cdb.store import engine
from cdb.store.engine import Database
from cdb.store.models import Base
from cdb.testing import API, Client

WRITER = Writer.operator("tester", "to see whether it works")

__all__ = ["API", "PATIENT", "Client", "contents", "program", "rules", "serving", "statements"]

DATA = Path(__file__).parent / "data"

PATIENT = {"cdb.allow_open_writes": "true", "cdb.health_timeout": "PT1M"}
"""Settings of a service that everybody may write to, and whose parts may take a while to tell how
they are: on a busy machine nothing is wrong with one that has not told within seconds."""


def program(name: str, package: str | None = None) -> str:
    """Return the path of a program that a test needs, and that pip cannot install.

    Args:
        name: of the program.
        package: of Debian that has it, if that has another name.

    A test without it is skipped, and says what is missing; in CI, where the variable `CI`
    is set, it fails.
    """
    # Debian has servers where the path of an ordinary user does not look.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        missing = f"this test needs {name}: on Debian, apt-get install {package or name}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found


@contextmanager
def serving(app: Any, threads: int = 8, **options: Any) -> Iterator[str]:
    """Serve an application on a free port of this machine; gives the URL of its root."""
    server = waitress.create_server(app, listen="127.0.0.1:0", threads=threads, **options)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"

    asked = threading.Event()

    def stop() -> None:
        # A thread that ends a request wakes the server, too: it may be here before the pull
        # below has written to the trigger, which is closed in a moment.
        asked.wait()
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)

    # In the server's own thread, which must not look at what another one closes.
    server.trigger.pull_trigger(stop)
    asked.set()
    thread.join(timeout=120)


def rules(**settings: str) -> Rules:
    """Return the rules of a service with these settings, for tests below the interface."""
    ini = {f"cdb.{key}": value for key, value in settings.items()}
    loaded = load({"cdb.database.url": "sqlite:////unused.sqlite", **ini}, {})
    return rules_of(loaded, load_plugins(loaded))


def in_tokyo(url: str) -> str:
    """Return the URL of a PostgreSQL database whose times have the zone of a distant place."""
    made = make_url(url).update_query_dict({"options": "-c timezone=Asia/Tokyo"})
    return made.render_as_string(hide_password=False)


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return all that is in a database: the rows of each table in order, by column.

    Thousands of tests compare it before and after, so the driver is asked, not SQLAlchemy.
    """
    cursor = connection.connection.cursor()
    found = {}
    for name, table in Base.metadata.tables.items():
        key = ", ".join(f'"{column.name}"' for column in table.primary_key)
        cursor.execute(f'select * from "{name}" order by {key}')  # noqa: S608 - the names are ours
        columns = [column[0] for column in cursor.description or ()]
        found[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return found


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note the statements that go to a database."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    rows = Database.rows

    def note_rows(self: Database, statement: Any, *arguments: Any) -> Any:
        sent.append(statement.text)
        return rows(self, statement, *arguments)

    of_driver = engine._of_driver

    def note_of_driver(statement: Any, session: Any) -> str:
        sent.append(statement.text)
        return of_driver(statement, session)

    event.listen(Engine, "before_cursor_execute", note)
    # The two ways past SQLAlchemy: of reads, and of writes.
    Database.rows = note_rows  # type: ignore[method-assign]  # only to look on
    engine._of_driver = note_of_driver
    try:
        yield sent
    finally:
        engine._of_driver = of_driver
        Database.rows = rows  # type: ignore[method-assign]  # as it was
        event.remove(Engine, "before_cursor_execute", note)
