"""A validator for ROOT files.

It needs uproot, from the extra `root`. No object is interpreted: for that,
uproot would write a program by what the file says and run it. What can be told
without is whether the file was closed, is as long as it says, and has all its
records, whole.
"""

import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

import cramjam
import xxhash
from uproot.reading import (
    ReadOnlyDirectory,
    ReadOnlyFile,
    ReadOnlyKey,
)
from uproot.source.cursor import Cursor

from cdb.plugin import Content, OptionsError, PayloadReference, PayloadValidator

_DIRECTORIES = ("TDirectory", "TDirectoryFile")
_BLOCK_HEADER = 9
_KEYS = 100_000
_LENGTH = 200


@dataclass(frozen=True, slots=True)
class RootFileOptions:
    """What is in the file, and how much of it is unpacked."""

    objects: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Which objects the file has to have: `name`, `name;cycle` or "
            "`directory/name`, each also with its class, as in `efficiency:TH2F`."
        },
    )
    max_mb: int = field(
        default=1024,
        metadata={
            "help": "How large all objects are at most, unpacked, in units of 2**20 bytes; the "
            "baskets of trees do not count."
        },
    )


class RootFile(PayloadValidator):
    """Takes ROOT files that were closed, are whole, and have the named objects.

    Every record that a directory names, and the streamer info, is read and
    unpacked; only the baskets of trees are not.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    reads_content = True
    Options: ClassVar[type] = RootFileOptions
    options: RootFileOptions

    def __init__(self, name: str, options: RootFileOptions) -> None:
        super().__init__(name, options)
        if options.max_mb < 1:
            raise OptionsError("max_mb is less than 1: no object would be small enough.")
        self._wanted = [_Wanted.read(text) for text in options.objects]

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return what is damaged, or which objects are not there."""
        if content is None:
            yield "The content is not in the payload store, so it cannot be checked."
            return
        try:
            with content.open() as file:
                found = _Reader(file, content.size, self.options.max_mb << 20).objects()
        except _Damaged as error:
            yield str(error)
        # A damaged file makes uproot raise anything, also IndexError and struct.error.
        except Exception as error:  # noqa: BLE001 - see above
            yield f"The file is damaged: it cannot be read ({type(error).__name__})."
        else:
            for wanted in self._wanted:
                yield from wanted.problems(found)


class _Damaged(Exception):
    """What is wrong with the file, as a sentence."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An object that has to be there."""

    path: str
    cycle: int | None
    class_name: str | None

    @classmethod
    def read(cls, text: str) -> "_Wanted":
        place, _, class_name = text.partition(":")
        path, separator, cycle = place.strip("/").partition(";")
        if not path or (separator and not (cycle.isascii() and cycle.isdigit())):
            raise OptionsError(
                f"objects: {text!r} is not written as `name`, `name;cycle` or `name:class`."
            )
        return cls(path, int(cycle) if cycle else None, class_name or None)

    def problems(self, found: dict[str, dict[int, str]]) -> Iterator[str]:
        """Return why it is not among what was found: path → cycle → class."""
        cycles = found.get(self.path, {})
        cycle = max(cycles, default=0) if self.cycle is None else self.cycle
        called = self.path if self.cycle is None else f"{self.path};{self.cycle}"
        if cycle not in cycles:
            yield f"The file has no object {called!r}."
        elif self.class_name not in (None, cycles[cycle]):
            yield (
                f"The object {called!r} is of the class {_shown(cycles[cycle])!r}, "
                f"not {self.class_name!r}."
            )


class _Directory(ReadOnlyDirectory):  # type: ignore[misc]  # uproot ships no types
    """A directory that does not read more keys than it can have."""

    def hook_before_keys(self, num_keys: int, **_: object) -> None:
        """Raise where there are too many, or fewer than none."""
        if not 0 <= num_keys <= _KEYS:
            raise _Damaged(f"A directory names {num_keys} objects.")


def _directory_at(root: Any, place: int) -> _Directory:
    return _Directory((), Cursor(place), {}, root, root)


