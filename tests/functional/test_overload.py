"""More requests than a process can answer: some are refused at once, and none waits for ever."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest
from conditions import fill
from scraped import read
from sqlalchemy import create_engine, text
from support import API, Client

from cdb.app import make_app
from cdb.commands.listening import Server, address, bound
from cdb.services import watching
from cdb.settings import load

COLD = f"{API}/payloadiovs/?gtName=A&majorIOV={{}}&minorIOV=0"
LIMIT = 30
"""Connections that a service takes here."""

THREADS = 2


class Overloaded(NamedTuple):
    """A service whose database answers no query, as long as its tables are locked."""

    netloc: str
    client: Client
    unlock: Callable[[], None]
    after: ExitStack

    def ask(self, path: str, method: str = "GET", body: Any = None) -> http.client.HTTPConnection:
        """Send a request on a connection of its own."""
        made = http.client.HTTPConnection(self.netloc, timeout=120)
        self.after.callback(made.close)
        made.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        return made

    def answer(self, path: str) -> tuple[int, str]:
        """Return the status and the body of an answer on a connection of its own."""
        answer = (made := self.ask(path)).getresponse()
        body = answer.read().decode()
        made.close()
        return answer.status, body

    def value(self, name: str) -> float | None:
        return read(self.answer("/metrics")[1]).value(name)


@contextmanager
def running(app: Any, max_wait: float) -> Iterator[str]:
    options = {"listen": "127.0.0.1:0", "threads": str(THREADS), "connection_limit": str(LIMIT)}
    server = Server(app, options, sockets := bound(options), 1, max_wait)
    where = address(sockets[0]).removeprefix("http://")
    thread = threading.Thread(target=server.run)
    thread.start()
    yield where
    server.stop()
    thread.join(timeout=60)
    assert not thread.is_alive()


@pytest.fixture
def overloaded(
    databases: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[float], Overloaded]]:
    """Make a service whose tables are locked, by the seconds that its requests may wait."""
    # How far tags go cannot be told meanwhile: `/metrics` waits for it as long as in production.
    monkeypatch.setattr(watching, "_WAIT_S", 3.0)
    with ExitStack() as after:
        url = after.enter_context(databases("postgresql"))
        other = create_engine(url)
        after.callback(other.dispose)

        def make(max_wait: float) -> Overloaded:
            app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
            after.callback(app.registry.cdb.database.dispose)
            client = Client(app)
            fill(client)
            where = after.enter_context(running(app, max_wait))
            locking = after.enter_context(other.connect())
            locking.execute(text("lock table iov in access exclusive mode"))
            return Overloaded(where, client, locking.rollback, after)

        yield make


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def code_of(answer: http.client.HTTPResponse) -> str:
    return str(json.loads(answer.read())["code"])


def test_what_waits_too_long_for_a_thread_is_refused(
    overloaded: Callable[[float], Overloaded],
) -> None:
    service = overloaded(0.2)
    hanging = [service.ask(COLD.format(number)) for number in range(THREADS)]
    asked = [service.ask(COLD.format(number)) for number in range(5)]
    late = [each.getresponse() for each in asked]
    assert {answer.status for answer in late} == {503}
    assert all(5 <= int(answer.headers["Retry-After"]) <= 15 for answer in late)
    assert {code_of(answer) for answer in late} == {"overloaded"}
    assert service.value("cdb_refused_requests_total") == 5
    assert (service.value("cdb_waited_seconds_total") or 0) > 5 * 0.2
    service.unlock()
    assert [each.getresponse().status for each in hanging] == [200] * THREADS
    assert service.answer(COLD.format(9))[0] == 200
    assert service.value("cdb_refused_requests_total") == 5


def test_health_and_metrics_are_told_while_all_threads_hang(
    overloaded: Callable[[float], Overloaded],
) -> None:
    service = overloaded(600)
    hanging = [service.ask(COLD.format(number)) for number in range(THREADS + 10)]
    for path in ("/health/live", "/health/ready", "/health/ready/", "/metrics"):
        assert service.answer(path)[0] == 200, path
    service.unlock()
    assert [each.getresponse().status for each in hanging] == [200] * (THREADS + 10)


def test_who_connects_when_there_are_too_many_is_told_so(
    overloaded: Callable[[float], Overloaded],
) -> None:
    service = overloaded(600)
    hanging = [service.ask(COLD.format(number)) for number in range(LIMIT)]
    refused = service.ask(COLD.format(0)).getresponse()
    assert (refused.status, refused.headers["Connection"]) == (503, "close")
    assert code_of(refused) == "overloaded"
    assert service.answer("/health/live")[0] == 200
    assert service.value("cdb_refused_requests_total")
    service.unlock()
    statuses = [each.getresponse().status for each in hanging]
    assert statuses.count(200) > LIMIT / 2
    # As many connections as before, of which all are idle now: they make room.
    eventually(lambda: service.answer(COLD.format(0))[0] == 200)


def test_what_nobody_waits_for_any_more_is_not_done(
    overloaded: Callable[[float], Overloaded],
) -> None:
    service = overloaded(600)
    hanging = [service.ask(COLD.format(number)) for number in range(THREADS)]
    left = service.ask(f"{API}/pt", "POST", json.dumps({"name": "Left"}))
    stays = service.ask(f"{API}/pt", "POST", json.dumps({"name": "Stays"}))
    since = time.monotonic()
    left.close()
    eventually(lambda: time.monotonic() > since + 1.5)
    service.unlock()
    assert [each.getresponse().status for each in (*hanging, stays)] == [200] * (THREADS + 1)
    names = {each["name"] for each in service.client.ok("GET", "pt")}
    assert "Stays" in names
    assert "Left" not in names
