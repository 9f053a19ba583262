"""What many clients have asked, what they were told, and when: the history that is judged."""

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

HEADERS = (
    "CDB-Change", "CDB-As-Of", "CDB-Valid-From", "CDB-Valid-Until", "ETag", "Cache-Control",
    "Idempotency-Replayed",
)  # fmt: skip
"""The headers of answers that are judged."""


class Write(NamedTuple):
    """What a request is to change, in the words of `torture.states`.

    Sent again since no answer came, it is the same write.
    """

    name: str
    """Its own; it is sent as `CDB-Comment`, so the change log has it."""
    kind: str
    arguments: tuple[Any, ...]
    needs: int | None = None
    """The head that a tag has to have (`If-Match`)."""


class Question(NamedTuple):
    """What a read asks for, in the words of `torture.answers`."""

    kind: str
    arguments: tuple[Any, ...]
    as_of: int | None = None


class Exchange(NamedTuple):
    """A request, and what came of it. Times are seconds of `time.monotonic`."""

    client: int
    path: str
    about: Write | Question
    sent_headers: Mapping[str, str]
    sent: float
    received: float
    status: int | None
    """None where no answer came, or not all of it: nobody knows what was done."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def change(self) -> int | None:
        """The change that the answer names."""
        said = self.headers.get("CDB-Change")
        return int(said) if said else None

    @property
    def is_refused(self) -> bool:
        """Whether the service said that it is not done."""
        is_error = self.status is not None and self.status >= 400
        return is_error and b'"code":"unconfirmed"' not in self.body


class Journal:
    """The history of one workload, to which any number of threads add."""

    def __init__(self) -> None:
        self.name = f"w{uuid4().hex[:8]}"
        """With which all names begin that the workload gives, so that it shares a database."""
        self.exchanges: list[Exchange] = []
        self.marks: list[tuple[float, str]] = []
        self.began = 0
        """The last change before the first write."""
        self.answered = 0
        self._bodies: dict[bytes, bytes] = {}
        self._lock = Lock()

    def add(self, exchange: Exchange) -> None:
        """Write down an exchange that has ended; most answers are those of others, too."""
        with self._lock:
            body = self._bodies.setdefault(exchange.body, exchange.body)
            self.exchanges.append(exchange._replace(body=body))
            self.answered += exchange.status is not None

    def mark(self, what: str) -> None:
        """Write down that something was done to the service now, for who reads of a problem."""
        self.marks.append((time.monotonic(), what))
