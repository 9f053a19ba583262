"""Clients that leave, stall, or speak HTTP of long ago: `cdb serve` goes on, and loses nothing."""

import json
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from conditions import make_list
from nginx import nginx
from processes import Command, served
from sqlalchemy import create_engine, text
from support import API, Client

from cdb.app import make_app
from cdb.settings import load

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = {url}
cdb.allow_open_writes = true
cdb.max_streams = 1
[server:main]
use = egg:waitress#main
threads = 2
channel_timeout = 10
connection_limit = 60
outbuf_high_watermark = 65536
"""
"""One long answer at a time: a second one shows whether the first has been given up."""

LONG = f"{API}/globalTag/GT"

ROWS, LENGTH = 12_000, 255
"""So that the answer is longer than what the kernel takes ahead of a client."""


class Served:
    """A service as a process of its own, and the URL of its database."""

    def __init__(self, url: str, process: Command, database: str) -> None:
        self.url, self.process, self.database = url, process, database

    def connect(self, request: str) -> socket.socket:
        """Send a request, and return the connection, which takes little of what comes."""
        return connected(self.url, request)

    def status(self, path: str) -> int:
        return requests.get(f"{self.url}{path}", timeout=120).status_code

    def files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))


@pytest.fixture(scope="module")
def service(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a long tag; of what its clients did it says no more than what it refused."""
    ini = tmp_path_factory.mktemp("hard") / "mine.ini"
    with databases("postgresql") as url:
        fill(url)
        ini.write_text(INI.format(url=url.replace("%", "%%")))
        with served(ini) as (root, process):
            made = Served(root, process, url)
            assert made.status("/health/live") == 200
            yield made
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=120) == 0
            expected = (" status=503", "the connection limit, ")
            told = [line for line in process.lines() if not any(e in line for e in expected)]
            assert told == []


def fill(url: str) -> None:
    app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
    client = Client(app)
    client.ok("POST", "gt", {"name": "GT"})
    client.ok("POST", "pt", {"name": "Beam"})
    iov = {"payload_list": make_list(client, "GT", "Beam"), "checksum": "c", "minor_iov": 0}
    rows = [{**iov, "payload_url": "u" * LENGTH, "major_iov": n} for n in range(ROWS)]
    client.ok("POST", "bulk_piov", rows)
    app.registry.cdb.database.dispose()


def connected(url: str, request: str) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(120)
    made.connect((urlsplit(url).hostname, urlsplit(url).port))
    made.sendall(request.encode())
    return made


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def begin(service: Served) -> socket.socket:
    """Begin to read a long answer, as soon as the one before is over; no other one is sent."""
    begun: list[socket.socket] = []

    def is_begun() -> bool:
        begun.append(service.connect(f"GET {LONG} HTTP/1.1\r\nHost: cdb\r\n\r\n"))
        return begun[-1].recv(12) == b"HTTP/1.1 200"

    # Where nobody is refused beside it, it was given up already: this process is a slow client.
    eventually(lambda: is_begun() and service.status(LONG) == 503)
    for refused in begun[:-1]:
        refused.close()
    return begun[-1]


@pytest.mark.parametrize("cut", [True, False], ids=["cut off", "closed"])
def test_client_that_leaves_in_the_middle_of_a_long_answer(service: Served, cut: bool) -> None:
    connection = begin(service)
    if cut:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    eventually(lambda: service.status(LONG) == 200)


def test_client_that_stops_reading_is_given_up(service: Served) -> None:
    connection = begin(service)
    eventually(lambda: service.status(LONG) == 200)
    connection.close()


def test_client_that_takes_a_little_now_and_then_is_given_up(service: Served) -> None:
    connection = begin(service)
    taken: list[int] = []

    def another_is_answered() -> bool:
        taken.append(len(connection.recv(20)))
        return service.status(LONG) == 200

    eventually(another_is_answered)
    connection.close()
    assert sum(taken) < ROWS * LENGTH


