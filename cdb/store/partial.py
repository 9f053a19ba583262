"""Files and folders that appear under their names when they are whole."""

import errno
import logging
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cdb.store.changes import now

log = logging.getLogger(__name__)

_LEFT_OVER = timedelta(days=1)
"""After this long without a change, what is not finished belongs to a killed process."""


@contextmanager
def becoming(path: Path) -> Iterator[Path]:
    """Give where to write; at the end that gets its name, and nothing is left of a failure.

    What killed processes have left of the same name is removed a day later. It is in nobody's
    way before: each one writes under a name that no other one has.

    Args:
        path: of a file, which is replaced in one step where it is there, or of a
            folder, which is removed before.

    Raises:
        FileExistsError: what is there is neither, but a device or a pipe.
        OSError: it cannot be made there.

    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FileExistsError(errno.EEXIST, "there is a device or a pipe", str(path))
    _remove_left_over(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        _remove(partial)


def _remove_left_over(path: Path) -> None:
    oldest = (now() - _LEFT_OVER).timestamp()
    try:
        for place in path.parent.iterdir():
            is_ours = place.name.startswith(f".{path.name}.") and place.suffix == ".partial"
            if is_ours and place.stat().st_mtime < oldest:
                _remove(place)
    except OSError as error:
        log.warning("what is left over beside %s cannot be removed: %s", path, error)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
