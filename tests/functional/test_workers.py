"""Several processes of one service: `cdb serve --workers`."""

import fcntl
import http.client
import json
import os
import select
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import Command, run, served
from scraped import Scraped, read

Service = tuple[str, Command]

BASE_URL = "/api/cdb_rest/user_settings/CDB_PAYLOAD_BASE_URL"


def write(ini: Path, more: str = "") -> None:
    ini.write_text(
        "[app:main]\nuse = egg:hep-cdb\n"
        f"cdb.database.url = sqlite:///{ini.parent}/cdb.sqlite\n{more}\n"
        "[server:main]\nuse = egg:waitress#main\nlisten = 127.0.0.1:0\ngrace = 20\nworkers = 3\n"
    )


@pytest.fixture(scope="module")
def ini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workers") / "mine.ini"
    write(path)
    return path


@pytest.fixture(scope="module")
def service(ini: Path) -> Iterator[Service]:
    """Two processes, as the command line asks for, and not the three of the ini."""
    with served(ini, "--workers", "2") as (url, process):
        yield url, process
        process.terminate()
        process.wait(timeout=120)


def workers(parent: Command) -> set[int]:
    """Return the processes that answer."""
    path = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    return {int(pid) for pid in path.read_text().split()}


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(url: str, path: str) -> str:
    with urllib.request.urlopen(url + path, timeout=120) as answer:  # noqa: S310 - of this machine
        return str(answer.read().decode())


