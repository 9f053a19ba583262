"""How far a command is that takes longer than a second; for people at a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS = 1.0
"""What is done sooner shows no bar."""


@contextmanager
def progress(
    what: str, total: int | None = None, *, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Give what is to be told how many more of a number are done.

    Args:
        what: is done, as in `payload IOVs`.
        total: how many there are; None where nobody knows.
        in_bytes: whether they are bytes.

    """
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    bar = _LateBar(what, total, in_bytes=in_bytes)
    try:
        yield bar.advance
    finally:
        bar.stop()


class _LateBar:
    def __init__(self, what: str, total: int | None, *, in_bytes: bool) -> None:
        self._what, self._total, self._in_bytes = what, total, in_bytes
        self._done = 0
        self._shown: Progress | None = None
        self._stopped = False
        self._lock = Lock()
        # What stalls has to show, too, so a timer and not the work decides when.
        self._timer = Timer(SECONDS, self._show)
        self._timer.daemon = True
        self._timer.start()

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._shown:
                self._shown.update(self._shown.task_ids[0], completed=self._done)

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._stopped = True
            if self._shown:
                self._shown.stop()

    def _show(self) -> None:
        bars = _bars(self._what, in_bytes=self._in_bytes)
        with self._lock:
            if self._stopped:
                return
            bars.add_task(self._what, total=self._total, completed=self._done)
            bars.start()
            self._shown = bars


def _bars(what: str, *, in_bytes: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn(what, markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
