"""Requests that nginx and the service could read as different ones, byte for byte.

Each row is one request, or none; in its body or its header hides another one. It must never
reach the service, and whoever asks next must get their own answer.
"""

import http.client
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from guarded import JWT, ROLES, as_role, key_is_set, service
from nginx import nginx
from support import API, serving

from cdb.commands.listening import Server, bound

HIDDEN = f"GET {API}/hidden HTTP/1.1\r\nHost: x\r\n\r\n".encode()
LENGTH = str(len(HIDDEN))
ENDED = b"0\r\n\r\n" + HIDDEN
"""The end of a body in chunks, and what hides behind it."""

WHOLE = f"Content-Length: {len(ENDED)}"
CHUNKED = "Transfer-Encoding: chunked"
ONE_CHUNK = f"{len(HIDDEN):x}\r\n".encode() + HIDDEN + b"\r\n0\r\n\r\n"


def sent(
    *headers: str,
    body: bytes = b"",
    line: str = f"POST {API}/payloads/check HTTP/1.1",
) -> bytes:
    head = "\r\n".join([line, "Host: x", "Connection: close", *headers, "", ""])
    return head.encode("latin-1") + body


GET = f"GET {API}/globalTags HTTP/1.1"
UPLOAD = f"PUT {API}/payloads/T/a.txt HTTP/1.1"
"""Its body goes to the service as it comes."""

