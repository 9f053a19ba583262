"""Command lines that nobody would write: each ends with an exit status and a line that says why.

They are drawn from the parsers of all commands of `cdb` themselves, with right and wrong values
for each argument and option, and run in this process against a real service and real inis.
"""

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import click
from commanded import Commanded
from support import Client, serving
from torture.campaign import Campaign
from typed import VERBS

from cdb.app import make_app
from cdb.settings import load
from cdb_client.commands.options import Coordinate, Name

NOT_RUN = {"serve"}
"""What goes on until it is stopped."""

FOUND = (
    ["plugins", "empty"],
    ["bundle", "create", "GT", "n" * 300, "--ini", "other.ini"],
    ["bundle", "import", "no\udcff", "--ini", "other.ini"],
    ["export", "no\udcff", "new", "--ini", "other.ini"],
    ["db", "backup", "other.ini", "no\udcff"],
    ["db", "downgrade", "other.ini", "@", "--yes"],
    ["db", "upgrade", "other.ini", "--wait", "9" * 30],
    ["verify", "other.ini", "--limit", str(2**63)],
    ["config", "from-nopayloaddb", "--values", "bytes"],
    ["config", "from-nopayloaddb", "--env", "bytes"],
    ["config", "from-nopayloaddb", "-o", "file.txt/below"],
    ["gt", "list", "--url", "n" * 300],
    ["doctor", "n" * 300],
)
"""What ended in a traceback, each by a mistake of its own."""

STATUSES = {0, 1, 2, 3, 4, 5, 6, 8}

TEXTS = (
    *("", " ", "-", "--", "-x", "--x=y", "=", "\udcff", "é☃", "\u202ex", "\x1b[31m", "a\nb", "\t"),
    *("x" * 5000, "%", "%s", "{}", "{x}", "[", "null", "../..", "*", "GT@", "@", "@1", "a@b@c"),
)
NUMBERS = (
    *("0", "1", "-1", "7", "٣", "1.5", "1e400", "nan", "inf", "0x1", "1_0"),
    *("+1", " 1", "1" * 5000, "1:2", "7:0", "7,0", "7:0:0"),
    *("2147483648", "9223372036854775807", "9223372036854775808"),
)
TIMES = ("2017-06-01T00:00:00Z", "2026-13-45", "9999-12-31T23:59:59Z", "P1D", "P9999999D", "PT")
PATHS = (
    *("file.txt", "rows.csv", "rows.jsonl", "gt.cdb", "empty", "new", "new/below"),
    *("file.txt/below", "folder", "loop", ".", "/proc", "n" * 300, "p/" * 3000, "no\udcff"),
    *("other.ini", "device"),
)
"""No folder that root may write to: nothing is made outside of that of the test."""


class World(NamedTuple):
    """A service, the folder in which commands run, and names of what there is."""

    commanded: Commanded
    folder: Path
    names: tuple[str, ...]

    def files(self) -> set[str]:
        """Return the names of all that is in the folder."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


@contextmanager
def world(databases: Any, folder: Path) -> Iterator[World]:
    """Give a service with something of everything, and an ini of another one with nothing."""
    folder.mkdir()
    with chdir(folder), databases("sqlite") as url, databases("sqlite") as other:
        _files(other)
        ini = {"allow_open_writes": "true", "payload_store": "store", "database.url": url}
        app = make_app(load({f"cdb.{name}": value for name, value in ini.items()}, {}))
        with serving(app) as root:
            commanded = Commanded(Client(app), root)
            yield World(commanded, folder, (*_filled(commanded), commanded.url))
        app.registry.cdb.database.dispose()


def _files(database_url: str) -> None:
    for name, content in {
        "file.txt": "abc",
        "rows.csv": "payload_type,payload_url,checksum,begin\nBeam,u,x,50:0\n",
        "rows.jsonl": '{"payload_type": "Beam", "payload_url": "u"}\n',
        "other.ini": f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {database_url}\n",
        "empty": "",
    }.items():
        Path(name).write_text(content, "utf-8")
    Path("bytes").write_bytes(b"\xff\xfe")
    Path("no\udcff").write_text("a name that is not UTF-8", "utf-8")
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    Path("device").symlink_to("/dev/null")


def _filled(commanded: Commanded) -> Iterator[str]:
    client = commanded.client
    client.ok("POST", "pt", {"name": "Beam", "dimension": "run-lumi"})
    for tag in ("Other", "GT"):
        client.ok("POST", "gt", {"name": tag})
        made = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": made})
        yield from (tag, f"{tag}@3", made)
    commanded.done("insert", "GT", "Beam", "--file", "file.txt", "--begin", "7:0")
    yield from ("Beam", "900150983cd24fb0d6963f7d28e17f72", "locked", "1")


def drawn(random: Random, names: tuple[str, ...]) -> list[str]:
    """Return a command line, without the word `cdb`."""
    line = [random.choice([verb for verb in VERBS if verb not in NOT_RUN])]
    command: click.Command = VERBS[line[0]]
    while isinstance(command, click.Group):
        line.append(random.choice(list(command.commands)))
        command = command.commands[line[-1]]
    for each in command.params:
        is_needed = each.required or isinstance(each, click.Argument)
        if random.random() < (0.97 if is_needed else 0.15):
            line += _given(random, each, names)
    return line


def _given(random: Random, param: click.Parameter, names: tuple[str, ...]) -> Iterator[str]:
    if isinstance(param, click.Option):
        yield random.choice([*param.opts, *param.secondary_opts])
        if param.is_flag:
            return
    count = random.choice((1, 1, 2, 3)) if param.nargs < 0 else param.nargs
    for _ in range(count):
        yield _value(random, param, names)


def _value(random: Random, param: click.Parameter, names: tuple[str, ...]) -> str:
    if random.random() < 0.1:
        return random.choice(TEXTS)
    match param.type:
        case click.Choice(choices=choices):
            return str(random.choice(choices))
        case click.Path():
            is_ini = param.name == "ini" and random.random() < 0.8
            return "other.ini" if is_ini else random.choice(PATHS)
        case Name():
            return random.choice(names)
        case Coordinate() | click.IntRange() | click.FloatRange():
            return random.choice(NUMBERS)
    return random.choice(random.choice((names, names, NUMBERS, TIMES, PATHS)))


def test_any_command_line_ends_with_a_status(
    campaign: Campaign, databases: Any, tmp_path: Path
) -> None:
    for number in campaign.rounds(at_least=2):
        with world(databases, tmp_path / str(number)) as made:
            lines = [drawn(campaign.random, made.names) for _ in range(50)]
            for line in (*FOUND, *lines) if number == 0 else lines:
                before = made.files()
                got = made.commanded.cdb(*line, input="y\n", CDB_PATIENCE="0", CDB_CONFIG="config")
                told = f"cdb {line}: {got.output[-2000:]!r} {got.exc_info}"
                assert got.exception is None or isinstance(got.exception, SystemExit), told
                assert got.exit_code in STATUSES, told
                assert got.exit_code in (0, 8) or made.files() == before, told
                campaign.count(f"exit status {got.exit_code}")
