"""What several processes of a service count, in files that all of them see.

The library of Prometheus keeps the counts of a process in files in a directory where the
environment names one before it is imported. Their parent makes that directory, a private one,
and adds the counts of processes that have ended to files of its own, so that neither they get
lost nor their number grows. Whoever reads all files keeps the parent from that meanwhile.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from cdb.store import room

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""What names the directory; the library looks at it when it is imported."""

_PREFIX = "cdb-metrics-"

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the directory made there is private
"""Where it is made if that can be: nobody waits for a disk."""

_ROOM = 2**19
"""Bytes of a file of counts; with each method and status on all routes they take half of that."""

_KINDS = ("counter", "histogram", "gauge_livesum")
"""How the files of a process begin, one for each kind of counts."""

_OWNED, _GUARD = "owned", "guard"
"""Files: locked for as long as a process of the service lives, and by who reads or adds up."""

_OF_PROCESS = re.compile(r"(?P<kind>counter|histogram|gauge_\w+)_(?P<pid>[0-9]+)\.db")


class Tallies:
    """The counts of the processes of a service, for their parent.

    Attributes:
        folder: where they are.

    Raises:
        OSError: there can be no such directory.

    """

    def __init__(self) -> None:
        place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        _remove_what_was_left(place)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        # All processes that come from this one hold it, until the last of them ends.
        self._owned = _owned(self.folder)
        os.environ[VARIABLE] = str(self.folder)

    def fold(self, alive: Collection[int]) -> None:
        """Add up what processes have counted that are not among those that live.

        Where somebody reads at the moment nothing is done, and it has to be called again.
        """
        ended = [
            (path, found["kind"])
            for path in self.folder.iterdir()
            if (found := _OF_PROCESS.fullmatch(path.name)) and int(found["pid"]) not in alive
        ]
        if not ended:
            return
        with suppress(OSError), _locked(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for path, kind in ended:
                # A gauge says how a process is, and means nothing once that has ended.
                if not kind.startswith("gauge") and path.stat().st_size:
                    _add(path, self.folder / f"{kind}_ended.db")
                path.unlink()

    def close(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._owned.close()


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """Let nothing be added up while all counts are read."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let nobody read the counts meanwhile: files that are only just made cannot be read."""
    with _locked(folder, fcntl.LOCK_EX):
        yield


def take_room(folder: Path) -> None:
    """Make the files of this process, with all the room that they will need.

    Raises:
        OSError: there is not so much.

    """
    for kind in _KINDS:
        room.take(folder / f"{kind}_{os.getpid()}.db", _ROOM)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    with (folder / _GUARD).open("a") as guard:
        fcntl.flock(guard, how)
        yield


def _add(path: Path, to: Path) -> None:
    """Add the counts of one file to those of another one."""
    # Not before the variable is set.
    from prometheus_client import mmap_dict  # noqa: PLC0415

    room.take(to, _ROOM)
    files: Any = mmap_dict.MmapedDict  # it has no types
    total = files(str(to))
    for key, value, *_ in files.read_all_values_from_file(str(path)):
        total.write_value(key, total.read_value(key)[0] + value, 0.0)
    total.close()


def _owned(folder: Path) -> IO[str]:
    """Return a file that is locked by this process and all that come from it."""
    # Under its name only once it is locked: what is not locked is taken for left behind.
    file = (folder / f"{_OWNED}.new").open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    (folder / f"{_OWNED}.new").rename(folder / _OWNED)
    return file


def _remove_what_was_left(place: Path) -> None:
    """Remove the directories of services that were killed with all their processes."""
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _OWNED).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
