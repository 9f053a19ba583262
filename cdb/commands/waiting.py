"""Requests that wait for a thread: for how long, and which of them never wait for the others.

More may come than the threads can answer, and all threads may hang on one lock of the
database. What has waited for too long is refused then, by threads that do nothing else
but that and tell how the service is: nobody waits without end, and who looks at its
health gets an answer.
"""

import time
from typing import Protocol

from waitress.task import ThreadedTaskDispatcher

_TELLING = frozenset({"/health/live", "/health/ready", "/metrics"})
"""What tells how the service is, all the more while it can do nothing else."""

_AT_ONCE = 4
"""Threads that answer at once: `/health/ready` and `/metrics` may take seconds of them."""


class Asked(Protocol):
    """The head of a request."""

    path: str


class Waits(Protocol):
    """A connection with a request that waits for a thread.

    Attributes:
        requests: that have come; the first of them waits.
        waits_since: monotonic seconds.
        is_surplus: whether it is one too many, so that its requests are refused.
        is_refused: whether the request is.

    """

    requests: list[Asked]
    waits_since: float
    is_surplus: bool
    is_refused: bool


class Waiting:
    """The threads of a process, as waitress knows them, and the requests that wait for them.

    Args:
        threads: that answer.
        longest: seconds that a request waits for one of them.

    """

    def __init__(self, threads: int, longest: float) -> None:
        self._longest = longest
        self._usual, self._at_once = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self._usual.set_thread_count(threads)
        self._at_once.set_thread_count(_AT_ONCE)

    def add_task(self, channel: Waits) -> None:
        """Let the next request of a connection wait for its turn."""
        channel.waits_since = time.monotonic()
        tells = channel.requests[0].path.rstrip("/") in _TELLING
        channel.is_refused = channel.is_surplus and not tells
        (self._at_once if tells or channel.is_refused else self._usual).add_task(channel)

    def refuse_late(self) -> None:
        """Refuse what has waited for too long; to be called again and again."""
        before = time.monotonic() - self._longest
        while channel := self._late(before):
            channel.is_refused = True
            self._at_once.add_task(channel)

    def _late(self, before: float) -> Waits | None:
        """Take out the request that has waited longest, where it has since before a moment."""
        with self._usual.lock:
            queue = self._usual.queue
            if not queue or queue[0].waits_since > before:
                return None
            first: Waits = queue.popleft()
            return first

    def shutdown(self) -> None:
        """Let all threads end."""
        self._usual.shutdown()
        self._at_once.shutdown()