@pytest.mark.parametrize(
    "begun",
    [
        "GET /health/live HTTP/1.1\r\n",
        f"POST {API}/gt HTTP/1.1\r\nHost: cdb\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["head", "body"],
)
def test_request_that_comes_byte_by_byte_is_given_up(service: Served, begun: str) -> None:
    connection = service.connect(begun)

    def is_closed() -> bool:
        try:
            connection.sendall(b"x")
            return bool(select.select([connection], [], [], 0.1)[0]) and not connection.recv(1)
        except OSError:
            return True

    eventually(is_closed)
    connection.close()


def test_clients_that_keep_it_waiting_make_room_for_others(service: Served) -> None:
    slow = [service.connect("GET /health/live HT") for _ in range(100)]
    for _ in range(10):
        assert service.status("/health/live") == 200
    for connection in slow:
        connection.close()


@pytest.mark.parametrize(
    "request_", ["Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"]
)
def test_request_that_ends_in_the_middle_of_its_body_writes_nothing(
    service: Served, request_: str
) -> None:
    head = f"POST {API}/gt HTTP/1.1\r\nHost: cdb\r\nContent-Type: application/json\r\n"
    connection = service.connect(f'{head}{request_}{{"name": "Half"}}')
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1000) == b""
    connection.close()
    names = [tag["name"] for tag in requests.get(f"{service.url}{API}/gt", timeout=120).json()]
    assert names == ["GT"]


def test_slow_requests_keep_nobody_from_an_answer(service: Served) -> None:
    slow = [service.connect("GET /health/live HT") for _ in range(10)]
    assert service.status("/health/live") == 200
    for connection in slow:
        connection.sendall(b"TP/1.1\r\nHost: cdb\r\n\r\n")
    assert {connection.recv(12) for connection in slow} == {b"HTTP/1.1 200"}
    for connection in slow:
        connection.close()


def test_behind_nginx_slow_clients_hold_nothing_of_the_service(
    service: Served, tmp_path: Path
) -> None:
    with nginx(tmp_path, service.url) as front:
        begun = [f"POST {API}/gt HTTP/1.1\r\nHost: cdb\r\nContent-Length: 9\r\n\r\n{{", "GET / HT"]
        slow = [connected(front.url, request) for request in begun for _ in range(40)]
        lazy = connected(
            front.url, f"GET {LONG} HTTP/1.1\r\nHost: cdb\r\nConnection: close\r\n\r\n"
        )
        assert lazy.recv(12) == b"HTTP/1.1 200"
        eventually(lambda: service.status(LONG) == 200)
        for _ in range(5):
            assert requests.get(f"{front.url}/health/live", timeout=120).status_code == 200
        # Its answer is whole, though the service is long done with it.
        assert len(lazy.makefile("rb").read()) > ROWS * LENGTH
        for connection in (*slow, lazy):
            connection.close()


def test_http_1_0_ends_with_the_answer(service: Served) -> None:
    head, body = everything(service.connect("GET /health/live HTTP/1.0\r\n\r\n"))
    assert json.loads(body) == {"status": "ok"}
    assert "Connection: close" in head


def test_http_1_0_can_keep_its_connection(service: Served) -> None:
    asked = "GET /health/live HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    connection = service.connect(asked)
    first = ""
    while not first.endswith("}"):
        first += connection.recv(2**16).decode()
    connection.sendall(asked.replace("Keep-Alive", "close").encode())
    head, body = everything(connection)
    assert "Connection: Keep-Alive" in first
    assert "Connection: close" in head
    assert first.endswith(body)


def test_long_answer_over_http_1_0_is_whole_and_ends_with_the_connection(service: Served) -> None:
    asked = f"GET {LONG} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    head, body = everything(service.connect(asked))
    assert "Transfer-Encoding" not in head
    assert len(json.loads(body)["payload_lists"][0]["payload_iov"]) == ROWS


def test_not_modified_over_http_1_0_has_no_body(service: Served) -> None:
    etag = requests.get(f"{service.url}{API}/gtstatus", timeout=120).headers["ETag"]
    asked = f"GET {API}/gtstatus HTTP/1.0\r\nIf-None-Match: {etag}\r\n\r\n"
    head, body = everything(service.connect(asked))
    assert " 304 " in head.partition("\r\n")[0]
    assert body == ""


def everything(connection: socket.socket) -> tuple[str, str]:
    """Return the head and the body of an answer that ends with the connection."""
    received = b""
    while piece := connection.recv(2**16):
        received += piece
    connection.close()
    head, _, body = received.decode().partition("\r\n\r\n")
    return head, body


def test_what_clients_did_leaves_nothing_behind(service: Served) -> None:
    """The last one: it looks at what all of them have left."""
    files, threads = service.files(), service.threads()
    for _ in range(5):
        begin(service).close()
        eventually(lambda: service.status(LONG) == 200)
    eventually(lambda: service.files() <= files)
    assert service.threads() == threads
    engine = create_engine(service.database)
    with engine.connect() as connection:
        idle = "select count(*) from pg_stat_activity where state like 'idle in transaction%'"
        assert connection.scalar(text(idle)) == 0
    engine.dispose()
