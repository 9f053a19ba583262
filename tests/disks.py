"""A disk of a few megabytes that is full when a test says so; it takes bubblewrap, but no root."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from processes import CDB, environ
from support import program


class Done(NamedTuple):
    """A command that has ended: its exit status, and all that it said."""

    code: int
    said: str


class Disk:
    """A small file system at a folder, which only those see that are run on it.

    Args:
        folder: where they see it; what else is there is hidden from them.
        megabytes: its size.

    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._said = folder.with_name(f"{folder.name}.said")
        folder.mkdir()
        seen = ["--dev-bind", "/", "/", "--size", str(megabytes * 2**20), "--tmpfs", str(folder)]
        self._shell = subprocess.Popen(
            [program("bwrap", "bubblewrap"), *seen, "--die-with-parent", "sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ(),
        )
        # From outside it is where the shell sees it.
        self.seen = Path(f"/proc/{self._told('echo $$')}/root{folder}")

    def _told(self, line: str) -> str:
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f"{line}\n")
        self._shell.stdin.flush()
        return self._shell.stdout.readline().strip()

    def cdb(self, *command: str | Path) -> Done:
        """Run the command `cdb` on the disk."""
        line = shlex.join(map(str, (CDB, *command)))
        code = self._told(f"{line} </dev/null >{self._said} 2>&1; echo $?")
        return Done(int(code), self._said.read_text())

    def begin(self, log: Path, *command: str | Path) -> int:
        """Begin to run the command, which writes what it says into a file; return its process."""
        line = shlex.join(map(str, (CDB, *command)))
        return int(self._told(f"exec 3>&1; {line} </dev/null >{log} 2>&1 3>&- & echo $!"))

    def fill(self, left: int = 0) -> None:
        """Take all the room, but some bytes."""
        with (self.seen / "filler").open("ab", buffering=0) as filler:
            for size in (2**16, 2**12, 1):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass
            if left:
                filler.truncate(max(filler.tell() - left, 0))

    def free(self) -> None:
        """Give the room back."""
        (self.seen / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """End all; what was on the disk is gone."""
        self._shell.communicate(timeout=120)


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Give a small disk."""
    made = Disk(folder, megabytes)
    try:
        yield made
    finally:
        made.close()
