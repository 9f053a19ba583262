"""Commands that are killed at any moment: what they make is there whole, or not at all.

Each is run again afterwards, and has to succeed; then the database is verified, with all files.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import md5
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from conditions import make_list
from legacy import Legacy
from support import API, Client
from torture.campaign import Campaign
from torture.nursery import Nursery

from cdb.app import make_app
from cdb.commands.bundle import show
from cdb.commands.db import check, upgrade
from cdb.commands.verify import verify
from cdb.settings import load
from cdb.store import migrate
from cdb.store.engine import Database

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = {url}
cdb.payload_store = {folder}/payloads
cdb.compiled = {folder}/compiled
cdb.allow_open_writes = true
[server:main]
use = egg:waitress#main
threads = 2
"""

TAG, LISTS, ROWS = "GT", 2, 1000


class Killed(NamedTuple):
    """A command that is to be killed, and what it makes.

    Attributes:
        arguments: of the command `cdb`.
        made: tells whether it is there; fails where it is there by half.

    """

    arguments: tuple[str | Path, ...]
    made: Callable[[], bool]


class Site:
    """A database with a global tag and payload files, the commands on it, and what they make.

    Args:
        url: of a migrated, empty database.
        empty: gives the URL of one that is not even migrated.
        legacy: the URL of a nopayloaddb.
        folder: where all files go.

    """

    def __init__(self, url: str, empty: Callable[[], str], legacy: str, folder: Path) -> None:
        self.folder, self._empty, self._legacy = folder, empty, legacy
        self._numbers = count(1)
        self.is_sqlite = url.startswith("sqlite")
        self.ini = self._ini(url)
        own = {"cdb.allow_open_writes": "true", "cdb.payload_store": f"{folder}/payloads"}
        self.app = make_app(load({"cdb.database.url": url, **own}, {}))
        self.client = Client(self.app)
        self._fill()
        self.digest = self._digest(TAG)
        self.lines, self.bundle = folder, folder

    def _ini(self, url: str) -> Path:
        made = self.folder / f"{md5(url.encode(), usedforsecurity=False).hexdigest()}.ini"
        made.write_text(INI.format(url=url.replace("%", "%%"), folder=self.folder))
        return made

    def _fill(self) -> None:
        self.client.ok("POST", "gt", {"name": TAG})
        for number in range(LISTS):
            payload_type = f"Type{number}"
            self.client.ok("POST", "pt", {"name": payload_type})
            sums = [
                self._upload(payload_type, f"{payload_type} {each}" * 1000) for each in range(5)
            ]
            iov = {"payload_list": make_list(self.client, TAG, payload_type), "minor_iov": 0}
            rows = [
                {**iov, "payload_url": f"{n}.root", "checksum": sums[n % 5], "major_iov": n}
                for n in range(ROWS)
            ]
            self.client.ok("POST", "bulk_piov", rows)

    def _upload(self, payload_type: str, content: str) -> str:
        """Store a payload, and return its checksum."""
        path = f"{API}/payloads/{payload_type}/file.txt"
        stored = self.client.put(path, content.encode(), content_type="text/plain").json
        return str(stored["checksum"])

    def _digest(self, tag: str) -> str | None:
        found = self.client.get(f"{API}/global-tags/{tag}/digest", expect_errors=True)
        return str(found.json["digest"]) if found.status_int == 200 else None

    # --- what is killed ------------------------------------------------------------

    def commands(self, *, are_few: bool) -> list[Callable[[], Killed]]:
        """Return what makes each of the commands anew, in the order of a first round.

        Where they are to be few, each is tried on one of the databases.
        """
        first = [self.bundles, self.imports_bundle, self.compiles]
        rest = [self.export, self.imports_lines, self.upgrades, self.imports_nopayloaddb]
        if self.is_sqlite:
            first.append(self.backup)
        else:
            first, rest = rest, first
        return first if are_few else first + rest

    def bundles(self) -> Killed:
        target = self.folder / f"{next(self._numbers)}.cdb"
        arguments = ("bundle", "create", TAG, target, "--files", "--ini", self.ini)

        def made() -> bool:
            if not target.exists():
                return False
            shown = CliRunner().invoke(show, [str(target)])
            assert self.digest
            assert self.digest in shown.output
            files = [e for e in Path(f"{target}.payloads").rglob("*") if e.is_file()]
            assert len(files) == 5 * LISTS
            self.bundle = target
            return True

        return Killed(arguments, made)

    def export(self) -> Killed:
        target = self.folder / f"{next(self._numbers)}.jsonl"

        def made() -> bool:
            if not target.exists():
                return False
            assert str(self.digest) in target.read_text().splitlines()[-1]
            self.lines = target
            return True

        return Killed(("export", TAG, target, "--ini", self.ini), made)

    def _imported(self, *command: str | Path) -> Killed:
        name = f"In{next(self._numbers)}"

        def made() -> bool:
            found = self._digest(name)
            assert found in (None, self.digest)
            return found is not None

        return Killed((*command, "--name", name, "--ini", self.ini), made)

    def imports_bundle(self) -> Killed:
        return self._imported("bundle", "import", self.bundle)

    def imports_lines(self) -> Killed:
        return self._imported("import", "jsonl", self.lines)

    def compiles(self) -> Killed:
        # Copies of what is there, of which nobody can tell whether they are all.
        return Killed(("compile", self.ini, TAG), lambda: False)

    def backup(self) -> Killed:
        target = self.folder / f"{next(self._numbers)}.sqlite"

        def made() -> bool:
            return target.exists() and self._is_well(self._ini(f"sqlite:///{target}"))

        return Killed(("db", "backup", self.ini, target), made)

    def upgrades(self) -> Killed:
        ini = self._ini(self._empty())
        return Killed(
            ("db", "upgrade", ini), lambda: CliRunner().invoke(check, [str(ini)]).exit_code == 0
        )

    def imports_nopayloaddb(self) -> Killed:
        ini = self._ini(self._empty())
        assert CliRunner().invoke(upgrade, [str(ini)]).exit_code == 0
        arguments = ("import", "nopayloaddb", "--from", self._legacy, "--ini", ini)

        def made() -> bool:
            assert self._is_well(ini)
            return False

        return Killed(arguments, made)

    # --- afterwards ----------------------------------------------------------------

    def _is_well(self, ini: Path, *options: str) -> bool:
        found = CliRunner().invoke(verify, [str(ini), *options])
        assert found.exit_code == 0, found.output
        return True

    def is_well(self) -> bool:
        """Verify the database, and the payload files."""
        return self._is_well(self.ini, "--files")


