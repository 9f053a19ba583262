"""Services as they are deployed: processes that can be killed, and started again."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from urllib.error import URLError

from nginx import free_port
from processes import CDB, environ


class Service:
    """`cdb serve` with several processes, always at the same port.

    Args:
        folder: for its ini and its log.
        settings: of the ini, by key.

    """

    def __init__(self, folder: Path, settings: Mapping[str, str], workers: int = 2) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        self.log = folder / "log"
        self.ini = folder / "service.ini"
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.ini.write_text(
            f"[app:main]\nuse = egg:hep-cdb\n{lines}"
            f"[server:main]\nuse = egg:waitress#main\nlisten = 127.0.0.1:{self.port}\n"
            f"threads = 8\nworkers = {workers}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it is ready."""
        self.begin()
        self.is_ready_soon()

    def begin(self) -> None:
        """Start it, and return at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([CDB, "serve", self.ini], stderr=log, env=environ())

    def is_ready_soon(self) -> None:
        """Wait until it answers reads."""
        deadline = time.monotonic() + 120
        while not self._is_ready():
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        with suppress(URLError, OSError):
            address = f"{self.url}/health/ready"
            with urllib.request.urlopen(address, timeout=30) as got:  # noqa: S310 - of ours
                return bool(got.status == 200)
        return False

    def kill_one(self, random: Random) -> None:
        """Kill one of its processes, which is replaced."""
        if pids := self._children():
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)

    def _children(self) -> list[int]:
        assert self._process
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def kill_all(self) -> None:
        """Kill all of its processes, and return when they have ended."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)  # so that it replaces none
        for pid in self._children():
            os.kill(pid, signal.SIGKILL)
        self.kill()

    def kill(self) -> None:
        """Kill the parent of its processes, and return when they have noticed, and ended."""
        assert self._process
        self._process.kill()
        self._process.wait()
        # One that has just begun notices when it has: until then no other can listen there.
        deadline = time.monotonic() + 120
        while self._is_listening():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=120)


@contextmanager
def services(folder: Path, settings: Mapping[str, str], number: int) -> Iterator[list[Service]]:
    """Give so many services, each with two processes, on one database."""
    made = [Service(folder / f"service{each}", settings) for each in range(number)]
    try:
        for service in made:
            service.start()
        yield made
    finally:
        for service in made:
            service.stop()
