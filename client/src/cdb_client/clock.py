"""What time it is, for what may be given again for some time."""

import threading
import time
from collections.abc import Callable


class Clock:
    """A clock that never goes back, nor more slowly than time passes.

    That of the machine can be put back: what was old already would be fresh once more. Where it is
    put forward, or the machine slept, this one follows.

    Args:
        wall: the clock of the machine, seconds since 1970.
        ticks: seconds since any moment, which nobody can put.

    """

    def __init__(
        self, wall: Callable[[], float] = time.time, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall, self._ticks = wall, ticks
        self._last, self._at = ticks(), wall()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        with self._lock:
            before, self._last = self._last, self._ticks()
            self._at = max(self._at + self._last - before, self._wall())
            return self._at
