"""Bars show at a terminal only, and only for what takes long."""

import contextlib
import os
import pty
import subprocess
import sys

from cdb_client.commands import progress as module
from cdb_client.commands.progress import progress

SCRIPT = """
import sys
from cdb_client.commands import progress as module
module.SECONDS = float(sys.argv[1])
with module.progress("sending", 3_000_000, in_bytes=True) as told:
    told(1_000_000)
    if sys.argv[1] == "0":
        sys.stdin.readline()
    told(2_000_000)
print("done")
"""


def test_where_there_is_no_terminal_there_is_no_bar(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0)
    with progress("sending", 3) as told:
        told(3)
    assert capsys.readouterr().err == ""


def test_what_is_done_soon_shows_no_bar():
    assert at_a_terminal("3600", until=b"") == b""


def test_what_takes_long_shows_how_far_it_is():
    assert b"1.0/3.0 MB" in at_a_terminal("0", until=b"1.0/3.0 MB")


def at_a_terminal(seconds, until):
    """Return what the script shows on stderr; it goes on once it has shown something."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", SCRIPT, seconds]
    with (
        os.fdopen(ours, "rb", buffering=0) as screen,
        subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs
        ) as process,
    ):
        os.close(theirs)
        shown = b""
        # Linux ends the reading side of a closed terminal by an error.
        with contextlib.suppress(OSError):
            while until not in shown:
                shown += screen.read(4096)
        said, _ = process.communicate(b"\n", timeout=120)
        with contextlib.suppress(OSError):
            while data := screen.read(4096):
                shown += data
    assert said == b"done\n"
    return shown
