"""Room for files in mapped memory, taken before it is needed.

Who writes to such memory where the disk is full has no error to handle: the system ends the
process.
"""

import os
from pathlib import Path


def take(file: Path, size: int | None = None) -> None:
    """Take the room that a file has to have; nothing in it is changed.

    Args:
        file: made if it is not there, empty.
        size: in bytes; None for the size that it has, of which parts may not be on the disk.

    Raises:
        OSError: there is not so much room.

    """
    with file.open("ab") as opened:
        size = size or os.fstat(opened.fileno()).st_size
        if size and hasattr(os, "posix_fallocate"):  # macOS has none
            os.posix_fallocate(opened.fileno(), 0, size)