class Asking(threading.Thread):
    """Asks again and again on one connection, which it opens anew when it is told to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self.answered, self.wrong = 0, ""
        self.enough = threading.Event()
        self._rests_since = time.monotonic()

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                self._ask()
        except (OSError, AssertionError, http.client.HTTPException) as error:
            self.wrong = repr(error)
        self.connection.close()

    def _ask(self) -> None:
        try:
            self.connection.request("GET", "/health/live")
            answer = self.connection.getresponse()
            assert json.load(answer) == {"status": "ok"}
        except ConnectionError:
            # A process that stops closes what is not used for a second, as this one on a busy
            # machine; its client asks again on another connection.
            if time.monotonic() - self._rests_since < 1:
                raise
            self.connection.close()
        else:
            self.answered += 1
        self._rests_since = time.monotonic()


def test_a_reload_takes_the_new_settings_and_loses_no_request(ini: Path, service: Service) -> None:
    url, parent = service
    before = workers(parent)
    assert len(before) == 2
    clients = [Asking(url) for _ in range(4)]
    for client in clients:
        client.start()
    write(ini, "cdb.payload_base_url = /new")
    parent.send_signal(signal.SIGHUP)
    eventually(lambda: len(workers(parent)) == 2 and not workers(parent) & before)
    eventually(lambda: all(client.answered > 1 or client.wrong for client in clients))
    for client in clients:
        client.enough.set()
    for client in clients:
        client.join()
    assert [client.wrong for client in clients] == [""] * 4
    assert json.loads(ask(url, BASE_URL)) == {"CDB_PAYLOAD_BASE_URL": "/new"}


def test_a_reload_with_a_wrong_setting_leaves_what_is_there(ini: Path, service: Service) -> None:
    url, parent = service
    before = workers(parent)
    write(ini, "cdb.max_bodies = 5")
    parent.send_signal(signal.SIGHUP)
    said = parent.line()
    write(ini)
    reason = "mine.ini: cdb.max_bodies: no setting has this name (line 4)"
    assert f"[error    ] {reason}; the processes of before go on [cdb.serve]" in said
    assert workers(parent) == before
    assert json.loads(ask(url, "/health/live")) == {"status": "ok"}


def test_a_reload_without_an_ini_leaves_what_is_there(ini: Path, service: Service) -> None:
    url, parent = service
    before = workers(parent)
    ini.unlink()
    parent.send_signal(signal.SIGHUP)
    said = parent.line()
    write(ini)
    assert "[error    ] mine.ini: " in said
    assert said.endswith("; the processes of before go on [cdb.serve]\n")
    assert workers(parent) == before
    assert json.loads(ask(url, "/health/live")) == {"status": "ok"}


def test_a_process_that_dies_is_replaced(service: Service) -> None:
    url, parent = service
    died, stayed = workers(parent)
    os.kill(died, signal.SIGKILL)
    assert f"process {died} ended (SIGKILL); another one is started" in parent.line()
    eventually(lambda: len(workers(parent)) == 2)
    assert stayed in workers(parent)
    assert json.loads(ask(url, "/health/live")) == {"status": "ok"}


def scraped(url: str) -> Scraped:
    return read(ask(url, "/metrics"))


LIVE = {"method": "GET", "route": "/health/live", "status": "200"}


def test_counts_are_those_of_all_processes_also_of_ended_ones(service: Service) -> None:
    url, parent = service
    eventually(lambda: scraped(url).value("cdb_processes") == 2)
    before = scraped(url).value("cdb_http_requests_total", **LIVE) or 0
    clients = [Asking(url) for _ in range(4)]
    for client in clients:
        client.start()
    eventually(lambda: all(client.answered > 5 or client.wrong for client in clients))
    for client in clients:
        client.enough.set()
        client.join()
    counted = before + sum(client.answered for client in clients)
    # Whichever is asked.
    seen = [scraped(url) for _ in range(8)]
    assert {each.value("cdb_http_requests_total", **LIVE) for each in seen} == {counted}
    assert {each.value("cdb_processes") for each in seen} == {2}
    assert {each.value("cdb_database_up", server="primary") for each in seen} == {0}

    died, _ = workers(parent)
    os.kill(died, signal.SIGKILL)
    eventually(lambda: scraped(url).value("cdb_processes") == 2 and died not in workers(parent))
    assert scraped(url).value("cdb_http_requests_total", **LIVE) == counted
    renewed = workers(parent)
    parent.send_signal(signal.SIGHUP)
    eventually(lambda: len(workers(parent)) == 2 and not workers(parent) & renewed)
    eventually(lambda: scraped(url).value("cdb_processes") == 2)
    assert scraped(url).value("cdb_http_requests_total", **LIVE) == counted
    duration = {"method": "GET", "route": "/health/live"}
    assert scraped(url).value("cdb_http_request_duration_seconds_count", **duration) == counted


def test_nothing_is_left_of_what_processes_have_counted(tmp_path: Path) -> None:
    ini = tmp_path / "mine.ini"
    write(ini)
    with served(ini, "--workers", "1") as (_, parent):
        killed = folder_of(parent)
        parent.kill()
        eventually(lambda: is_nobodys(killed))
    # Nobody could remove it but the next service.
    assert killed.exists()
    with served(ini, "--workers", "1") as (_, parent):
        stopped = folder_of(parent)
        assert not killed.exists()
        parent.terminate()
        parent.wait(timeout=120)
    assert not stopped.exists()


def folder_of(parent: Command) -> Path:
    """Return the directory in which a service counts: it has a file open there."""
    opened = Path(f"/proc/{parent.pid}/fd").iterdir()
    [found] = {
        file.parent
        for file in (each.readlink() for each in opened)
        if file.parent.name.startswith("cdb-metrics-")
    }
    return found


def is_nobodys(folder: Path) -> bool:
    with (folder / "owned").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_processes_end_when_their_parent_is_killed(ini: Path) -> None:
    with served(ini, "--workers", "2") as (url, parent):
        parent.kill()
        eventually(lambda: is_refused(url))


def is_refused(url: str) -> bool:
    try:
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("options", [(), ("--workers", "1")], ids=["one", "parent and one"])
def test_what_is_being_answered_when_it_stops_is_answered(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    ini = tmp_path / "mine.ini"
    write(ini)
    ini.write_text(ini.read_text().replace("workers = 3\n", ""))
    with served(ini, *options) as (url, parent):
        idle = http.client.HTTPConnection(urlsplit(url).netloc)
        idle.connect()
        begun: list[http.client.HTTPConnection] = []

        def is_asleep() -> bool:
            # To see whether it sleeps, another one is sent, which can come before it.
            if not begun or select.select([begun[-1].sock], [], [], 0)[0]:
                begun.append(http.client.HTTPConnection(urlsplit(url).netloc, timeout=120))
                begun[-1].request("GET", "/api/cdb_rest/timeout?seconds=10")
            return is_busy(url)

        eventually(is_asleep)
        parent.terminate()
        answer = begun[-1].getresponse()
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        assert parent.wait(timeout=120) == 0
        for each in (idle, *begun):
            each.close()


def is_busy(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    connection.request("GET", "/api/cdb_rest/timeout?seconds=0")
    status = connection.getresponse().status
    connection.close()
    return status == 503


def test_a_service_whose_processes_cannot_begin_ends_with_the_reason(tmp_path: Path) -> None:
    ini = tmp_path / "mine.ini"
    write(ini, "cdb.max_bodies = 5")
    done = run("serve", ini)
    assert done.returncode == 1
    assert done.stderr == ("Error: mine.ini: cdb.max_bodies: no setting has this name (line 4)\n")
