"""Looks at the end of the change log, which those who ask at one time share.

What was read once stays right for as long as the log does not go on. To see
whether it has is one cheap statement, and a request may use any look that began
after it came: so of a hundred that wait, one asks, and all know.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from cdb.store.changes import Head, end
from cdb.store.pools import Readable


class Look(NamedTuple):
    """The last change, as it was at a moment or later; `began` is that, in monotonic seconds."""

    end: Head
    began: float


class Looks:
    """The end of the log of a database.

    Args:
        clock: monotonic seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: Look | None = None
        self._next: _Shared | None = None
        self._joining = threading.Lock()
        self._looking = threading.Lock()

    def look(self, readable: Readable, patience: float = 0.0) -> Look:
        """Return a look that began at most so many seconds ago; with 0, one that begins now.

        Args:
            readable: where to look, if nobody else does.
            patience: seconds.

        Raises:
            DBAPIError: the database cannot be read.

        """
        last = self._last
        if patience and last and self._clock() - last.began <= patience:
            return last
        with self._joining:
            shared, is_first = self._next, self._next is None
            if shared is None:
                shared = self._next = _Shared()
            shared.requests += 1
        if not is_first:
            return shared.wait()
        with self._looking:
            with self._joining:
                # Who comes from here on may have seen a write that this look does not see.
                self._next = None
            return shared.settle(lambda: self.own(readable))

    @property
    def waiting(self) -> int:
        """How many requests wait for a look that has not begun."""
        shared = self._next
        return shared.requests if shared else 0

    def own(self, readable: Readable) -> Look:
        """Return a look that is not shared, for who needs more than others have seen."""
        began = self._clock()
        look = self._last = Look(end(readable), began)
        return look


class _Shared:
    """A look that several requests wait for."""

    def __init__(self) -> None:
        self.requests = 0
        self._done = threading.Event()
        self._found: Look | None = None
        self._failed: BaseException | None = None

    def settle(self, look: Callable[[], Look]) -> Look:
        try:
            found = self._found = look()
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._done.set()
        return found

    def wait(self) -> Look:
        self._done.wait()
        if self._found is None:
            raise self._failed or RuntimeError("a look ended without anything seen")
        return self._found
