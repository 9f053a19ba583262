"""Whether a bundle is one, is whole, and has its payload files beside it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from cdb_client.bundle import FORMAT, Bundle, opened
from cdb_client.doctor import FAILED, OK, WARNING, Findings, Told
from cdb_client.errors import BundleError
from cdb_client.files import inside
from cdb_client.points import MAX

_PAYLOADS = f"""
    select distinct i.payload_url, i.size from list_state s
    join iov i on i.series = s.series and i.retired_by = {MAX}
"""  # noqa: S608 - a constant


def check(path: Path) -> Findings:
    """Look whether a bundle can be used, and yield what is found."""
    try:
        with Bundle(path) as bundle:
            told = f"It has the global tag {bundle.global_tag}, format {FORMAT}."
            digest, taken = bundle.digest, bundle.provenance.get("taken")
    except BundleError as error:
        yield "bundle", FAILED, str(error)
        return
    yield "bundle", OK, told
    yield (
        "digest",
        OK,
        f"{digest}, taken {taken}: cdb gt digest says whether it still is.",
    )
    try:
        with closing(opened(path)) as connection:
            yield _integrity(connection)
            yield _files(path, connection.execute(_PAYLOADS))
    except sqlite3.Error as error:
        yield "integrity", FAILED, f"The file is damaged: {error}. Fetch it again."


def _integrity(connection: sqlite3.Connection) -> Told:
    found = [row[0] for row in connection.execute("pragma quick_check(5)")]
    if found != ["ok"]:
        return "integrity", FAILED, f"The file is damaged: {'; '.join(found)}. Fetch it again."
    return "integrity", OK, "The file is whole."


def _files(path: Path, payloads: Iterable[tuple[Any, Any]]) -> Told:
    folder = path.with_name(f"{path.name}.payloads")
    if not folder.is_dir():
        return (
            "files",
            WARNING,
            (
                f"There are no payload files beside it, in {folder.name}: jobs need "
                "read_dirs, or a bundle that was made with --files."
            ),
        )
    known = list(payloads)
    missing = [str(url) for url, size in known if not _is_there(folder, url, size)]
    if missing:
        return (
            "files",
            WARNING,
            (
                f"{len(missing)} of {len(known)} payload files are missing in {folder.name}, or "
                f"have another size: {', '.join(sorted(missing)[:3])}, …"
            ),
        )
    return "files", OK, f"All {len(known)} payload files are beside it."


def _is_there(folder: Path, url: Any, size: Any) -> bool:
    # Of a damaged file it may be no text.
    place = inside(url) if isinstance(url, str) else None
    try:
        return place is not None and size in {None, (folder / place).stat().st_size}
    except OSError:
        return False
