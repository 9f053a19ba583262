"""The files for the browser: what is in each, and the names under which they never change."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path, PurePosixPath

_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Not asked of the machine, whose table may differ: a module of another type is not run."""

_PLAIN = "text/plain"

_LEFT_AS_IT_IS = 1000
"""Bytes below which a file is not worth to be compressed."""

_VENDOR = PurePosixPath("vendor")


@dataclass(frozen=True)
class Asset:
    """A file: what is in it, and what it is."""

    body: bytes
    media_type: str

    @cached_property
    def digest(self) -> str:
        """What stands for this very content."""
        return hashlib.sha256(self.body).hexdigest()[:16]

    @cached_property
    def gzipped(self) -> bytes | None:
        """The content compressed, the same bytes in each process; None where it is small."""
        return gzip.compress(self.body, mtime=0) if len(self.body) > _LEFT_AS_IT_IS else None


@dataclass(frozen=True)
class Assets:
    """All files by their path below `static/`."""

    files: Mapping[str, Asset]

    @cached_property
    def version(self) -> str:
        """What stands for the content of all files.

        It is a folder in the path of each: so a module finds the others by a relative path, and
        a browser that has a file need not ask for it again.
        """
        told = "".join(f"{path} {asset.digest}\n" for path, asset in sorted(self.files.items()))
        return "v" + hashlib.sha256(told.encode()).hexdigest()[:12]

    @cached_property
    def modules(self) -> list[str]:
        """The modules of the interface, which a browser can fetch all at once."""
        return [
            path for path in sorted(self.files) if path.endswith(".mjs") or _is_own_module(path)
        ]

    @cached_property
    def styles(self) -> list[str]:
        """The style sheets of the interface, in the order in which they build on one another."""
        return [path for path in sorted(self.files) if path.startswith("style/")]


def _is_own_module(path: str) -> bool:
    # The script of the page of the API is none of the interface.
    inside = PurePosixPath(path)
    return inside.suffix == ".js" and _VENDOR not in inside.parents and path != "openapi.js"


@cache
def assets() -> Assets:
    """Return the files as they are when they are first asked for."""
    folder = Path(str(files("cdb.ui"))) / "static"
    found = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    return Assets({name: _read(path) for name, path in found.items()})


def _read(path: Path) -> Asset:
    return Asset(path.read_bytes(), _MEDIA_TYPES.get(path.suffix, _PLAIN))
