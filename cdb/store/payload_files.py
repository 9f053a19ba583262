"""The files of the payload store: in a directory, or wherever fsspec leads.

A file is received under a temporary name, and has its own name only once it is
complete; what is kept is never changed.
"""

import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from cdb.domain.names import TEXT_LENGTH, control_character
from cdb.errors import Invalid, NotFound
from cdb.settings import SettingsError
from cdb.store.changes import now
from cdb.store.receiving import (
    CHUNK,
    Measured,
    Received,
    Source,
    Sums,
    failing,
    quietly,
    received_from,
    too_large,
)

log = logging.getLogger(__name__)

_READ_AHEAD = 2 * CHUNK
"""Bytes that are asked of an object store beyond what is wanted, in the same request."""

_INCOMING = ".incoming"
"""The folder of a directory in which files are received: the move out of it is atomic."""

_LEFT_OVER = timedelta(days=1)
"""After this long a file that is still being received belongs to a killed process."""

_PART_LENGTH = 255
"""Bytes, for a name in a directory."""


def open_files(url: str, options: Mapping[str, Any] | None = None) -> "PayloadFiles":
    """Return the files of a payload store.

    Args:
        url: a directory, which is made where it is not there; or a URL that
            fsspec knows, as in `s3://bucket/prefix`.
        options: what fsspec takes for such a URL.

    Raises:
        SettingsError: the URL or the options are wrong, the software for them
            is not installed, or the directory cannot be made.

    """
    filesystem, root = _reached(url, options)
    if not isinstance(filesystem, LocalFileSystem):
        return PayloadFiles(filesystem, root)
    try:
        return PayloadDirectory(filesystem, Path(root))
    except (ValueError, OSError) as error:
        raise _wrong(error) from None


def directory_of(url: str, options: Mapping[str, Any] | None = None) -> Path | None:
    """Return the directory of a payload store, which may not be there; None of other stores.

    Raises:
        SettingsError: see `open_files`.

    """
    filesystem, root = _reached(url, options)
    return Path(root) if isinstance(filesystem, LocalFileSystem) else None


def _reached(url: str, options: Mapping[str, Any] | None) -> tuple[AbstractFileSystem, str]:
    try:
        # Others write to the same store, so nothing that was listed is remembered.
        filesystem, root = url_to_fs(
            url, skip_instance_cache=True, use_listings_cache=False, **(options or {})
        )
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise _wrong(error) from None
    return filesystem, str(root)


def _wrong(error: Exception) -> SettingsError:
    return SettingsError([("cdb.payload_store", str(error))])


