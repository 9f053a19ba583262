"""The commands of a page of the documentation, and what the page says that they print."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

# It finds the fonts, where nobody has done so before.
import matplotlib.font_manager
from support import serving

from cdb.app import make_app
from cdb.demo.load import load as load_demo
from cdb.settings import load

ROOT = Path(__file__).parents[1]
CURL = ROOT / "tests" / "bin" / "curl"
"""What runs the documented commands on a machine without curl."""

DOCUMENTED_URL = "http://127.0.0.1:8000"

BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"# (\w+\.py)\n")
"""The first line of a script that the reader is to save under that name."""

MARK = "=== command {} ==="


class Example(NamedTuple):
    """A command of a page, and what the page says that it prints."""

    line: int
    command: str
    printed: str


def examples(page: Path) -> list[Example]:
    """Return the commands of all console blocks, in order, and what saves the scripts.

    A block of Python whose first line is its name is saved where it stands on the page, and
    printed by nothing; a command after it can run it.
    """
    text = page.read_text()
    found: list[Example] = []
    for kind, content, line in (
        (block[1], block[2], text.count("\n", 0, block.start(2)) + 1)
        for block in BLOCK.finditer(text)
    ):
        found += commands(content, line) if kind == "console" else _saved(content, line)
    return found


def scripts(page: Path) -> list[str | None]:
    """Return the names of all blocks of Python of a page; None where one has none."""
    blocks = [block[2] for block in BLOCK.finditer(page.read_text()) if block[1] == "python"]
    return [named[1] if (named := NAME.match(block)) else None for block in blocks]


def commands(content: str, line: int = 1) -> list[Example]:
    """Return the commands of a console block that begins at a line, each with what it prints."""
    found: list[Example] = []
    for number, text in enumerate(content.splitlines(), start=line):
        if text.startswith("$ "):
            found.append(Example(number, text[2:], ""))
        elif goes_on(found[-1].command):
            found[-1] = found[-1]._replace(command=f"{found[-1].command}\n{text}")
        else:
            found[-1] = found[-1]._replace(printed=f"{found[-1].printed}{text}\n")
    return found


def _saved(content: str, line: int) -> list[Example]:
    named = NAME.match(content)
    return [Example(line, f"cat >{named[1]} <<'EOF'\n{content}EOF", "")] if named else []


def goes_on(command: str) -> bool:
    """Tell whether a command needs a further line: it ends in a backslash, or inside quotes."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False


def run(commands: Sequence[str], folder: Path, **variables: str) -> list[str]:
    """Run commands in one bash, one after the other, and return what each printed.

    Args:
        commands: to run.
        folder: where they run.
        variables: of the environment, beside what is there and has nothing to do with cdb.

    """
    assert shutil.which("bash"), "bash is needed to run the documented commands"
    script = "\n".join(
        # A command may ask with which status the one before it ended.
        f"{command}\nstatus=$?\necho '{MARK.format(n)}'\n(exit $status)"
        for n, command in enumerate(commands)
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}:{CURL.parent}"
    environ["NO_PROXY"] = environ["no_proxy"] = "127.0.0.1"
    environ["LC_ALL"] = "C.UTF-8"
    # What a client has kept of another service at this address is not for this one.
    environ["XDG_CACHE_HOME"] = environ["XDG_CONFIG_HOME"] = str(folder / "home")
    # But what fonts there are, which matplotlib takes seconds to find, and may say so.
    environ["MPLCONFIGDIR"] = matplotlib.get_cachedir()
    done = subprocess.run(
        ["bash"],
        input=script,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**environ, **variables},
        timeout=500,
        check=False,
    )
    printed = re.split(r"=== command \d+ ===\n", done.stdout)
    assert len(printed) == len(commands) + 1, done.stderr
    return printed[:-1]


def differences(
    page: str, url: str, folder: Path, *, with_errors: bool = False, **variables: str
) -> list[str]:
    """Run the commands of a page, and return those that print something else than it says.

    Args:
        page: relative to the repository.
        url: the root of the service that takes the place of the documented one.
        folder: where they run.
        with_errors: whether the page shows what they say on stderr, too.
        variables: of the environment.

    """
    documented = examples(ROOT / page)
    assert documented
    commands = [example.command.replace(DOCUMENTED_URL, url) for example in documented]
    if with_errors:
        commands[0] = f"exec 2>&1\n{commands[0]}"
    printed = [text.replace(url, DOCUMENTED_URL) for text in run(commands, folder, **variables)]
    return [
        f"{page}:{example.line}\n$ {example.command}\n{text}"
        for example, text in zip(documented, printed, strict=True)
        if not same(example.printed, text)
    ]


def same(documented: str, printed: str) -> bool:
    """Compare without regard to line breaks and spaces; an ellipsis stands for anything."""
    parts = ["".join(part.split()) for part in documented.split("…")]
    pattern = ".*?".join(map(re.escape, parts))
    return re.fullmatch(pattern, "".join(printed.split()), re.DOTALL) is not None


@contextmanager
def sample_service(databases: Any, folder: Path) -> Iterator[str]:
    """Give the root of a real server with the sample data, as `make run` starts one."""
    with databases("sqlite") as url:
        ini = {"cdb.database.url": url, "cdb.allow_open_writes": "true"}
        ini["cdb.payload_store"] = str(folder / "payloads")
        app = make_app(load(ini, {}))
        context = app.registry.cdb
        load_demo(context.database, context.rules, context.payload_store)
        with serving(app) as root:
            yield root
        context.database.dispose()
