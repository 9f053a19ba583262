"""A constant answer, which shows how fast the load generator can be at most."""

import multiprocessing
import selectors
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import nginx
from harness.machine import program

SITE = """\
keepalive_requests 1000000000;
open_file_cache max=100;
sendfile on;
tcp_nopush on;
default_type application/json;
server {{
    listen {{listen}};
    root {folder};
}}
"""


@dataclass(frozen=True)
class Constant:
    """A server of constant answers, at `/` and their names, and its first process."""

    url: str
    name: str
    pid: int


@contextmanager
def constant(answers: Mapping[str, bytes]) -> Iterator[Constant]:
    """Serve constant answers, by nginx where it is installed, else by a process of ours."""
    path = program("nginx")
    with _nginx(path, answers) if path else _own(answers) as served:
        yield served


@contextmanager
def _nginx(path: str, answers: Mapping[str, bytes]) -> Iterator[Constant]:
    with tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as name:
        folder = Path(name) / "answers"
        folder.mkdir()
        for answer, content in answers.items():
            (folder / answer).write_bytes(content)
        with nginx.running(path, Path(name), SITE.format(folder=folder), workers=1) as served:
            yield Constant(served.url, served.name, served.pid)


@contextmanager
def _own(answers: Mapping[str, bytes]) -> Iterator[Constant]:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = multiprocessing.get_context("spawn").Process(
        target=answer, args=(listening, answers), daemon=True
    )
    process.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()  # the process has it
    try:
        assert process.pid is not None  # noqa: S101 - it was started
        yield Constant(url, "a process of ours", process.pid)
    finally:
        process.terminate()
        process.join()


def answer(listening: socket.socket, answers: Mapping[str, bytes]) -> None:
    """Answer what comes in; each request is a GET of one of the answers, sent in one piece."""
    ready = {
        f"GET /{name} ".encode(): b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
        for name, content in answers.items()
    }
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                selector.register(listening.accept()[0], selectors.EVENT_READ)
                continue
            connection = key.fileobj
            assert isinstance(connection, socket.socket)  # noqa: S101 - for the types
            try:
                asked = connection.recv(2**16)
                if asked:
                    connection.sendall(ready[asked[: asked.index(b" ", 4) + 1]])
                    continue
            except ConnectionError:
                pass
            selector.unregister(connection)
            connection.close()