class PayloadFiles:
    """Files below a root of any filesystem of fsspec, as an object store.

    Args:
        filesystem: of fsspec.
        root: where the files lie in it.

    """

    def __init__(self, filesystem: AbstractFileSystem, root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    @contextmanager
    def receive(self, source: Source, length: int | None, limit: int) -> Iterator[Received]:
        """Give a file as it arrived; it is gone at the end of the context, unless it was kept.

        Args:
            source: where it comes from.
            length: its size in bytes as it was declared; None where it was not,
                and the source ends with it.
            limit: its largest size in bytes.

        Raises:
            TooLarge: it has more bytes than the limit.
            Invalid: it broke off.
            Unavailable: it cannot be written.

        """
        if (length or 0) > limit:
            raise too_large(limit)
        with self._temporary() as file:
            yield received_from(source, file, length, limit)

    @contextmanager
    def bring(self, received: Received) -> Iterator[str]:
        """Bring a file into the store, still under a temporary name: all that takes long.

        It gives the place, for `keep`. What was not kept is gone at the end of
        the context.

        Raises:
            Unavailable: it cannot be written.

        """
        place = f"{self._root}/{_INCOMING}/{secrets.token_hex(16)}"
        try:
            with failing("written to"):
                self._filesystem.put_file(str(received.place), place)
            yield place
        finally:
            with failing("written to"), suppress(FileNotFoundError):
                self._filesystem.rm_file(place)

    def keep(self, place: str, path: str) -> None:
        """Give a file its own name, at once and for good.

        Args:
            place: where `bring` put it.
            path: relative, as `checked_path` returns it.

        Raises:
            Unavailable: it cannot be written.

        """
        with failing("written to"):
            self._move(place, self._at(path))

    def open(self, path: str) -> BinaryIO:
        """Return a file that can be read and sought in.

        Raises:
            NotFound: it is not there.
            Unavailable: it cannot be read.

        """
        with failing("read"):
            try:
                opened = self._filesystem.open(self._at(path), "rb", block_size=_READ_AHEAD)
            except FileNotFoundError:
                log.error("the payload file %s is missing from the store", path)  # noqa: TRY400 - that it is not there is all there is to say
                raise NotFound("The payload's file is missing from the store.") from None
            return cast("BinaryIO", opened)

    def size(self, path: str) -> int | None:
        """Return how many bytes a file has; None where there is no such file.

        Raises:
            Unavailable: it cannot be found out.

        """
        with failing("read"):
            try:
                return int(self._filesystem.size(self._at(path)))
            except FileNotFoundError:
                return None

    def measured(self, path: str) -> Measured:
        """Read a file, and return what it is.

        Raises:
            NotFound: it is not there.
            Unavailable: it cannot be read.

        """
        sums = Sums()
        with failing("read"), self.open(path) as file:
            while chunk := file.read(CHUNK):
                sums.add(chunk)
        return sums.measured()

    def remove(self, path: str) -> None:
        """Remove a file, if it is there.

        Raises:
            Unavailable: it cannot be removed.

        """
        with failing("written to"), suppress(FileNotFoundError):
            self._filesystem.rm_file(self._at(path))

    def look(self, *, is_written: bool) -> None:
        """Look whether the store answers, by as little as can be: it is done every few seconds.

        Args:
            is_written: whether files are to be stored, too. Of an object store it is not
                tried, since each file that is written there is paid for.

        Raises:
            Unavailable: it cannot be reached, or in a directory written to.

        """
        with quietly("reached"):
            # A bucket, and what else stands at the top, is there also where it is empty.
            self._filesystem.info(self._root.lstrip("/").partition("/")[0])

    def probe(self) -> None:
        """Write a small file beside the others, and remove it.

        Raises:
            Unavailable: the store cannot be written to.

        """
        content = b"is this a place for files?"
        with self.receive(BytesIO(content), len(content), CHUNK) as received, self.bring(received):
            pass

    def _at(self, path: str) -> str:
        return f"{self._root}/{checked_path(path)}"

    def _temporary(self) -> AbstractContextManager[IO[bytes]]:
        with failing("written to"):
            return NamedTemporaryFile(prefix="cdb-incoming-", buffering=0)

    def _move(self, place: str, target: str) -> None:
        self._filesystem.mv(place, target)


class PayloadDirectory(PayloadFiles):
    """Files below a directory, which other programs may read, too.

    Args:
        filesystem: the local one of fsspec.
        root: the directory; it is made where it is not there.

    """

    def __init__(self, filesystem: AbstractFileSystem, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._folder = root.resolve()
        self._incoming = self._folder / _INCOMING
        super().__init__(filesystem, str(self._folder))
        self._remove_left_over()

    def _at(self, path: str) -> str:
        place = (self._folder / checked_path(path)).resolve()
        if not place.is_relative_to(self._folder):
            raise OSError(f"{path} leads out of the payload store")
        return str(place)

    @contextmanager
    def _temporary(self) -> Iterator[IO[bytes]]:
        place = self._incoming / secrets.token_hex(16)
        with failing("written to"):
            self._incoming.mkdir(mode=0o700, exist_ok=True)
            file = place.open("xb", buffering=0)
        try:
            with file:
                yield file
        finally:
            place.unlink(missing_ok=True)

    @contextmanager
    def bring(self, received: Received) -> Iterator[str]:
        """Give the place of a file, which was received inside of the store, once it is on disk.

        Raises:
            Unavailable: it cannot be written.

        """
        with failing("written to"):
            sync(received.place)
        yield str(received.place)

    def look(self, *, is_written: bool) -> None:
        """Look whether the directory can be read and, without waiting for the disk, written to.

        Raises:
            Unavailable: it cannot.

        """
        with quietly("read"), os.scandir(self._folder) as names:
            next(names, None)
        if is_written:
            with quietly("written to"):
                self._incoming.mkdir(mode=0o700, exist_ok=True)
                place = self._incoming / secrets.token_hex(16)
                try:
                    # Not empty: a name can be had where the disk is full.
                    place.write_bytes(b"?")
                finally:
                    place.unlink(missing_ok=True)

    def probe(self) -> None:
        """Write a small file, and remove it, with the folder that was made for it.

        Raises:
            Unavailable: the store cannot be written to.

        """
        was_there = self._incoming.exists()
        super().probe()
        if not was_there:
            # Who looks may be another user than the service, which could not write to it.
            self._incoming.rmdir()

    def _move(self, place: str, target: str) -> None:
        folder = Path(target).parent
        self._make(folder)
        Path(place).replace(target)
        sync(folder)

    def _make(self, folder: Path) -> None:
        """Make a folder such that it survives a loss of power."""
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)

    def _remove_left_over(self) -> None:
        if not self._incoming.is_dir():
            return
        oldest = (now() - _LEFT_OVER).timestamp()
        try:
            for place in self._incoming.iterdir():
                if place.is_file() and place.stat().st_mtime < oldest:
                    place.unlink(missing_ok=True)
        except OSError as error:
            log.warning("what is left over in %s cannot be removed: %s", self._incoming, error)


def checked_path(path: str) -> str:
    """Return a path that is safe below the root and can be referred to by payload IOVs.

    Raises:
        Invalid: it is too long, not relative, has a part that is no name, or
            would lie among the files that are being received.

    """
    parts = path.split("/")
    if len(path) > TEXT_LENGTH or any(len(part.encode()) > _PART_LENGTH for part in parts):
        raise Invalid(f"The name is too long: it would be stored as {path!r}.")
    if (
        control_character(path)
        or parts[0] == _INCOMING
        or any(p in ("", ".", "..") for p in parts)
    ):
        raise Invalid(f"A payload cannot be stored as {path!r}.")
    return path


def sync(place: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
