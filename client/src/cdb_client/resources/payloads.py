"""Payload files: sending them to the service's store, fetching them, and where they are used."""

import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, Unpack

from cdb_client.errors import ConfigError, PayloadError
from cdb_client.files import HASHES
from cdb_client.http import Answer, Writing, path_of
from cdb_client.resources.base import AsOf, Resource, part_of

CHUNK = 1 << 20
CHECKED_AT_ONCE = 10_000

Told = Callable[[int], object]
"""Is told how many more bytes have gone or come."""


class LocalFile(NamedTuple):
    """A file on this machine, and what is known of its content.

    Attributes:
        path: where it lies.
        md5: hexadecimal; what payload IOVs have as `checksum`.
        sha256: hexadecimal.
        size: in bytes.

    """

    path: Path
    md5: str
    sha256: str
    size: int

    @classmethod
    def at(cls, path: str | Path, told: Told = lambda _count: None) -> Self:
        """Read a file once, for its checksums.

        Raises:
            ConfigError: it cannot be read.

        """
        md5, sha256, size = HASHES[32](), HASHES[64](), 0
        with _open(path) as file:
            while piece := file.read(CHUNK):
                md5.update(piece)
                sha256.update(piece)
                size += len(piece)
                told(len(piece))
        return cls(Path(path), md5.hexdigest(), sha256.hexdigest(), size)


class Payloads(Resource):
    """Requests about payload files; a service without a store answers them with `NotFound`.

    Every method raises `ServiceError`, by its subclass, where the service refuses, and
    `Unreachable` where it does not answer.
    """

    def put(
        self,
        payload_type: str,
        file: str | Path | LocalFile,
        *,
        name: str | None = None,
        told: Told = lambda _count: None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Send a file, which is kept once, however often it is sent.

        The body of the answer has what a payload IOV needs: `payload_url`, `checksum` and
        `size`; and `stored`, whether it was not there before. What arrives with another
        SHA-256 is refused.

        Args:
            payload_type: that it is of.
            file: to send.
            name: of the file in the store; its own where it is not given.
            told: how many more bytes were sent.
            writing: reason, dry run, condition and key.

        Raises:
            ConfigError: the file cannot be read.

        """
        known = file if isinstance(file, LocalFile) else LocalFile.at(file)
        path = path_of("payloads", payload_type, name or known.path.name)
        digest = b64encode(bytes.fromhex(known.sha256)).decode()
        with _open(known.path) as opened:
            return self.service.upload(
                path, _Watched(opened, told), {"Content-Digest": f"sha-256=:{digest}:"}, **writing
            )

    def check(self, checksums: Sequence[str]) -> dict[str, dict[str, Any] | None]:
        """Return what is stored of some checksums: the payload, or None where it is not there."""
        found: dict[str, dict[str, Any] | None] = dict.fromkeys(checksums)
        for first in range(0, len(checksums), CHECKED_AT_ONCE):
            part = list(checksums[first : first + CHECKED_AT_ONCE])
            answer = self.service.ask("POST", "payloads/check", body=part)
            found |= part_of(answer.body, "present", dict)
        return found

    def fetch(self, checksum: str, place: str | Path, *, told: Told = lambda _count: None) -> int:
        """Fetch a file, and write it once it is known to be intact; return its size in bytes.

        Args:
            checksum: MD5 or SHA-256, hexadecimal; what arrives has to have it.
            place: where it is written; a file that is there is replaced at once.
            told: how many more bytes have come.

        Raises:
            PayloadError: what arrives is damaged; nothing is written.
            ConfigError: the place cannot be written to.

        """
        with replacing(Path(place)) as file:
            size = 0
            for piece in self.pieces(checksum):
                file.write(piece)
                size += len(piece)
                told(len(piece))
            return size

    def pieces(self, checksum: str) -> Iterator[bytes]:
        """Yield the bytes of a file, piece by piece.

        Raises:
            PayloadError: after the last one, where they have another checksum.

        """
        if len(checksum) not in HASHES:
            raise ConfigError(f"{checksum!r} is neither an MD5 nor a SHA-256.")
        seen = HASHES[len(checksum)]()
        with self.service.download(path_of("payloads", checksum)) as pieces:
            for piece in pieces:
                seen.update(piece)
                yield piece
        if seen.hexdigest() != checksum.lower():
            raise PayloadError(
                f"What came as {checksum} is damaged: its checksum is {seen.hexdigest()}."
            )

    def about(self, checksum: str) -> dict[str, Any]:
        """Return what is known of a payload: whether it is stored, by whom, and what shows it."""
        return self._one(path_of("payloads", checksum, "about"))

    def preview(self, checksum: str) -> dict[str, Any]:
        """Return what is in a file: a text, a table or an SVG, and what follows in `parts`."""
        return self._one(path_of("payloads", checksum, "preview"))

    def usage(self, checksum: str, *, as_of: AsOf = None) -> Iterator[dict[str, Any]]:
        """Yield the payload IOVs that have a checksum, with their lists and tags."""
        return self.service.lines(path_of("payloads", checksum, "usage"), {"asOf": as_of})


class _Watched:
    """A file that tells how much of it was read; from its start again, where it is sent again."""

    def __init__(self, file: IO[bytes], told: Told) -> None:
        self._file = file
        self._told = told
        self._most = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        now = self._file.tell()
        if now > self._most:
            self._told(now - self._most)
            self._most = now
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(CHUNK):
            yield piece


def _open(path: str | Path) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None


@contextmanager
def replacing(place: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its place, which it takes where nothing goes wrong.

    Raises:
        ConfigError: it cannot be written there.

    """
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(place)
    except OSError as error:
        raise ConfigError(f"{place} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