class _Reader:
    """Reads all that a file says it has, once, and keeps nothing."""

    def __init__(self, file: BinaryIO, size: int, limit: int) -> None:
        self._file = file
        self._size = size
        self._limit = limit
        self._left = limit
        self._seen: set[int] = set()

    def objects(self) -> dict[str, dict[int, str]]:
        """Return the class of every object: path → cycle → class.

        Raises:
            _Damaged: the file is not whole, or too large.

        """
        if self._file.read(4) != b"root":
            raise _Damaged("The content is not a ROOT file.")
        with ReadOnlyFile(
            self._file, object_cache=None, array_cache=None, use_threads=False
        ) as root:
            self._check_header(root)
            if root.fSeekInfo:
                self._check_record(root, self._key_at(root, root.fSeekInfo), "the streamer info")
            found: dict[str, dict[int, str]] = {}
            for path, key in self._keys(_directory_at(root, root.fBEGIN + root.fNbytesName), ""):
                found.setdefault(path, {})[key.fCycle] = key.fClassName
            return found

    def _check_header(self, root: Any) -> None:
        if self._size < root.fEND:
            raise _Damaged(f"The file is truncated: it has {self._size} of {root.fEND} bytes.")
        if not root.fBEGIN <= root.fSeekFree < root.fEND:
            raise _Damaged(
                "The file was never closed: it has no list of free places, which ROOT writes last."
            )

    def _keys(self, directory: Any, path: str) -> Iterator[tuple[str, Any]]:
        """Return every key with its path, in all directories, after its record is checked."""
        if not directory.fSeekKeys:
            called = f"directory {_shown(path)!r}" if path else "file"
            raise _Damaged(f"The {called} was never closed: it has no list of its objects.")
        for key in directory._keys:  # noqa: SLF001 - keys() has not those of the same name
            where = f"{path}{key.fName}"
            called = f"the object {_shown(where)!r}"
            if key.fSeekKey in self._seen or len(self._seen) >= _KEYS:
                raise _Damaged(f"The file names {called} twice, or too many objects.")
            self._seen.add(key.fSeekKey)
            self._check_key(directory.file, key, called)
            self._check_record(directory.file, key, called)
            yield where, key
            if key.fClassName in _DIRECTORIES:
                inner = _directory_at(directory.file, key.fSeekKey + key.fKeylen)
                yield from self._keys(inner, f"{where}/")

    def _check_key(self, root: Any, key: Any, called: str) -> None:
        there = self._key_at(root, key.fSeekKey)
        if (there.fName, there.fClassName, there.fNbytes, there.fObjlen) != (
            key.fName,
            key.fClassName,
            key.fNbytes,
            key.fObjlen,
        ):
            raise _Damaged(f"The record of {called} is not where the file says.")

    def _key_at(self, root: Any, place: int) -> Any:
        """Return the key that a record begins with; three texts of any length end it."""
        if not root.fBEGIN <= place < root.fEND:
            raise _Damaged("The file names a place outside of itself.")
        chunk = root.chunk(place, min(place + 4096, root.fEND))
        return ReadOnlyKey(chunk, Cursor(place), {}, root, None, read_strings=True)

    def _check_record(self, root: Any, key: Any, called: str) -> None:
        """Raise where a record is not inside the file, or cannot be unpacked to its size."""
        is_inside = root.fBEGIN <= key.fSeekKey and key.fSeekKey + key.fNbytes <= root.fEND
        if not is_inside or not 0 < key.fKeylen <= key.fNbytes or key.fObjlen < 0:
            raise _Damaged(f"The record of {called} is not inside the file.")
        self._left -= key.fObjlen
        if self._left < 0:
            raise _Damaged(f"The objects are larger than {self._limit >> 20} MiB.")
        packed = key.fNbytes - key.fKeylen
        if packed == key.fObjlen:
            return
        self._file.seek(key.fSeekKey + key.fKeylen)
        try:
            _unpack(self._file.read(packed), key.fObjlen)
        # Each of the libraries has its own exceptions.
        except Exception as error:
            raise _Damaged(
                f"The record of {called} cannot be unpacked: {_shown(error)}"
            ) from error


# --- compressed blocks ------------------------------------------------------


def _unpack(packed: bytes, expected: int) -> None:
    """Unpack all blocks of a record, and raise where they are damaged.

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
        if _unpacker(header[:2])(block, size) != size:
            raise ValueError(f"a block does not unpack to {size} bytes")
        place += inside
    if total != expected:
        raise ValueError(f"the blocks do not unpack to {expected} bytes")


def _unpacker(algorithm: bytes) -> Callable[[bytes, int], int]:
    if algorithm not in _UNPACK:
        raise ValueError(f"the compression {algorithm!r} is unknown")
    return _UNPACK[algorithm]


def _zlib(block: bytes, size: int) -> int:
    return len(zlib.decompressobj().decompress(block, size + 1))


def _lzma(block: bytes, size: int) -> int:
    return len(lzma.LZMADecompressor().decompress(block, size + 1))


def _lz4(block: bytes, size: int) -> int:
    if xxhash.xxh64_digest(block[8:]) != block[:8]:
        raise ValueError("its checksum is another")
    return cramjam.lz4.decompress_block_into(block[8:], bytearray(size), size)


def _zstd(block: bytes, size: int) -> int:
    return cramjam.zstd.decompress_into(block, bytearray(size))


_UNPACK = {b"ZL": _zlib, b"XZ": _lzma, b"L4": _lz4, b"ZS": _zstd}


def _shown(what: object) -> str:
    """Return what a file says, or a library says of it, in one line that is not too long."""
    line = " ".join(str(what).split())
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}…"
