"""The memory of a process and of those that it started, from /proc."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import sysconf
from pathlib import Path

Memory = dict[str, float]
"""Of a process, in MB of 10**6 bytes: `rss`, and `pss`, which has its share of shared pages."""


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def memory(pid: int) -> list[Memory]:
    """Return the memory of a process and of each that descends from it."""
    return [_of(each) for each in family(pid)]


def rss(pid: int) -> float:
    """Return the resident memory of a process and of those that descend from it, together.

    It is the kernel's own count, for which the process does not have to be held up.
    """
    return sum(map(_pages, family(pid))) * sysconf("SC_PAGE_SIZE") / 1e6


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ProcessLookupError):  # it has ended meanwhile
        return 0


def _of(pid: int) -> Memory:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (OSError, ProcessLookupError):  # it has ended meanwhile
        return {"rss": 0.0, "pss": 0.0}
    return {name.lower(): _mb(name, text) for name in ("Rss", "Pss")}


def _mb(name: str, text: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


@contextmanager
def growth(pid: int | None) -> Iterator[list[float]]:
    """Look at the memory of a service all the while; the list gets MB before, highest and after.

    Nothing is put into it where the process is not known.
    """
    found: list[float] = []
    if pid is None:
        yield found
        return
    seen, done = [rss(pid)], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            seen.append(rss(pid))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        done.set()
        watching.join()
    found += [seen[0], max(seen), rss(pid)]
