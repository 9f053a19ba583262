"""Payload lists in a file that is made to be asked: a look-up for each, and no statement.

What a list shows as of a change is the same for ever. So it can be compiled: for each
piece of the axis, where that ends, and the bytes that are answered in it. The file is
one of LMDB's, which has its keys in order; all processes of a machine read it in the
memory in which the kernel keeps it anyway, and one of them writes at a time. It holds
nothing but copies: what is lost of it is compiled again.
"""

import logging
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from weakref import WeakValueDictionary

import lmdb

from cdb.domain.points import MAX, Interval, Point

log = logging.getLogger(__name__)

KEY_LENGTH = 16
"""Bytes that name a compiled list."""

_PLACE = Struct(">QQ")
"""A point as it stands in a key, counted from the end of the axis: the first key at or after
that of a point is then the one of the last start at or before it."""

_FIRST, _LAST = _PLACE.pack(0, 0), _PLACE.pack(MAX, MAX)
"""The keys of both ends of the axis: OPEN comes first, and ORIGIN last."""

_READERS = 4096
"""Threads of all processes that may read at once."""

_AT_ONCE = 1000
"""Pieces that are handed over to LMDB together."""


class Piece(NamedTuple):
    """A piece of the axis in which a list answers the same.

    Plain pairs, since there are millions of them. What is shown is empty where nothing is valid.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    shown: bytes


class Full(Exception):
    """The file would become larger than it may."""

    def __str__(self) -> str:
        return "There is no room for its payload lists: cdb.compiled_mb is too small."


class Looked(NamedTuple):
    """What lists answer at a point, list by list, and where all of them answer the same."""

    shown: list[bytes]
    holds: Interval


class CompiledFile:
    """The compiled lists of a service.

    Use `opened`: LMDB must not open a file twice in one process.

    Args:
        folder: where the file is; it is made if it is not there, on a local disk.
        bound: bytes that the file may take.

    Raises:
        OSError: the folder cannot be made.
        lmdb.Error: the file cannot be opened.

    """

    def __init__(self, folder: Path, bound: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._bound = bound
        # Twice the room, since to take everything away needs some, too.
        self._environment = lmdb.open(
            str(folder), map_size=2 * bound, max_readers=_READERS, mode=0o600, readahead=False
        )
        self._all = self._environment.open_db()
        # Places that processes had which were killed while they read.
        self._environment.reader_check()

    @classmethod
    def opened(cls, folder: Path, bound: int) -> "CompiledFile":
        """Return the file of a folder, which all that ask for it in this process share."""
        folder = folder.resolve()
        found = _OPENED.get(folder)
        if found is None:
            found = _OPENED[folder] = cls(folder, bound)
        return found

    @property
    def pieces(self) -> int:
        """How many pieces all lists have."""
        return int(self._environment.stat()["entries"])

    def has(self, name: bytes) -> bool:
        """Tell whether a list is there."""
        with self._environment.begin() as reading:
            return reading.get(name + _LAST) is not None

    def at(self, names: Iterable[bytes], point: Point) -> Looked | None:
        """Return what lists answer at a point; None where one of them is not there.

        Args:
            names: of the lists.
            point: before OPEN.

        """
        place = _place(point)
        starts: list[bytes] = []
        ends: list[bytes] = []
        shown: list[bytes] = []
        with self._environment.begin() as reading:
            cursor = reading.cursor()
            look, item = cursor.set_range, cursor.item
            for name in names:
                look(name + place)
                key, value = item()
                if key[:KEY_LENGTH] != name:
                    return None
                starts.append(key[KEY_LENGTH:])
                ends.append(value[: _PLACE.size])
                shown.append(value[_PLACE.size :])
        # What is later on the axis has the smaller key.
        start, end = min(starts, default=_LAST), max(ends, default=_FIRST)
        return Looked(shown, Interval(_point(start), _point(end)))

    def add(self, name: bytes, pieces: Callable[[], Iterable[Piece]]) -> None:
        """Put a list into the file, where it is not there: all of it, or nothing.

        Where there is no room for it, everything else goes.

        Args:
            name: of the list, KEY_LENGTH bytes.
            pieces: gives all of the axis, from OPEN to ORIGIN; no other process adds
                anything meanwhile.

        Raises:
            Full: the list alone takes more than the file may.
            lmdb.Error: the file cannot be written.

        """
        try:
            self._add(name, pieces())
        except Full:
            log.warning("The file of compiled lists is full, and is begun anew.")
            with self._environment.begin(write=True) as writing:
                writing.drop(self._all, delete=False)
            self._add(name, pieces())

    def _add(self, name: bytes, pieces: Iterable[Piece]) -> None:
        with self._environment.begin(write=True) as writing:
            if writing.get(name + _LAST) is not None:
                return
            cursor = writing.cursor()
            entries = ((name + _place(start), _place(end) + shown) for start, end, shown in pieces)
            while some := list(islice(entries, _AT_ONCE)):
                cursor.putmulti(some)
                if self._size(writing) > self._bound:
                    raise Full

    def _size(self, writing: lmdb.Transaction) -> int:
        """Return the bytes that all lists take."""
        found = writing.stat(self._all)
        pages = found["branch_pages"] + found["leaf_pages"] + found["overflow_pages"]
        return found["psize"] * pages


_OPENED: WeakValueDictionary[Path, CompiledFile] = WeakValueDictionary()


def _place(point: tuple[int, int]) -> bytes:
    return _PLACE.pack(MAX - point[0], MAX - point[1])


def _point(place: bytes) -> Point:
    major, minor = _PLACE.unpack(place)
    return Point(MAX - major, MAX - minor)
