"""Work that makes millions of small objects, and no cycles of them.

Python looks through all objects that there are again and again while their
number grows, for cycles to free. For such work that is a third of its time, and
finds nothing: what is not needed any more is freed at once, by its count.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Pauses:
    """How many works go on, and whether collections were on before the first one."""

    count = 0
    was_enabled = False


_lock = Lock()


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the search for cycles, in all threads, until the last work that asked for it is done.

    What cycles other threads make meanwhile is freed later.
    """
    with _lock:
        if not _Pauses.count:
            _Pauses.was_enabled = gc.isenabled()
            gc.disable()
        _Pauses.count += 1
    try:
        yield
    finally:
        with _lock:
            _Pauses.count -= 1
            if not _Pauses.count and _Pauses.was_enabled:
                gc.enable()
