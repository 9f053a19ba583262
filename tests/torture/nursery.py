"""Commands of cdb in processes that begin at once: forked from one that has imported all of it.

What is to be killed in the middle of its work must not spend its time on imports.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

from processes import environ


class Nursery:
    """Where processes come from, one after the other.

    Args:
        said: the file that each of them writes what it says into.

    """

    def __init__(self, said: Path) -> None:
        self.said = said
        self._mother = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, said],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ(PYTHONPATH=str(Path(__file__).parents[1])),
        )

    def begin(self, *arguments: str | Path) -> int:
        """Begin the command `cdb`, and return its process, which is one that can be killed."""
        assert self._mother.stdin
        print(json.dumps([str(each) for each in arguments]), file=self._mother.stdin, flush=True)
        return self._answer()

    def ended(self) -> int:
        """Wait until it has ended; return its exit status, or less than 0 if it was killed.

        Until then it can be killed, whether it has ended or not: nobody else gets its number.
        """
        assert self._mother.stdin
        print(file=self._mother.stdin, flush=True)
        return self._answer()

    def _answer(self) -> int:
        assert self._mother.stdout
        return int(self._mother.stdout.readline())

    def close(self) -> None:
        """End the process from which the others came."""
        self._mother.communicate(timeout=120)


def _bear(said: str) -> None:
    from cdb_client.cli import main  # noqa: PLC0415 - in the process of its own only

    _import_all()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), out, out)):
                os.dup2(file, number)
            sys.exit(main(json.loads(line)))
        print(child, flush=True)
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _import_all() -> None:
    import cdb  # noqa: PLC0415 - the same

    for module in pkgutil.walk_packages(cdb.__path__, "cdb."):
        if not module.name.startswith(("cdb.testing", "cdb.plugin.testing", "cdb.migrations")):
            importlib.import_module(module.name)


if __name__ == "__main__":
    _bear(sys.argv[1])
