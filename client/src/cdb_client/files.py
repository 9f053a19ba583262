"""Files of payloads: on this machine already, or fetched; intact, or refused."""

import hashlib
import math
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from cdb_client.cache import Cache
from cdb_client.conditions import PayloadIOV
from cdb_client.errors import NotFound, PayloadError, Unreachable, readable

if TYPE_CHECKING:
    from cdb_client.http import Service

_CHUNK = 1 << 20
_PAUSE = 0.25
_NOWHERE = "It is in no read directory, and a bundle has no service to fetch it from."
_CHECKSUM = re.compile("[0-9a-f]{32}|[0-9a-f]{64}")
HASHES: Mapping[int, Callable[[], Any]] = {
    32: lambda: hashlib.md5(usedforsecurity=False),
    64: hashlib.sha256,
}
"""How a checksum was made, by the number of its digits."""

_Pieces = Callable[[], AbstractContextManager[Iterator[bytes]]]


class _Expected(NamedTuple):
    """What a file has to be; `checksum` is None where nothing can be compared."""

    checksum: str | None
    size: int | None

    def problem(self, checksum: str, size: int) -> str | None:
        """Return what is wrong with a file, as the end of a sentence; None if it is intact."""
        if self.size is not None and size != self.size:
            return f"has {size} bytes, and not {self.size}"
        if self.checksum is not None and checksum != self.checksum:
            return f"has the checksum {checksum}, and not {self.checksum}"
        return None


