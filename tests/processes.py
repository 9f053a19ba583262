"""The command `cdb` as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
CDB = Path(sys.executable).parent / "cdb"


def environ(**variables: str) -> dict[str, str]:
    """Return the environment without settings of cdb but these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    return {**own, "NO_PROXY": "127.0.0.1", "CDB_CACHE": "none", **variables}


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CDB, *command],
        check=False,
        capture_output=True,
        text=True,
        env=environ(**variables),
        timeout=120,
    )


@contextmanager
def served(
    ini: Path, *options: str, **variables: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve an ini on a free port; gives the URL, once it says that it serves, and the process."""
    with subprocess.Popen(
        [CDB, "serve", ini, "--listen", "127.0.0.1:0", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=environ(**variables),
    ) as process:
        try:
            assert process.stderr
            said = process.stderr.readline()
            found = re.search(r"cdb serves (http://127\.0\.0\.1:\d+)", said)
            assert found, said
            yield found[1], process
        finally:
            process.kill()
