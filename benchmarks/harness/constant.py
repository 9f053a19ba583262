"""A constant answer, which shows how fast the load generator can be at most."""

import multiprocessing
import os
import selectors
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.machine import printed, program

NGINX = """\
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    open_file_cache max=100;
    sendfile on;
    tcp_nopush on;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/answers;
    }}
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
    nginx = program("nginx")
    with _nginx(nginx, answers) if nginx else _own(answers) as served:
        yield served


@contextmanager
def _nginx(path: str, answers: Mapping[str, bytes]) -> Iterator[Constant]:
    with tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as name:
        folder = Path(name)
        (folder / "answers").mkdir()
        for answer, content in answers.items():
            (folder / "answers" / answer).write_bytes(content)
        port = _free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, user=user))
        command = [path, "-p", name, "-e", f"{name}/error.log", "-c", f"{name}/nginx.conf"]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            try:
                _wait(port, process)
                version = printed(path, "-v").rpartition("/")[2]
                yield Constant(f"http://127.0.0.1:{port}", f"nginx {version}", process.pid)
            finally:
                process.terminate()


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


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    log = process.stderr.read().decode() if process.stderr and process.poll() else ""
    raise SystemExit(f"nginx does not start: {log}")
