"""The records of a ROOT file: found by its directories, and unpacked within bounds.

uproot reads the header, the directories and the keys. What a record holds is unpacked here: what
uproot has for this believes the sizes that a file says.
"""

import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import cramjam
import uproot
import xxhash
from uproot.model import classname_regularize
from uproot.reading import (
    ReadOnlyDirectory,
    ReadOnlyFile,
    ReadOnlyKey,
)
from uproot.source.cursor import Cursor

_DIRECTORIES = ("TDirectory", "TDirectoryFile")
_BLOCK_HEADER = 9
_KEYS = 100_000
_LENGTH = 200


class Damaged(ValueError):
    """What is wrong with a file, as a sentence."""


class Entry(NamedTuple):
    """An object that a directory names.

    Attributes:
        path: its name, below those of its directories.
        cycle: which of the objects of this name; a later one has a higher cycle.
        class_name: of ROOT.
        title: what it says of itself.
        size: of its record, unpacked, in bytes.
        key: as uproot has it.

    """

    path: str
    cycle: int
    class_name: str
    title: str
    size: int
    key: Any


class _File(ReadOnlyFile):  # type: ignore[misc]  # uproot ships no types
    """A file whose own description of its classes is not read, and only known classes are."""

    @property
    def streamers(self) -> dict[str, object]:
        """None: uproot would write programs by them."""
        return {}

    def class_named(self, classname: str, version: Any = None) -> Any:
        """Return a class that comes with uproot.

        Raises:
            Damaged: there is none.

        """
        if classname_regularize(classname) not in uproot.classes:
            raise Damaged(f"An object of the class {shortened(classname)!r} cannot be read.")
        return super().class_named(classname, version)


class _Directory(ReadOnlyDirectory):  # type: ignore[misc]  # uproot ships no types
    """A directory that does not read more keys than it can have."""

    def hook_before_keys(self, num_keys: int, **_: object) -> None:
        """Raise where there are too many, or fewer than none."""
        if not 0 <= num_keys <= _KEYS:
            raise Damaged(f"A directory names {num_keys} objects.")


def _directory_at(root: Any, place: int) -> _Directory:
    return _Directory((), Cursor(place), {}, root, root)


@contextmanager
def opened(file: BinaryIO, size: int, limit: int) -> Iterator["Records"]:
    """Give the records of a ROOT file.

    Args:
        file: its content.
        size: of the content, in bytes.
        limit: how much is unpacked of it, in bytes.

    Raises:
        Damaged: it is none, was never closed, or is cut off; or, from within, whatever
            uproot says of a damaged file.

    """
    try:
        _require_root(file)
        with _File(file, object_cache=None, array_cache=None, use_threads=False) as root:
            yield Records(file, size, limit, root)
    except Damaged:
        raise
    # A damaged file makes uproot raise anything, also IndexError and struct.error.
    except Exception as error:
        raise Damaged(
            f"The file is damaged: it cannot be read ({type(error).__name__})."
        ) from error


def _require_root(file: BinaryIO) -> None:
    if file.read(4) != b"root":
        raise Damaged("The content is not a ROOT file.")


