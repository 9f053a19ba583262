"""A client that sends one request after the other, on one connection."""

import json
import re
from http.client import HTTPConnection, HTTPResponse
from select import select
from typing import Any
from urllib.parse import urlsplit

API = "/api/cdb_rest"

PATIENCE = 3600.0
"""Seconds: a clone of half a million rows takes minutes where it copies them."""


class Refused(Exception):
    """An answer that is not a 200."""

    def __init__(self, method: str, path: str, status: int, content: bytes) -> None:
        super().__init__(f"{method} {path}: {status} {content[:300]!r}")
        self.status = status


class Client:
    """One connection that is kept open, to the API of a service.

    `url` is that of its root, or of its API where that is elsewhere than nopayloaddb's.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise SystemExit(f"{url}: the benchmarks speak http://host:port")
        self.host, self.port = parts.hostname, parts.port or 80
        self.api = parts.path.rstrip("/") or API
        self._connection = HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to a path below the API and return the JSON of its answer."""
        return json.loads(self.raw(method, path, body))

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """Send a request and return the bytes of its answer.

        Raises:
            Refused: the answer is not a 200.

        """
        answer = self.ask(method, f"{self.api}/{path}", body)
        content = answer.read()
        if answer.status != 200:
            raise Refused(method, path, answer.status, content)
        return content

    def ask(self, method: str, path: str, body: object = None) -> HTTPResponse:
        """Send a request to a path of the service; the answer is still to be read."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        if self._connection.sock and select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()  # as the service did, which waited for too long
        self._connection.request(method, path, data, headers)
        return self._connection.getresponse()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def change_of(answer: HTTPResponse) -> int | None:
    """Return the change that an answer reflects, where the service numbers its changes."""
    change = answer.headers.get("CDB-Change", "")
    return int(change) if re.fullmatch(r"\d+", change) else None
