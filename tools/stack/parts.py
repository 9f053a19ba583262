"""Programs that run beside each other: started in order, waited for, stopped in reverse."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 120.0
"""Seconds that a part may take until it answers, and then until it has stopped."""

_PACKAGES = {"promtool": "prometheus"}
"""Debian packages of programs that are called otherwise."""


class Failed(Exception):
    """The stack cannot be started, or a part of it has ended."""


def programs(*names: str) -> dict[str, str]:
    """Return the paths of programs that pip cannot install.

    Raises:
        Failed: some are missing; it says which Debian packages have them.

    """
    # Debian has servers where the path of an ordinary user does not look.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = {name: shutil.which(name, path=path) for name in names}
    missing = sorted({_PACKAGES.get(name, name) for name, place in found.items() if not place})
    if missing:
        raise Failed(f"missing: on Debian, apt-get install {' '.join(missing)}")
    return {name: place for name, place in found.items() if place}


@dataclass(frozen=True)
class Part:
    """A program that runs until it is stopped.

    Attributes:
        name: of the part, and of its log.
        command: the program and its arguments.
        answers: tells whether it can be used.
        variables: of its environment, beside those of everything here.
        user: who runs it, where that is another user.
        stop: the signal that ends it in good order.

    """

    name: str
    command: Sequence[str]
    answers: Callable[[], bool]
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop: signal.Signals = signal.SIGTERM


class Parts:
    """The parts that run; their logs and the numbers of their processes are in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._together: list[list[Part]] = []
        self._told: set[str] = set()

    def start(self, *parts: Part) -> None:
        """Start parts; they need not answer yet."""
        started: list[Part] = []
        self._together.append(started)
        for part in parts:
            # To its end always: nginx opens it a second time, as /dev/stdout.
            self.log(part.name).unlink(missing_ok=True)
            with self.log(part.name).open("ab") as log:
                # In a session of its own: Ctrl-C is for who runs the stack, who stops it in order.
                self.processes[part.name] = subprocess.Popen(
                    part.command,
                    env=environ(**part.variables),
                    user=part.user,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            (self._folder / f"{part.name}.pid").write_text(f"{self.processes[part.name].pid}\n")
            started.append(part)

    def wait(self) -> None:
        """Return when all parts answer.

        Raises:
            Failed: one ended, or did not answer in time.

        """
        until = time.monotonic() + PATIENCE
        for part in (part for group in self._together for part in group):
            while not part.answers():
                if ends := self.ended():
                    raise Failed("\n".join(ends))
                if time.monotonic() > until:
                    raise Failed(f"{part.name} does not answer:\n{self._last_lines(part.name)}")
                time.sleep(0.02)

    def run(self, *command: str, user: str | None = None, **variables: str) -> str:
        """Run a command to its end, and return what it says.

        Raises:
            Failed: it failed.

        """
        ran = subprocess.run(
            command,
            env=environ(**variables),
            user=user,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if ran.returncode:
            raise Failed(f"{' '.join(command[:3])} failed:\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def ended(self) -> list[str]:
        """Return what there is to say of parts that have ended, once of each."""
        found = []
        for name, process in self.processes.items():
            if name not in self._told and process.poll() is not None:
                self._told.add(name)
                status = process.returncode
                found.append(f"{name} ended with status {status}:\n{self._last_lines(name)}")
        return found

    def stop(self) -> None:
        """Stop what runs, the last ones first, those started together at once.

        What does not stop in time is killed.
        """
        for group in reversed(self._together):
            running = [part for part in group if self.processes[part.name].poll() is None]
            for part in running:
                self.processes[part.name].send_signal(part.stop)
            for part in running:
                process = self.processes[part.name]
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def log(self, name: str) -> Path:
        """Return where the log of a part is."""
        return self._folder / f"{name}.log"

    def _last_lines(self, name: str) -> str:
        lines = self.log(name).read_text("utf-8", "replace").splitlines()[-10:]
        return "\n".join(f"  {line}" for line in lines)


def environ(**variables: str) -> dict[str, str]:
    """Return the environment without settings of cdb and of PostgreSQL but these."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CDB_", "PG", "POSTGRES_"))
    }
    return {**own, **variables}


def listens(port: int) -> bool:
    """Tell whether something takes connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def is_well(url: str) -> bool:
    """Tell whether a URL is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - http, of this machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