TWO_LENGTHS: dict[str, bytes] = {
    "length and chunks": sent(WHOLE, CHUNKED, body=ENDED),
    "chunks and length": sent(CHUNKED, "Content-Length: 4", body=ONE_CHUNK),
    "two lengths": sent("Content-Length: 0", f"Content-Length: {LENGTH}", body=HIDDEN),
    "two lengths reversed": sent(f"Content-Length: {LENGTH}", "Content-Length: 0", body=HIDDEN),
    "list of lengths": sent(f"Content-Length: 0, {LENGTH}", body=HIDDEN),
    "HTTP/1.0": sent(WHOLE, CHUNKED, body=ENDED, line=f"POST {API}/payloads/check HTTP/1.0"),
    "upload": sent(WHOLE, CHUNKED, body=ENDED, line=UPLOAD),
}
ODD_LENGTHS = {
    f"length {text!r}": sent(f"Content-Length: {text}", body=HIDDEN)
    for text in ("+0", "-1", "0x0", "0_0", "", "0 0", "\xb2", "18446744073709551616")
}
ODD_ENCODINGS = {
    text: sent(WHOLE, text, body=ENDED)
    for text in (
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, identity",
        'Transfer-Encoding: "chunked"',
        "Transfer-Encoding: \vchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\0\r\nTransfer-Encoding: chunked",
        "Transfer_Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    )
}
ODD_CHUNKS = {
    f"{method} with chunk {chunk!r}": sent(CHUNKED, body=chunk + HIDDEN, line=line)
    for method, line in (("POST", f"POST {API}/payloads/check HTTP/1.1"), ("PUT", UPLOAD))
    for chunk in (
        b"0x0\r\n\r\n",
        b"+0\r\n\r\n",
        b"-1\r\n\r\n",
        b"0_0\r\n\r\n",
        b"10000000000000000\r\n",
        b"1\r\n[]",
        b'2;a="\r\n"\r\n[]\r\n0\r\n\r\n',
        b"2\r\n[]\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2\r\n[]\r\n0\r\nAuthorization: Bearer x\r\nContent-Length: 9\r\n\r\n",
    )
}
ODD_REQUESTS = {
    "read with a body": sent(f"Content-Length: {LENGTH}", body=HIDDEN, line=GET),
    "read with chunks": sent(CHUNKED, body=ONE_CHUNK, line=GET),
    "length that is of the connection": sent(
        f"Connection: Content-Length\r\nContent-Length: {LENGTH}", body=HIDDEN
    ),
    "expects to continue": sent("Expect: 100-continue", f"Content-Length: {LENGTH}", body=HIDDEN),
    "upgrade to HTTP/2": sent(
        "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", line=GET
    ),
    "upgrade to a socket": sent("Connection: Upgrade", "Upgrade: websocket", line=GET),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "HTTP/0.9": f"GET {API}/globalTags\r\n".encode(),
    "half an address": sent(line="GET http://[x HTTP/1.1"),
    "a tab in the path": sent(line="GET /met\trics HTTP/1.1"),
    "space in the path": sent(line=f"GET {API}/hidden x HTTP/1.1"),
    "line end in the path": sent(line=f"GET {API}/globalTags%0d%0aX:%20y HTTP/1.1"),
    "another scheme": sent(line=f"GET file:{API}/hidden HTTP/1.1"),
    "two hosts": sent("Host: y", line=f"GET {API}/hidden HTTP/1.1"),
}
ROWS = TWO_LENGTHS | ODD_LENGTHS | ODD_ENCODINGS | ODD_CHUNKS | ODD_REQUESTS


class Front(NamedTuple):
    """nginx in front of a service whose reads need a token, and what reached that."""

    service: tuple[str, int]
    address: tuple[str, int]
    certificate: Path
    tls: tuple[str, int]
    reached: list[tuple[str, str | None]]


@pytest.fixture(scope="module")
def front(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    reached: list[tuple[str, str | None]] = []
    settings = {**JWT, **ROLES, "payload_store": str(tmp_path_factory.mktemp("files"))}
    with pytest.MonkeyPatch.context() as patch, databases("sqlite") as url:
        key_is_set(patch)
        with service(url, read_access="authenticated", **settings) as client:

            def noted(environ: Any, start_response: Any) -> Any:
                reached.append((environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION")))
                return client.app(environ, start_response)

            with serving(noted) as root, nginx(folder, root) as made:
                yield Front(
                    address(root), address(made.url), made.certificate, address(made.tls), reached
                )


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def raw(to: tuple[str, int], request: bytes) -> bytes:
    """Send bytes, and return what comes until the connection is closed."""
    with socket.create_connection(to, timeout=60) as connected:
        connected.sendall(request)
        try:
            return b"".join(iter(lambda: connected.recv(65536), b""))
        except ConnectionResetError:  # it was refused before all of it was read
            return b""


@pytest.mark.parametrize("request_", ROWS.values(), ids=ROWS)
def test_nothing_hides_in_a_request(front: Front, request_: bytes) -> None:
    front.reached.clear()
    answer = raw(front.address, request_)
    # Those who ask next come by the connections that nginx has kept to the service.
    for _ in range(3):
        connection = http.client.HTTPConnection(*front.address, timeout=60)
        connection.request("GET", "/health/live")
        assert json.load(connection.getresponse()) == {"status": "ok"}
        connection.close()
    first, *others = front.reached
    assert [path for path, _ in others] == ["/health/live"] * (len(front.reached) - 1)
    assert len(front.reached) in (3, 4)
    assert "hidden" not in first[0]
    assert first[1] is None
    assert b"HTTP/1.1 101" not in answer
    assert b"\r\nX: y" not in answer


# --- without nginx --------------------------------------------------------------------


class Alone(NamedTuple):
    """The server of `cdb serve`, and the paths that reached what it serves."""

    address: tuple[str, int]
    reached: list[str]


@pytest.fixture(scope="module")
def alone() -> Iterator[Alone]:
    reached: list[str] = []

    def noted(environ: Any, start_response: Any) -> list[bytes]:
        reached.append(environ["PATH_INFO"])
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    [listening] = sockets = bound({"listen": "127.0.0.1:0"})
    server = Server(noted, {}, sockets, grace=1, max_wait=60)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Alone(listening.getsockname(), reached)
    server.stop()
    thread.join(timeout=120)


READ_BY_THE_LENGTH = {
    f"then, {name}": row.replace(b"Connection: close\r\n", b"", 1)
    for name, row in (TWO_LENGTHS | ODD_LENGTHS | ODD_ENCODINGS).items()
}
"""Where the connection stays open, so that what hides behind a body could be the next request."""

LAST = sent(line="GET /health/live HTTP/1.1")
"""The next request on the connection, if it was not closed; and then it is."""

ODD_TARGETS = {
    "half an address": sent(line="GET http://[x HTTP/1.1"),
    "half an address, and a body": sent(WHOLE, line="PUT http://[x HTTP/1.1", body=ENDED),
    "a header without a name": sent(": x"),
    "a bare line end": sent("X: y\nZ: x"),
    "no address": sent(line="GET"),
    "an endless length": sent(f"Content-Length: {'9' * 5000}", body=HIDDEN),
}


@pytest.mark.parametrize("request_", READ_BY_THE_LENGTH.values(), ids=READ_BY_THE_LENGTH)
def test_without_nginx_nothing_hides_in_a_body_either(alone: Alone, request_: bytes) -> None:
    alone.reached.clear()
    raw(alone.address, request_ + LAST)
    assert f"{API}/hidden" not in alone.reached
    raw(alone.address, LAST)
    assert alone.reached[-1] == "/health/live"


@pytest.mark.parametrize("request_", ODD_TARGETS.values(), ids=ODD_TARGETS)
def test_what_cannot_be_read_is_a_400_and_no_traceback(
    alone: Alone, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    # What has no first line is answered as HTTP/1.0.
    assert raw(alone.address, request_).startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


# --- caches ---------------------------------------------------------------------------

TRICKS = [
    "globalTags",
    "globalTags/",
    "globalTags//",
    "globalTags?.css",
    "globalTags;.css",
    "globalTags%3F.css",
    "globalTags%23.css",
    "globalTags%2f..%2f..%2f..%2fstatic%2fapp.js",
    "globalTags/..%2f..%2f..%2fstatic/app.js",
    "globalTags/app.js",
    "globalTags%00.js",
    "../../static/..%2fapi/cdb_rest/globalTags",
    "x/../globalTags",
    "x/..%2fglobalTags",
    "%67lobalTags",
    "./globalTags",
    "/globalTags",
    "global%54ags?asOf=0",
    "gtstatus?asOf=0",
    "payloadiovs?gtName=A&majorIOV=0&minorIOV=0",
]
ODD_WAYS: list[dict[str, str]] = [
    {},
    {"Range": "bytes=0-3"},
    {"If-None-Match": "*"},
    {"Cache-Control": "max-stale=999999, only-if-cached"},
    {"X-Original-URL": "/static/app.js", "X-Rewrite-URL": "/static/app.js"},
    {"X-HTTP-Method-Override": "HEAD", "X-Forwarded-Host": "attacker.example"},
]


def ask(front: Front, method: str, path: str, headers: Any) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=front.certificate)
    connection = http.client.HTTPSConnection(*front.tls, context=context, timeout=60)
    connection.request(method, f"{API}/{path}", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert "HIT" not in str(answer.headers.get("CDB-Cache"))
    return answer.status, body


@pytest.mark.parametrize("path", TRICKS)
def test_what_one_may_read_is_given_to_nobody_else(front: Front, path: str) -> None:
    for method in ("GET", "HEAD"):
        for way in ODD_WAYS:
            mine = ask(front, method, path, {**way, **as_role("nobody")})
            others = ask(front, "GET", path, way)
            assert others[0] in (400, 401, 404), (way, others)
            assert mine[0] in (200, 206, 304, 400, 404), (way, mine)
            assert mine[0] in (400, 404) or mine[1] != others[1]
