"""What is noted of a request while it is answered, for who looks on: logs, metrics, traces."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

OBSERVED = "cdb.observed"
"""Where the environment of a request has what is noted of it."""

REQUEST_ID = "X-Request-ID"
"""The header that names a request, in what is asked and in what is answered."""

WAITED, REFUSED = "cdb.waited", "cdb.refused"
"""Where the environment of a request has for how many seconds it waited for a thread, and
whether it is refused, since there are too many; a server may know of neither."""

Source = Literal["kept", "not-modified", "compiled", "bundle", "database"]
"""Where the answer to a read of conditions comes from."""

_SOUND = re.compile(r"(?!cdb_)[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""Names of requests that are taken over: they break no line, and are no token."""


class Observed:
    """A request and its answer. What is not known, or means nothing here, is None.

    Attributes:
        request_id: its name, in all lines of the log: the client's, or a new one.
        method: of HTTP.
        path: as it came, without the query string.
        query: the query string, as it came. It may have secrets.
        client: the address that it came from.
        agent: what the client says that it is.
        began: when a thread began with it, as monotonic seconds.
        route: the pattern of the path, as `/api/cdb_rest/globalTag/{name}`.
        status: of the answer.
        waited: seconds from when it was read until there was a thread for it.
        seconds: until the answer was ready, with those that it waited; one of any length is
            then only begun.
        source: where the answer to a read of conditions comes from.
        server: the server of the database that was read: `primary`, `replica-1`, or `bundle`.
        subject: who sent it, where that was asked.
        change: that a write made.
        code: of an error.
        writes: whether it was for something that writes.
        sent: bytes of the body that were given to the web server.
        span: of OpenTelemetry, where the service has traces.
        is_cut: whether an answer of any length ended before it was whole.

    """

    __slots__ = (
        "agent",
        "began",
        "change",
        "client",
        "code",
        "is_cut",
        "method",
        "path",
        "query",
        "request_id",
        "route",
        "seconds",
        "sent",
        "server",
        "source",
        "span",
        "status",
        "subject",
        "waited",
        "writes",
    )

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self.began = time.monotonic()
        self.request_id = _name_of(environ.get("HTTP_X_REQUEST_ID"))
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ.get("PATH_INFO", "")
        self.query: str = environ.get("QUERY_STRING", "")
        self.client: str | None = environ.get("REMOTE_ADDR")
        self.agent: str | None = environ.get("HTTP_USER_AGENT")
        self.waited: float = environ.get(WAITED, 0.0)
        self.route: str | None = None
        self.status = 0
        self.seconds = 0.0
        self.source: Source | None = None
        self.server: str | None = None
        self.subject: str | None = None
        self.change: int | None = None
        self.code: str | None = None
        self.writes = False
        self.sent = 0
        self.span: Any = None
        self.is_cut = False

    def answered(self, status: int) -> None:
        """Note that the answer is ready, and forget what was noted of an attempt before it."""
        self.seconds = time.monotonic() - self.began + self.waited
        self.status = status
        if status < 400:
            self.code = None
        else:
            self.change = self.source = self.server = None


Listener = Callable[[Observed], None]
"""Is told of a request when its answer ends."""


def _name_of(given: str | None) -> str:
    return given if given and _SOUND.fullmatch(given) else secrets.token_hex(16)
