"""A file that arrives at the payload store: measured on its way, and how the store fails.

Of a file no more than a chunk is in memory.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from cdb.errors import Invalid, NotFound, TooLarge, Unavailable
from cdb.plugin import Content

log = logging.getLogger(__name__)

CHUNK = 2**20
"""Bytes that are held in memory of a file that comes or goes."""


class Source(Protocol):
    """Where a file comes from: what can be read up to a number of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return some bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that arrived whole, under a temporary name.

    Attributes:
        md5: hexadecimal, in lower case.
        sha256: hexadecimal, in lower case.
        size: in bytes.
        place: where it lies until it is kept.

    """

    md5: str
    sha256: str
    size: int
    place: Path

    @property
    def content(self) -> Content:
        """What is in it, for validators."""
        return Content(lambda: self.place.open("rb"), self.size)


class Measured(NamedTuple):
    """What a file is: its MD5 and SHA-256 as in `Received`, and its size in bytes."""

    md5: str
    sha256: str
    size: int


class Sums:
    """Both checksums of what is added, and its size."""

    def __init__(self) -> None:
        # MD5 is what clients in the field name payloads by; nothing is trusted because of it.
        self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """Count more bytes in."""
        self.size += len(chunk)
        self._md5.update(chunk)
        self._sha256.update(chunk)

    def measured(self) -> Measured:
        """Return what was added so far."""
        return Measured(self._md5.hexdigest(), self._sha256.hexdigest(), self.size)


def received_from(source: Source, file: IO[bytes], length: int | None, limit: int) -> Received:
    """Write what a source has to a file, and return what it is; see `PayloadFiles.receive`.

    Raises:
        TooLarge: it has more bytes than the limit.
        Invalid: it broke off, or has less bytes than its length says.
        Unavailable: it cannot be written.

    """
    sums = Sums()
    for chunk in _chunks(source, length):
        sums.add(chunk)
        if sums.size > limit:
            raise too_large(limit)
        _write(file, chunk)
    if length is not None and sums.size != length:
        raise Invalid(f"The upload broke off: {sums.size} of {length} bytes arrived.")
    return Received(*sums.measured(), Path(file.name))


def _write(file: IO[bytes], chunk: bytes) -> None:
    """Write all of a chunk: a file without a buffer has nothing left to fail with as it closes."""
    left = memoryview(chunk)
    with failing("written to"):
        while left:
            left = left[file.write(left) :]


def _chunks(source: Source, length: int | None) -> Iterator[bytes]:
    """Yield what a source has, never asking for more than was declared: it might wait for it."""
    left = length
    while left is None or left > 0:
        try:
            chunk = source.read(CHUNK if left is None else min(CHUNK, left))
        except OSError:
            raise Invalid("The upload broke off.") from None
        if not chunk:
            return
        yield chunk
        left = None if left is None else left - len(chunk)


def too_large(limit: int) -> TooLarge:
    """Return the error of a payload of more bytes than the limit."""
    return TooLarge(f"The payload has more than {limit} bytes.")


@contextmanager
def failing(what: str) -> Iterator[None]:
    """Say that the store fails; the log says how."""
    try:
        with quietly(what):
            yield
    except Unavailable as error:
        cause = error.__cause__
        # What a file system says names the path and the reason; how one came there tells no more.
        more = None if isinstance(cause, OSError) else cause
        log.warning("the payload store cannot be %s: %s", what, cause, exc_info=more)
        raise


@contextmanager
def quietly(what: str) -> Iterator[None]:
    """Say that the store fails, and leave it to the caller to tell it."""
    try:
        yield
    except (Invalid, NotFound, Unavailable):
        raise
    except Exception as error:
        # Each filesystem of fsspec has errors of its own.
        raise Unavailable(f"The payload store cannot be {what} at the moment.") from error
