"""A folder of what was fetched, which all processes of a user share.

Nothing in it is needed: what is missing, damaged or cannot be written is fetched again. A
file appears whole, under its name, or not at all; so readers and writers need no lock.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

try:
    import fcntl
except ImportError:  # Windows, where two that make room at once do the same twice
    fcntl = None  # type: ignore[assignment]

_MB = 10**6
_PARTIAL = ".partial-"
_ABANDONED_SECONDS = 24 * 3600
"""After which a file that somebody began to write is not finished any more."""
_LOOK_SECONDS = 600
"""A process that writes for the first time looks how full it is, unless somebody just did."""


class _Entry(NamedTuple):
    used: float
    size: int
    path: str


class Cache:
    """A folder, bounded in size: what was not used for the longest time goes first.

    It is for the user alone: who may read answers of a service that asks for a token is
    for the service to decide.

    Args:
        folder: made where it is missing; None for no cache.
        megabytes: how large it may become, in 10⁶ bytes. While several processes write, it
            can be exceeded, by a fiftieth for each of them, until one has made room.

    """

    def __init__(self, folder: Path | None, megabytes: float) -> None:
        self._folder = folder
        self._limit = megabytes * _MB
        self._added: int | None = None

    def place(self, *parts: str) -> Path | None:
        """Return where something lies, if it is there; it counts as used."""
        if self._folder is None:
            return None
        path = self._folder.joinpath(*parts)
        try:
            # Many file systems do not note by themselves when a file was read.
            os.utime(path, (time.time(), path.stat().st_mtime))
        except FileNotFoundError:
            return None
        except OSError:
            return path if path.is_file() else None
        return path

    def read(self, *parts: str) -> bytes | None:
        """Return what lies at a place; None where nothing does that can be read."""
        path = self.place(*parts)
        try:
            return path.read_bytes() if path else None
        except OSError:
            return None

    def names(self, *parts: str) -> list[str]:
        """Return the names of what lies in a part of the cache, sorted."""
        if self._folder is None:
            return []
        try:
            found = os.listdir(self._folder.joinpath(*parts))  # noqa: PTH208 - names only, fast
        except OSError:
            return []
        return sorted(name for name in found if not name.startswith("."))

    def write(self, data: bytes, *parts: str) -> None:
        """Put something at a place; where that is not possible, nothing happens."""
        with suppress(OSError), self.filling(*parts) as file:
            file.write(data)

    @contextmanager
    def filling(self, *parts: str) -> Iterator[IO[bytes]]:
        """Give a file to write, which takes its place at the end if nothing goes wrong.

        Raises:
            OSError: there is no cache, or it cannot be written.

        """
        if self._folder is None:
            raise FileNotFoundError("There is no cache.")
        path = self._folder.joinpath(*parts)
        self._make(path.parent)
        # Only its owner can read what this makes.
        descriptor, partial = tempfile.mkstemp(prefix=_PARTIAL, dir=path.parent)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                yield file
                size = file.tell()
            os.replace(partial, path)  # noqa: PTH105 - of a text
        except BaseException:
            with suppress(OSError):
                os.unlink(partial)  # noqa: PTH108 - of a text
            raise
        self._has_grown(size)

    def remove(self, *parts: str) -> None:
        """Remove what lies at a place, since it is damaged."""
        if self._folder is not None:
            with suppress(OSError):
                self._folder.joinpath(*parts).unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        assert self._folder is not None  # noqa: S101 - whoever writes has one
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            is_ours = each == self._folder or self._folder in each.parents
            each.mkdir(mode=0o700 if is_ours else 0o777, exist_ok=True)

    def _has_grown(self, size: int) -> None:
        is_first = self._added is None
        self._added = (self._added or 0) + size
        if self._added * 50 < self._limit and not (is_first and self._was_not_looked_at()):
            return
        with suppress(OSError), self._alone() as is_alone:
            # Where another one is at it, the next write looks again.
            if is_alone:
                self._make_room()
                self._added = 0

    @property
    def _lock(self) -> Path:
        assert self._folder is not None  # noqa: S101 - whoever writes has one
        return self._folder / ".lock"

    def _was_not_looked_at(self) -> bool:
        try:
            return not 0 <= time.time() - self._lock.stat().st_mtime < _LOOK_SECONDS
        except OSError:
            return True

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Tell whether nobody else makes room; the system lets go of the lock of who dies."""
        with self._lock.open("w") as file:
            os.utime(self._lock)
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True

    def _make_room(self) -> None:
        entries = sorted(self._entries())
        total = sum(entry.size for entry in entries)
        if total <= self._limit:
            return
        for entry in entries:
            # A little more than is needed, or the next one would have to look again.
            if total <= self._limit * 0.9:
                return
            with suppress(OSError):
                os.unlink(entry.path)  # noqa: PTH108 - of a text
                total -= entry.size

    def _entries(self) -> Iterator[_Entry]:
        assert self._folder is not None  # noqa: S101 - whoever writes has one
        now = time.time()
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = f"{folder}/{name}"
                try:
                    found = os.stat(path)  # noqa: PTH116 - of many
                except OSError:
                    continue
                if not name.startswith("."):
                    yield _Entry(max(found.st_atime, found.st_mtime), found.st_size, path)
                elif name.startswith(_PARTIAL):
                    is_abandoned = now - found.st_mtime > _ABANDONED_SECONDS
                    yield _Entry(0.0 if is_abandoned else now, found.st_size, path)
