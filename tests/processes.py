"""The command `cdb` as a process of its own."""

import multiprocessing
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from cdb_client.cli import main

ROOT = Path(__file__).parents[1]
CDB = Path(sys.executable).parent / "cdb"

PATIENCE_S = 120
"""Seconds that a command may take on a busy machine."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["pytest", "cdb.app", "cdb.commands.db", "cdb.commands.listening"])


def environ(**variables: str) -> dict[str, str]:
    """Return the environment without settings of cdb but these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    return {**own, "NO_PROXY": "127.0.0.1", "CDB_CACHE": "none", **variables}


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as it is installed."""
    return subprocess.run(
        [CDB, *command],
        check=False,
        capture_output=True,
        text=True,
        env=environ(**variables),
        timeout=PATIENCE_S,
    )


def run_forked(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that has imported already what else takes it seconds."""
    words = [str(word) for word in command]
    with TemporaryDirectory(prefix="cdb-forked-") as folder:
        said = [Path(folder) / "stdout", Path(folder) / "stderr"]
        process = _FORKS.Process(target=_invoke, args=(words, environ(**variables), said))
        process.start()
        process.join(PATIENCE_S)
        process.kill()
        process.join()
        stdout, stderr = (path.read_text() for path in said)
    return subprocess.CompletedProcess(words, process.exitcode or 0, stdout, stderr)


def _invoke(command: Sequence[str], variables: Mapping[str, str], said: Sequence[Path]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    main(command, "cdb")


class Command(subprocess.Popen[str]):
    """The command, running; what it says is taken at once, so that it never waits to say it."""

    def __init__(self, *command: str | Path, **variables: str) -> None:
        super().__init__(
            [CDB, *command], stderr=subprocess.PIPE, text=True, env=environ(**variables)
        )
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._taking = threading.Thread(target=self._take)
        self._taking.start()

    def _take(self) -> None:
        assert self.stderr
        for line in self.stderr:
            self._lines.put(line)
        self._lines.put("")

    def line(self) -> str:
        """Return what it says next; nothing, once it has ended."""
        return self._lines.get(timeout=PATIENCE_S)

    def lines(self) -> Iterator[str]:
        """Give what it has not been asked for yet, until it ends."""
        return iter(self._lines.get, "")

    def __exit__(self, *raised: Any) -> None:
        self._taking.join(PATIENCE_S)
        super().__exit__(*raised)


@contextmanager
def served(*arguments: str | Path, **variables: str) -> Iterator[tuple[str, Command]]:
    """Run `cdb serve` on a free port; gives the URL, once it says that it serves."""
    with Command("serve", *arguments, "--listen", "127.0.0.1:0", **variables) as process:
        try:
            said = ""
            while not (found := re.search(r"cdb serves (http://127\.0\.0\.1:\d+)", said)):
                line = process.line()
                assert line, said
                said += line
            yield found[1], process
        finally:
            process.kill()