class Records:
    """The records of a file; each is read once, and nothing of it is kept."""

    def __init__(self, file: BinaryIO, size: int, limit: int, root: Any) -> None:
        self._file = file
        self._limit = limit
        self._left = limit
        self._seen: set[int] = set()
        self.root = root
        """The file as uproot has it."""
        if size < root.fEND:
            raise Damaged(f"The file is truncated: it has {size} of {root.fEND} bytes.")
        if not root.fBEGIN <= root.fSeekFree < root.fEND:
            raise Damaged(
                "The file was never closed: it has no list of free places, which ROOT writes last."
            )

    def entries(self) -> Iterator[Entry]:
        """Yield every object that a directory names; what is in a directory comes after it.

        Raises:
            Damaged: a directory was never closed, names objects twice, or far too many.

        """
        top = _directory_at(self.root, self.root.fBEGIN + self.root.fNbytesName)
        yield from self._entries(top, "")

    def _entries(self, directory: Any, path: str) -> Iterator[Entry]:
        if not directory.fSeekKeys:
            called = f"directory {shortened(path)!r}" if path else "file"
            raise Damaged(f"The {called} was never closed: it has no list of its objects.")
        for key in directory._keys:  # noqa: SLF001 - keys() has not those of the same name
            where = f"{path}{key.fName}"
            if key.fSeekKey in self._seen or len(self._seen) >= _KEYS:
                raise Damaged(f"The file names {_object(where)} twice, or too many objects.")
            self._seen.add(key.fSeekKey)
            yield Entry(where, key.fCycle, key.fClassName, key.fTitle, key.fObjlen, key)
            if key.fClassName in _DIRECTORIES:
                inner = _directory_at(self.root, key.fSeekKey + key.fKeylen)
                yield from self._entries(inner, f"{where}/")

    def check(self, entry: Entry) -> None:
        """Raise Damaged where a record is not where the file says, or cannot be unpacked."""
        key, called = entry.key, _object(entry.path)
        there = self.key_at(key.fSeekKey)
        if (there.fName, there.fClassName, there.fNbytes, there.fObjlen) != (
            key.fName,
            key.fClassName,
            key.fNbytes,
            key.fObjlen,
        ):
            raise Damaged(f"The record of {called} is not where the file says.")
        self._check_record(key, called)

    def check_streamer_info(self) -> None:
        """Raise Damaged where the file's description of its classes cannot be unpacked."""
        if self.root.fSeekInfo:
            self._check_record(self.key_at(self.root.fSeekInfo), "the streamer info")

    def content(self, entry: Entry) -> bytes:
        """Return the record of an object, unpacked.

        Raises:
            Damaged: it is not inside the file, too large, or cannot be unpacked.

        """
        return self.unpacked(entry.key, _object(entry.path))

    def unpacked(self, key: Any, called: str) -> bytes:
        """Return the record of a key; `called` is what an error calls it."""
        return b"".join(self._blocks(key, called))

    def key_at(self, place: int) -> Any:
        """Return the key that a record begins with; three texts of any length end it."""
        root = self.root
        if not root.fBEGIN <= place < root.fEND:
            raise Damaged("The file names a place outside of itself.")
        chunk = root.chunk(place, min(place + 4096, root.fEND))
        return ReadOnlyKey(chunk, Cursor(place), {}, root, None, read_strings=True)

    def _check_record(self, key: Any, called: str) -> None:
        if key.fNbytes - key.fKeylen == key.fObjlen:  # it is not packed
            self._take(key, called)
            return
        for _ in self._blocks(key, called):
            pass

    def _take(self, key: Any, called: str) -> None:
        """Count a record as unpacked.

        Raises:
            Damaged: it is not inside the file, or too large.

        """
        root = self.root
        is_inside = root.fBEGIN <= key.fSeekKey and key.fSeekKey + key.fNbytes <= root.fEND
        if not is_inside or not 0 < key.fKeylen <= key.fNbytes or key.fObjlen < 0:
            raise Damaged(f"The record of {called} is not inside the file.")
        self._left -= key.fObjlen
        if self._left < 0:
            raise Damaged(f"The objects are larger than {self._limit / 2**20:g} MiB.")

    def _blocks(self, key: Any, called: str) -> Iterator[bytes]:
        self._take(key, called)
        size = key.fNbytes - key.fKeylen
        self._file.seek(key.fSeekKey + key.fKeylen)
        packed = self._file.read(size)
        if size == key.fObjlen:
            yield packed
            return
        try:
            yield from _unpack(packed, key.fObjlen)
        # Each of the libraries has its own exceptions.
        except Exception as error:
            raise Damaged(
                f"The record of {called} cannot be unpacked: {shortened(error)}"
            ) from error


def _object(path: str) -> str:
    return f"the object {shortened(path)!r}"


# --- compressed blocks ------------------------------------------------------


def _unpack(packed: bytes, expected: int) -> Iterator[bytes]:
    """Yield all blocks of a record, unpacked; raise where they are damaged.

    A block begins with two letters for the algorithm, its version, and both
    sizes, in three bytes each. What uproot has for this believes the sizes: a
    small block that unpacks to gigabytes would get them.
    """
    total, place = 0, 0
    while place < len(packed):
        header = packed[place : place + _BLOCK_HEADER]
        inside = int.from_bytes(header[3:6], "little")
        size = int.from_bytes(header[6:9], "little")
        place += _BLOCK_HEADER
        block = packed[place : place + inside]
        if len(block) < inside or len(header) < _BLOCK_HEADER:
            raise ValueError("a block ends after the record")
        total += size
        if total > expected:
            break
        unpacked = _unpacker(header[:2])(block, size)
        if len(unpacked) != size:
            raise ValueError(f"a block does not unpack to {size} bytes")
        yield unpacked
        place += inside
    if total != expected:
        raise ValueError(f"the blocks do not unpack to {expected} bytes")


def _unpacker(algorithm: bytes) -> Callable[[bytes, int], bytes]:
    if algorithm not in _UNPACK:
        raise ValueError(f"the compression {algorithm!r} is unknown")
    return _UNPACK[algorithm]


def _zlib(block: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(block, size + 1)


def _lzma(block: bytes, size: int) -> bytes:
    return lzma.LZMADecompressor().decompress(block, size + 1)


def _lz4(block: bytes, size: int) -> bytes:
    if xxhash.xxh64_digest(block[8:]) != block[:8]:
        raise ValueError("its checksum is another")
    room = bytearray(size)
    return bytes(room[: cramjam.lz4.decompress_block_into(block[8:], room, size)])


def _zstd(block: bytes, size: int) -> bytes:
    room = bytearray(size)
    return bytes(room[: cramjam.zstd.decompress_into(block, room)])


_UNPACK = {b"ZL": _zlib, b"XZ": _lzma, b"L4": _lz4, b"ZS": _zstd}


def shortened(what: object) -> str:
    """Return what a file says, or a library says of it, in one line that is not too long."""
    line = " ".join(str(what).split())
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}…"