@pytest.fixture
def site(database_kind: str, databases: Any, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        url, second, legacy = (
            stack.enter_context(databases(kind)) for kind in (database_kind,) * 2 + ("postgresql",)
        )
        numbers = count(1)

        def empty() -> str:
            if database_kind == "sqlite":
                return f"sqlite:///{tmp_path}/empty-{next(numbers)}.sqlite"
            database = Database(second)
            migrate.downgrade(database, "base")
            database.dispose()
            return str(second)

        old = Legacy(legacy)
        stack.callback(old.close)
        old.objects({"Old": "unlocked"}, ["Beam", "Field"],
                    [(n, f"L{n}", ("Beam", "Field")[n - 1], "Old") for n in (1, 2)])  # fmt: skip
        for number in (1, 2):
            old.iovs(number, *[((n, 0), None) for n in range(50)])
        made = Site(url, empty, legacy, tmp_path)
        stack.callback(made.app.registry.cdb.database.dispose)
        yield made


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    made = Nursery(tmp_path / "said")
    yield made
    made.close()


def test_killed_commands(campaign: Campaign, site: Site, nursery: Nursery) -> None:
    commands = site.commands(are_few=not campaign.is_long)
    lasted = dict.fromkeys(range(len(commands)), 0.5)
    for number in campaign.rounds(at_least=len(commands)):
        which = number % len(commands)
        killed = commands[which]()
        victim = nursery.begin(*killed.arguments)
        time.sleep(campaign.random.uniform(0, lasted[which]))
        os.kill(victim, signal.SIGKILL)
        campaign.count("killed", nursery.ended() == -signal.SIGKILL)
        if killed.made():
            campaign.count("had done it")
        else:
            began = time.monotonic()
            nursery.begin(*killed.arguments)
            assert nursery.ended() == 0, nursery.said.read_text()
            lasted[which] = time.monotonic() - began
            killed.made()
        assert site.is_well()
