"""A client for the tests, and a real server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import waitress
from waitress import wasyncore
from webtest import TestApp

API = "/api/cdb_rest"
DATA = Path(__file__).parent / "data"


class Client(TestApp):
    """A client of the API: paths are relative to its base, bodies are JSON."""

    def api(self, method: str, path: str, body: Any = None, status: Any = "*") -> Any:
        """Send a request; `status` of `*` takes any answer, else the test fails on another."""
        url = path if path.startswith("/") else f"{API}/{path}"
        match method:
            case "GET" | "DELETE" | "HEAD":
                return getattr(self, method.lower())(url, status=status)
            case _:
                return getattr(self, f"{method.lower()}_json")(url, body, status=status)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that has to succeed, and return its JSON."""
        return self.api(method, path, body, status=200).json


@contextmanager
def serving(app: Any, threads: int = 8, **options: Any) -> Iterator[str]:
    """Serve an application on a free port of this machine; gives the URL of its root."""
    server = waitress.create_server(app, listen="127.0.0.1:0", threads=threads, **options)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"

    def stop() -> None:
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)

    # In the server's own thread, which must not look at what another one closes.
    server.trigger.pull_trigger(stop)
    thread.join(timeout=10)
