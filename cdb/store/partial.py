"""Files and folders that appear under their names when they are whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def becoming(path: Path) -> Iterator[Path]:
    """Give where to write; at the end that gets its name, and nothing is left of a failure.

    Args:
        path: of a file, which is replaced in one step where it is there, or of a
            folder, which is removed before.

    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)
