"""The whole stack: PostgreSQL and its replica, PgBouncer, two services, nginx, Prometheus."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack import files
from stack.files import DEPLOY, Ports
from stack.parts import Failed, Part, Parts, is_well, listens, programs
from stack.postgresql import BIN, give, server_user

CDB = str(Path(sys.executable).with_name("cdb"))
COMPOSE = DEPLOY / "compose"

_PATH = f"{BIN}:{os.environ.get('PATH', '')}"
"""With the programs of PostgreSQL."""


@dataclass(frozen=True)
class Stack:
    """The stack on this machine: what it is told, and its parts once they run.

    Attributes:
        folder: everything that it writes is below.
        ports: where its parts listen.
        scrape: how often Prometheus asks, such as 15s.
        parts: what runs.
        found: the programs that pip cannot install.
        user: who runs PostgreSQL and PgBouncer, where that is another user.

    """

    folder: Path
    ports: Ports
    scrape: str
    parts: Parts
    found: dict[str, str]
    user: str | None

    @property
    def url(self) -> str:
        """The root of the service, through nginx."""
        return f"http://127.0.0.1:{self.ports.http}"

    @property
    def https(self) -> str:
        """The same with TLS, which credentials are taken by; `secrets/certificate` is its own."""
        return f"https://127.0.0.1:{self.ports.https}"

    @property
    def prometheus(self) -> str:
        """The root of Prometheus."""
        return f"http://127.0.0.1:{self.ports.prometheus}"

    @property
    def secrets(self) -> Path:
        """The folder of the secrets."""
        return self.folder / "secrets"

    @property
    def ini(self) -> Path:
        """The ini of both services."""
        return self.folder / "cdb.ini"

    def start(self) -> None:
        """Start everything, one part after the other, with the sample data.

        Raises:
            Failed: a part cannot be started.

        """
        secrets = ("sh", f"{COMPOSE}/secrets.sh", f"{self.secrets}")
        self.parts.run(*secrets, POOLER=f"127.0.0.1:{self.ports.pgbouncer}")
        give(self.secrets, self.user)
        self._start_primary()
        # The replica copies the primary while that gets its tables: what comes meanwhile follows.
        self.parts.start(self._replica(), self._pgbouncer())
        files.service(self.ini, self.folder, self.secrets)
        self.parts.run(CDB, "db", "upgrade", f"{self.ini}")
        self.parts.run(CDB, "demo", "load", f"{self.ini}", "--url", self.url)
        self.parts.start(self.service("cdb1"), self.service("cdb2"), self._prometheus())
        self.parts.wait()
        self.parts.start(self._nginx())
        self.parts.wait()

    def service(self, name: str) -> Part:
        """Return one of the two services, `cdb1` or `cdb2`."""
        port = getattr(self.ports, name)
        command = [CDB, "serve", f"{self.ini}", "--listen", f"127.0.0.1:{port}"]
        return Part(name, command, lambda: is_well(f"http://127.0.0.1:{port}/health/ready"))

    def _start_primary(self) -> None:
        folder = self._folder_of_server("primary")
        # Half a database, of a start that was stopped, is made anew.
        made = folder / "made"
        is_new = not made.exists()
        if is_new:
            shutil.rmtree(folder / "data", ignore_errors=True)
            password = f"--pwfile={self.secrets}/postgres_password"
            options = ("--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8")
            where = f"--pgdata={folder}/data"
            self.parts.run(f"{BIN}/initdb", *options, password, where, user=self.user)
        command = [f"{BIN}/postgres", "-D", f"{folder}/data"]
        self.parts.start(self._server("primary", self.ports.primary, command))
        self.parts.wait()
        if is_new:
            self.parts.run(
                "sh",
                f"{COMPOSE}/postgres/roles.sh",
                SECRETS=f"{self.secrets}",
                PATH=_PATH,
                PGHOST=f"{folder}",
                PGPORT=f"{self.ports.primary}",
                PGPASSWORD=(self.secrets / "postgres_password").read_text().strip(),
            )
            made.touch()

    def _replica(self) -> Part:
        return self._server(
            "replica",
            self.ports.replica,
            ["sh", f"{COMPOSE}/postgres/standby.sh"],
            SECRETS=f"{self.secrets}",
            PGDATA=f"{self._folder_of_server('replica')}/data",
            PRIMARY_HOST="127.0.0.1",
            PRIMARY_PORT=f"{self.ports.primary}",
            PATH=_PATH,
        )

    def _folder_of_server(self, name: str) -> Path:
        folder = self.folder / name
        give(folder, self.user)
        return folder

    def _server(self, name: str, port: int, command: list[str], **variables: str) -> Part:
        """Return a server of PostgreSQL, which is told where it is on this machine."""
        here = {
            "config_file": f"{COMPOSE}/postgres/postgresql.conf",
            "hba_file": f"{COMPOSE}/postgres/pg_hba.conf",
            "listen_addresses": "127.0.0.1",
            "port": f"{port}",
            "unix_socket_directories": f"{self.folder}/{name}",
        }
        settings = [word for key, value in here.items() for word in ("-c", f"{key}={value}")]
        asks = [f"{BIN}/pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}"]
        return Part(
            name,
            [*command, *settings],
            lambda: subprocess.call(asks) == 0,
            variables,
            self.user,
            signal.SIGINT,
        )

    def _pgbouncer(self) -> Part:
        ini = files.pgbouncer(self.folder / "pgbouncer.ini", self.ports, self.secrets)
        command = [self.found["pgbouncer"], f"{ini}"]
        return Part("pgbouncer", command, lambda: listens(self.ports.pgbouncer), user=self.user)

    def _nginx(self) -> Part:
        run = self.folder / "nginx"
        run.mkdir(exist_ok=True)
        variables = files.nginx(run, self.ports, self.folder, self.secrets)
        # Its processes may read what belongs to who runs the stack.
        variables["GLOBALS"] = "user root;" if os.geteuid() == 0 else ""
        variables["PATH"] = f"{Path(self.found['nginx']).parent}:{os.environ['PATH']}"
        live = f"{self.url}/health/live"
        return Part("nginx", ["sh", f"{COMPOSE}/nginx.sh"], lambda: is_well(live), variables)

    def _prometheus(self) -> Part:
        told = files.prometheus(self.folder / "prometheus.yml", self.ports, self.scrape)
        command = [
            self.found["prometheus"],
            f"--config.file={told}",
            f"--storage.tsdb.path={self.folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{self.ports.prometheus}",
        ]
        return Part("prometheus", command, lambda: is_well(f"{self.prometheus}/-/ready"))


@contextmanager
def running(folder: Path, first_port: int = 0, scrape: str = "15s") -> Iterator[Stack]:
    """Start the stack; give it, and stop it at the end, also where it could not be started.

    Args:
        folder: everything is written below; what is there of another time is used again.
        first_port: of as many as there are parts; with 0 free ones are taken.
        scrape: how often Prometheus asks.

    Raises:
        Failed: a part cannot be started.

    """
    found = programs("openssl", "nginx", "pgbouncer", "prometheus")
    folder = folder.absolute()
    for name in ("primary", "replica"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    user = server_user(folder / "primary", COMPOSE)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"a stack runs in {folder} already") from None
        stack = Stack(folder, Ports.of(first_port), scrape, Parts(folder), found, user)
        try:
            stack.start()
            yield stack
        finally:
            stack.parts.stop()