class PayloadFiles:
    """Finds the files of payloads: in read directories, in the cache, then at a service.

    Args:
        folders: that have files below their `payload_url`, such as a mounted store.
        cache: where what is fetched is kept, once, under its checksum.
        origin: names the service, for payloads without a checksum.
        service: gives the service; None where there is none.
        patience: seconds in which a download that breaks off is begun again.

    """

    def __init__(
        self,
        folders: Sequence[Path],
        cache: Cache,
        origin: str,
        service: "Callable[[], Service] | None",
        patience: float,
    ) -> None:
        self._folders = folders
        self._cache = cache
        self._origin = origin
        self._service = service
        self._patience = patience
        self._intact: set[tuple[str, int, int, str | None]] = set()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Remove the files that no cache keeps."""
        temporary, self._temporary = self._temporary, None
        if temporary:
            temporary.cleanup()

    def path(self, payload: PayloadIOV, *, verify: bool = True) -> Path:
        """Return a file with a payload.

        Args:
            payload: that is wanted.
            verify: compare what is found with the checksum and the size.

        Raises:
            PayloadError: no source has it, or only damaged ones; or it has no checksum that
                can be compared, which `verify=False` puts up with.
            Unreachable: it would have to be fetched, and the service does not answer.

        """
        expected = _expected(payload, verify=verify)
        place = inside(payload.payload_url)
        return (
            self._in_folders(place, expected)
            or self._in_cache(self._name(payload), expected)
            or self._from_elsewhere(payload, place, expected)
        )

    def _in_folders(self, place: PurePosixPath | None, expected: _Expected) -> Path | None:
        for folder in self._folders if place else ():
            path = folder / str(place)
            if not os.path.isfile(path):  # noqa: PTH113 - raises nothing, whatever the name is
                continue
            problem = self._problem(path, expected)
            if problem is None:
                return path
            warnings.warn(f"{path} {problem}; it is looked for elsewhere.", stacklevel=4)
        return None

    def _in_cache(self, name: Sequence[str], expected: _Expected) -> Path | None:
        for cache in self._caches:
            path = cache.place(*name)
            if path and self._problem(path, expected) is None:
                return path
            if path:
                cache.remove(*name)
        return None

    def _problem(self, path: Path, expected: _Expected) -> str | None:
        """Return what is wrong with a file; what was intact is read again if it has changed."""
        try:
            if self._seen(path, expected) in self._intact:
                return None
            digest = _hash(expected)
            with path.open("rb") as file:
                while piece := file.read(_CHUNK):
                    digest.update(piece)
                size = file.tell()
            problem = expected.problem(digest.hexdigest(), size)
            if problem is None:
                self._intact.add(self._seen(path, expected))
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return problem

    def _seen(self, path: Path, expected: _Expected) -> tuple[str, int, int, str | None]:
        found = path.stat()
        return str(path), found.st_mtime_ns, found.st_size, expected.checksum

    @property
    def _caches(self) -> list[Cache]:
        """The cache; and what stands in where it cannot be written, for as long as the client."""
        own = [Cache(Path(self._temporary.name), math.inf)] if self._temporary else []
        return [self._cache, *own]

    def _name(self, payload: PayloadIOV) -> tuple[str, ...]:
        checksum = payload.checksum.lower()
        if _CHECKSUM.fullmatch(checksum):
            return "payloads", checksum[:2], checksum
        # Somebody else's file of this name is another one.
        named = sha256(f"{self._origin}\n{payload.payload_url}".encode()).hexdigest()
        return "payloads", "unverified", named

    # --- from elsewhere -----------------------------------------------------------

    def _from_elsewhere(
        self, payload: PayloadIOV, place: PurePosixPath | None, expected: _Expected
    ) -> Path:
        told = []
        name = self._name(payload)
        for url, pieces in self._sources(payload, place):
            # What was damaged on its way may be intact the next time.
            for _ in range(2):
                try:
                    return self._kept(name, pieces, expected)
                except NotFound as error:
                    told.append(f"{url}: {error}")
                    break
                except _Damaged as error:
                    told.append(f"What {url} sends {error}.")
        raise PayloadError(
            f"No intact file of {payload.payload_type} {payload.payload_url!r} can be had. "
            + (" ".join(dict.fromkeys(told)) or _NOWHERE)
        )

    def _sources(
        self, payload: PayloadIOV, place: PurePosixPath | None
    ) -> Iterator[tuple[str, _Pieces]]:
        if self._service is None:
            return
        service = self._service()
        checksum = payload.checksum.lower()
        if _CHECKSUM.fullmatch(checksum):
            path = f"payloads/{checksum}"
            yield f"{service.base}/{path}", lambda: service.download(path)
        with readable(service.base):
            base = str(service.get("settings/CDB_PAYLOAD_BASE_URL")["CDB_PAYLOAD_BASE_URL"])
            scheme = urlsplit(base).scheme
        if place and scheme in {"http", "https"}:
            url = f"{base.rstrip('/')}/{quote(str(place))}"
            yield url, lambda: service.download_elsewhere(url)

    def _kept(self, name: Sequence[str], pieces: _Pieces, expected: _Expected) -> Path:
        """Fetch a file into the cache, or into one for the client's life.

        Raises:
            _Damaged: it is not what it has to be.

        """
        try:
            return self._fetched(self._cache, name, pieces, expected)
        except OSError:
            if self._temporary is None:
                self._temporary = tempfile.TemporaryDirectory(prefix="cdb-payloads-")
            return self._fetched(self._caches[-1], name, pieces, expected)

    def _fetched(
        self, cache: Cache, name: Sequence[str], pieces: _Pieces, expected: _Expected
    ) -> Path:
        with cache.filling(*name) as file:
            self._fetch(pieces, file, expected)
        path = cache.place(*name)
        if path is None:
            raise FileNotFoundError("The cache is too small for the file.")
        self._intact.add(self._seen(path, expected))
        return path

    def _fetch(self, pieces: _Pieces, file: IO[bytes], expected: _Expected) -> None:
        start = time.monotonic()
        while True:
            file.seek(0)
            file.truncate()
            digest = _hash(expected)
            try:
                with pieces() as coming:
                    for piece in coming:
                        digest.update(piece)
                        file.write(piece)
                        if expected.size is not None and file.tell() > expected.size:
                            raise _Damaged(f"has more than {expected.size} bytes")
            except Unreachable:
                # Begun again: what comes is compared as a whole.
                if time.monotonic() - start >= self._patience:
                    raise
                time.sleep(min(_PAUSE, self._patience))
                continue
            if problem := expected.problem(digest.hexdigest(), file.tell()):
                raise _Damaged(problem)
            return


class _Damaged(Exception):
    """What is wrong with what was fetched, as the end of a sentence."""


def _expected(payload: PayloadIOV, *, verify: bool) -> _Expected:
    if not verify:
        return _Expected(None, None)
    checksum = payload.checksum.lower()
    if not _CHECKSUM.fullmatch(checksum):
        raise PayloadError(
            f"The checksum {payload.checksum!r} of {payload.payload_type} "
            f"{payload.payload_url!r} is neither an MD5 nor a SHA-256, so no file can be "
            "compared with it; verify=False takes any."
        )
    return _Expected(checksum, payload.size)


def _hash(expected: _Expected) -> Any:
    return HASHES[len(expected.checksum)]() if expected.checksum else hashlib.sha256()


def inside(payload_url: str) -> PurePosixPath | None:
    """Return where a file lies below a folder; None for what would lead out of it.

    The URL comes from the network, and so from whoever can write to the service.
    """
    place = PurePosixPath(payload_url)
    is_odd = "\0" in payload_url or (os.name == "nt" and re.search(r"[\\:]", payload_url))
    if place.is_absolute() or ".." in place.parts or not place.parts or is_odd:
        return None
    return place
