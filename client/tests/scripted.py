"""A server that answers each request by what a test has written down for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

END_SECONDS = 120


@dataclass
class Reply:
    """What is answered to one request.

    Attributes:
        status: of HTTP.
        body: sent as JSON; bytes as they are.
        headers: beside the length.
        breaks_off: "before" the answer begins, "among" its headers, "within" its body, or
            "stalls" within it.

    """

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    breaks_off: str = ""


@dataclass
class Request:
    """What came in; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: object


@dataclass
class Scripted:
    """A server with its replies: the last one is the answer to all that follow."""

    url: str
    replies: list[Reply]
    requests: list[Request] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    def sent(self, header: str) -> list[str | None]:
        """Return a header of every request."""
        return [request.headers.get(header) for request in self.requests]


@contextmanager
def scripted(*replies: Reply, host: str = "127.0.0.1", context=None) -> Iterator[Scripted]:
    """Serve replies, one after the other."""
    script = Scripted("", list(replies))
    with ThreadingHTTPServer((host, 0), _handler(script)) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if context else "http"
        script.url = f"{scheme}://{host}:{server.server_port}/api"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            script.left.set()
            server.shutdown()
            thread.join()


def _handler(script: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else head and body are two packets, and the second waits for the first to be known.
        wbufsize = 1 << 16

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self._body(headers)
            script.requests.append(
                Request(self.command, self.path, headers, body, self.client_address)
            )
            reply = script.replies.pop(0) if len(script.replies) > 1 else script.replies[0]
            if reply.breaks_off != "before":
                self._send(reply)
            self.close_connection = self.close_connection or bool(reply.breaks_off)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - as they are looked up

        def _body(self, headers: dict[str, str]) -> bytes:
            if headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(headers.get("content-length", 0)))
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _send(self, reply: Reply) -> None:
            content = (
                reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            )
            self.send_response(reply.status)
            headers = {"Content-Type": "application/json", **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            if reply.breaks_off == "among":
                self.flush_headers()
                return
            self.send_header("Content-Length", str(len(content) + (5 if reply.breaks_off else 0)))
            self.end_headers()
            self.wfile.write(content)
            if reply.breaks_off == "stalls":
                self.wfile.flush()
                script.left.wait(END_SECONDS)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    return Handler
