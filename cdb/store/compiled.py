"""Payload lists in a file that is made to be asked: no statement, and no copy of what is there.

What a list shows as of a change is the same for ever. So it can be compiled: where each piece
of the axis begins, in order, and the bytes that are answered in it. The file is one of LMDB's;
all processes of a machine read it in the memory in which the kernel keeps it anyway, and one of
them writes at a time. It holds nothing but copies: what is lost of it is compiled again.

A list is looked into by Python itself: LMDB lets go of the interpreter at each look-up, and
threads that do so hundreds of times for an answer wait for each other most of the time.
"""

import logging
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple, Self
from weakref import WeakValueDictionary

import lmdb

from cdb.domain.points import OPEN, ORIGIN, Interval, Point
from cdb.store import room

log = logging.getLogger(__name__)

KEY_LENGTH = 16
"""Bytes that name a compiled list."""

_NUMBER = Struct(">I")
"""The number of a part of a list; they are counted from the end of the axis."""

_GENERATION = b"generation"
"""The key of how often the file was begun anew; shorter than all others."""

_NAME, _READERS_NAME = "data.mdb", "lock.mdb"
"""What LMDB calls the file, and the one in which it notes who reads."""

_HEAD = Struct("=QQ")
"""Of a part: the number of its pieces, and the checksum of it."""

_LAYOUT = b"2"
"""Of parts, as a part of their keys: what another version has written is not there."""

_PIECES = 10_000
"""Pieces of a part, which is put together in memory."""

_READERS = 4096
"""Compiled tags that all processes may have in use."""


class Piece(NamedTuple):
    """A piece of the axis in which a list answers the same, up to the next piece.

    A plain pair, since there are millions of them. What is shown is empty where nothing is valid.
    """

    start: tuple[int, int]
    shown: bytes


class Full(Exception):
    """The file would become larger than it may."""

    def __str__(self) -> str:
        return "There is no room for its payload lists: cdb.compiled_mb is too small."


class Looked(NamedTuple):
    """What lists answer at a point, list by list, and where all of them answer the same."""

    shown: list[Any]
    holds: Interval


class _Part(NamedTuple):
    """A part of a list, in the memory of the file: pieces in order of their starts.

    Attributes:
        length: the number of pieces.
        majors, minors: where they start; and after the last one, where that ends.
        offsets: where in the text begins what is shown of each, and where the last one ends.
        text: all that is shown.

    """

    length: int
    majors: Any
    minors: Any
    offsets: Any
    text: Any

    @classmethod
    def read(cls, value: Any) -> Self:
        """Return a part of the file, which has its checksum."""
        length, _ = _HEAD.unpack_from(value)
        place = _HEAD.size
        found = []
        for code, size in (("Q", 8), ("Q", 8), ("I", 4)):
            end = place + size * (length + 1)
            found.append(value[place:end].cast(code))
            place = end
        return cls._make((length, *found, value[place:]))

    @property
    def start(self) -> tuple[int, int]:
        """Where the first piece starts."""
        return self.majors[0], self.minors[0]


def _written(key: bytes, pieces: Sequence[Piece], end: tuple[int, int]) -> bytes:
    """Return a part as it is in the file.

    Args:
        key: where it is to be found.
        pieces: from the last one on.
        end: where the last one ends.

    """
    ordered = pieces[::-1]
    starts = [*(piece.start for piece in ordered), end]
    offsets, length = array("I", [0]), 0
    for piece in ordered:
        length += len(piece.shown)
        offsets.append(length)
    content = b"".join(
        [
            array("Q", [major for major, _ in starts]).tobytes(),
            array("Q", [minor for _, minor in starts]).tobytes(),
            offsets.tobytes(),
            *(piece.shown for piece in ordered),
        ]
    )
    return _HEAD.pack(len(ordered), _checksum(key, len(ordered), content)) + content


def _checksum(key: bytes, length: int, content: Any) -> int:
    return zlib.crc32(content, zlib.crc32(b"%b %d" % (key, length)))


def _is_sound(key: bytes, value: Any) -> bool:
    """Tell whether a part is as it was written, there."""
    if len(value) < _HEAD.size:
        return False
    length, checksum = _HEAD.unpack_from(value)
    return bool(checksum == _checksum(key, length, value[_HEAD.size :]))


class CompiledLists:
    """Payload lists in the memory of the file, to be asked by any thread.

    Args:
        file: where they are.
        reading: keeps them where they are.
        lists: the parts of each, in order.

    """

    def __init__(
        self, file: "CompiledFile", reading: lmdb.Transaction, lists: Sequence[Sequence[_Part]]
    ) -> None:
        self._file, self._reading = file, reading
        self._generation = file.generation
        self._lists = [([part.start for part in parts], parts) for parts in lists]

    @property
    def is_current(self) -> bool:
        """Whether the file was not begun anew: else they have to go, to make room."""
        return self._generation == self._file.generation

    def at(self, point: Point) -> Looked:
        """Return what they answer at a point before OPEN; bytes in the memory of the file."""
        asked_major, asked_minor = point
        starts: list[tuple[int, int]] = [ORIGIN]
        ends: list[tuple[int, int]] = [OPEN]
        shown = []
        for begins, parts in self._lists:
            part = parts[0] if len(parts) == 1 else parts[bisect_right(begins, point) - 1]
            length, majors, minors, offsets, text = part
            place = bisect_right(majors, asked_major, 0, length)
            if majors[place - 1] == asked_major:
                first = bisect_left(majors, asked_major, 0, place)
                place = bisect_right(minors, asked_minor, first, place)
            starts.append((majors[place - 1], minors[place - 1]))
            ends.append((majors[place], minors[place]))
            shown.append(text[offsets[place - 1] : offsets[place]])
        return Looked(shown, Interval(Point(*max(starts)), Point(*min(ends))))


