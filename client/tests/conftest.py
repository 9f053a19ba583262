"""A server that plays recorded answers, and distributions that exist for one test."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

ROWS = [
    {
        "payload_type_name": "Beam",
        "payload_url": "beam_v2.root",
        "checksum": "d41d8cd98f00b204e9800998ecf8427e",
        "size": 1024,
        "major_iov": 100,
        "minor_iov": 0,
        "major_iov_end": 200,
        "minor_iov_end": 9007199254740993,
        "revision": "3",
    },
    {
        "payload_type_name": "CEMC_Thresh",
        "payload_url": "a/very/long/path/" * 10 + "cemc [red].root",
        "checksum": "0cc175b9c0f1b6a831c399e269772661",
        "size": None,
        "major_iov": 0,
        "minor_iov": 0,
        "major_iov_end": 9223372036854775807,
        "minor_iov_end": 9223372036854775807,
        "revision": None,
    },
]


@dataclass
class Recorded:
    """What the server answers to every request, and what it was asked."""

    url: str
    status: int = 200
    content_type: str = "application/json"
    body: bytes = b"[]"
    missing_bytes: int = 0
    targets: list[str] = field(default_factory=list)

    def answers(self, body: object, status: int = 200) -> None:
        self.status = status
        self.body = json.dumps(body).encode()

    def answers_html(self, status: int) -> None:
        self.status = status
        self.content_type = "text/html; charset=utf-8"
        self.body = b"<html><title>nginx</title></html>"


def _handler(recorded: Recorded) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            recorded.targets.append(self.path)
            self.send_response(recorded.status)
            self.send_header("Content-Type", recorded.content_type)
            self.send_header("Content-Length", str(len(recorded.body) + recorded.missing_bytes))
            self.end_headers()
            self.wfile.write(recorded.body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    return Handler


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CDB_URL", raising=False)
    monkeypatch.setenv("CDB_CACHE", "none")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def service() -> Iterator[Recorded]:
    recorded = Recorded(url="")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(recorded)) as server:
        recorded.url = f"http://127.0.0.1:{server.server_port}/api/cdb_rest"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield recorded
        server.shutdown()
        thread.join()


@pytest.fixture
def rows(service: Recorded) -> list[dict[str, object]]:
    """Two payload IOVs, which the service answers with."""
    service.answers(ROWS)
    return ROWS


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"


@pytest.fixture
def refusing_url() -> Iterator[str]:
    """A port that nobody listens at, and nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/api"


@pytest.fixture
def cli() -> CliRunner:
    return CliRunner()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Put a distribution on the path: its name, one `cdb.commands` entry, its module's source."""

    def install(name: str, entry_point: str, source: str) -> None:
        home = tmp_path / name
        info = home / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[cdb.commands]\n{entry_point}\n")
        (home / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(home)

    return install