class CompiledFile:
    """The compiled lists of a service.

    Use `opened`: LMDB must not open a file twice in one process.

    Args:
        folder: where the file is; it is made if it is not there, on a local disk.
        bound: bytes that the file may take.

    Attributes:
        generation: how often the file was begun anew.

    Raises:
        OSError: the folder cannot be made, or has no room.
        lmdb.Error: the file cannot be opened.

    """

    def __init__(self, folder: Path, bound: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._bound = bound
        self._folder = folder
        # Twice the room: what is taken away stays for as long as somebody reads it.
        self._environment = lmdb.open(
            str(folder), map_size=2 * bound, max_readers=_READERS, mode=0o600, readahead=False
        )
        room.take(folder / _READERS_NAME)
        self._all = self._environment.open_db()
        # Places that processes had which were killed while they read.
        self._environment.reader_check()
        self.generation = 0
        self._sound: set[bytes] = set()

    @classmethod
    def opened(cls, folder: Path, bound: int) -> "CompiledFile":
        """Return the file of a folder, which all that ask for it in this process share."""
        folder = folder.resolve()
        found = _OPENED.get(folder)
        if found is None:
            found = _OPENED[folder] = cls(folder, bound)
        return found

    @property
    def is_there(self) -> bool:
        """Whether other processes find it, too: it may be removed while it is in use."""
        return (self._folder / _NAME).exists()

    @property
    def parts(self) -> int:
        """How many parts all lists have."""
        return int(self._environment.stat()["entries"])

    @property
    def bound(self) -> int:
        """Bytes that all lists may take."""
        return self._bound

    @property
    def size(self) -> int:
        """Bytes that all lists take."""
        with self._environment.begin() as reading:
            return self._size(reading)

    def has(self, name: bytes) -> bool:
        """Tell whether a list is there."""
        with self._environment.begin() as reading:
            return reading.get(_key(name, 0)) is not None

    def lists(self, names: Iterable[bytes]) -> CompiledLists | None:
        """Return lists to be asked; None where one of them is not there.

        Each part is compared with its checksum, once in a process.

        Raises:
            lmdb.ReadersFullError: too many are in use.
            lmdb.CorruptedError: a list is not as it was written.
            lmdb.Error: the file cannot be read.

        """
        reading = self._environment.begin(buffers=True)
        if (generation := _generation(reading)) != self.generation:
            self.generation, self._sound = generation, set()
        lists = [list(self._parts(reading, name))[::-1] for name in names]
        return CompiledLists(self, reading, lists) if all(lists) else None

    def _parts(self, reading: lmdb.Transaction, name: bytes) -> Iterator[_Part]:
        """Yield the parts of a list, from the last one on."""
        number, first = 0, None
        while (value := reading.get(key := _key(name, number))) is not None:
            if key not in self._sound and not _is_sound(key, value):
                raise lmdb.CorruptedError("A compiled list is damaged: remove the file.")
            self._sound.add(key)
            first = _Part.read(value)
            yield first
            number += 1
        if first and first.start != ORIGIN:
            raise lmdb.CorruptedError("A compiled list lacks its beginning: remove the file.")

    def add(self, name: bytes, pieces: Callable[[], Iterable[Piece]]) -> None:
        """Put a list into the file, where it is not there: all of it, or nothing.

        Where there is no room for it, everything else goes.

        Args:
            name: of the list, KEY_LENGTH bytes.
            pieces: gives all of the axis, from the last piece to the one that starts at
                ORIGIN; no other process adds anything meanwhile.

        Raises:
            Full: the list alone takes more than the file may; or what has gone is in use still.
            lmdb.Error: the file cannot be written.

        """
        try:
            self._add(name, pieces())
        except Full:
            log.warning("The file of compiled lists is full, and is begun anew.")
            with self._environment.begin(write=True) as writing:
                self.generation = _generation(writing) + 1
                writing.drop(self._all, delete=False)
                writing.put(_GENERATION, _NUMBER.pack(self.generation))
            self._add(name, pieces())

    def _add(self, name: bytes, pieces: Iterable[Piece]) -> None:
        try:
            with self._environment.begin(write=True) as writing:
                if writing.get(_key(name, 0)) is not None:
                    return
                end: tuple[int, int] = OPEN
                number, left = 0, iter(pieces)
                while some := list(islice(left, _PIECES)):
                    key = _key(name, number)
                    writing.put(key, _written(key, some, end))
                    if self._size(writing) > self._bound:
                        raise Full
                    number, end = number + 1, some[-1].start
        except lmdb.MapFullError:
            raise Full from None

    def _size(self, reading: lmdb.Transaction) -> int:
        """Return the bytes that all lists take."""
        found = reading.stat(self._all)
        pages = found["branch_pages"] + found["leaf_pages"] + found["overflow_pages"]
        return found["psize"] * pages


_OPENED: WeakValueDictionary[Path, CompiledFile] = WeakValueDictionary()


def _key(name: bytes, number: int) -> bytes:
    return _LAYOUT + name + _NUMBER.pack(number)


def _generation(reading: lmdb.Transaction) -> int:
    found = reading.get(_GENERATION)
    return 0 if found is None else int(_NUMBER.unpack(found)[0])
