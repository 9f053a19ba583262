"""A million payload IOVs that come in while others ask: all of a request is seen, or nothing."""

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any, NamedTuple

import pytest
import requests
from processes import CDB, Command, environ, served
from support import API
from torture.campaign import Campaign

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = {url}
cdb.allow_open_writes = true
[server:main]
use = egg:waitress#main
threads = 8
"""

A_MILLION = 1_000_000

AT_ONCE = 250_000
"""Rows of a request, whose body is not larger than what a service takes if it is told nothing."""

FEW = 10_000
"""Rows of a request where all is over in seconds."""

READERS = 3

BEYOND = 10**12
"""A major number that the last row is valid at."""


class Site(NamedTuple):
    """A service with an empty payload list in a tag."""

    url: str
    ini: Path
    process: Command

    def ask(self, method: str, path: str, body: object = None) -> Any:
        answer = requests.request(method, f"{self.url}{API}/{path}", json=body, timeout=600)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def valid_at(self, major: int) -> int:
        """Return the number of the row that is valid; rows start at their numbers."""
        shown = self.ask("GET", f"payloadiovs/?gtName=GT&majorIOV={major}&minorIOV=0&shape=dict")
        return int(shown[0]["payload_url"]) if shown else -1

    def insert(self, first: int, number: int) -> None:
        rows = [
            {"payload_list": "Beam_1", "payload_url": str(at), "checksum": "c",
             "major_iov": at, "minor_iov": 0}
            for at in range(first, first + number)
        ]  # fmt: skip
        assert self.ask("POST", "bulk_piov", rows) == {"count": number}

    def changes(self) -> int:
        return int(self.ask("GET", "changes?limit=1")["latest"])

    def peak_mb(self) -> int:
        """Return the most memory that the service has ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    ini = tmp_path / "mine.ini"
    ini.write_text(INI.format(url=database_url.replace("%", "%%")))
    with served(ini) as (root, process):
        made = Site(root, ini, process)
        made.ask("POST", "gt", {"name": "GT"})
        made.ask("POST", "pt", {"name": "Beam"})
        made.ask("POST", "pl", {"payload_type": "Beam"})
        made.ask("PUT", "pl_attach", {"payload_list": "Beam_1", "global_tag": "GT"})
        yield made


class Readers:
    """Clients that ask all the time, and compare each answer with what has been confirmed.

    Args:
        site: that they ask.
        step: rows of a request.

    """

    def __init__(self, site: Site, step: int, campaign: Campaign) -> None:
        self.site, self.step, self.campaign = site, step, campaign
        self.confirmed = 0
        self._ends = threading.Event()
        self._pool = ThreadPoolExecutor(READERS)
        self._asking: list[Future[None]] = []

    def __enter__(self) -> "Readers":
        self._asking = [self._pool.submit(self._ask) for _ in range(READERS)]
        return self

    def _ask(self) -> None:
        for number in count():
            if self._ends.is_set():
                return
            before = self.confirmed
            last = self.site.valid_at(BEYOND)
            assert (last + 1) % self.step == 0
            assert before <= last + 1 <= self.confirmed + self.step
            if before:
                major = number * 7919 % before
                assert self.site.valid_at(major) == major
            self.campaign.count("answers")

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for each in self._asking:
            each.result(timeout=600)
        self._pool.shutdown()


def test_bulk_while_others_ask(campaign: Campaign, site: Site, tmp_path: Path) -> None:
    step, total = (AT_ONCE, A_MILLION) if campaign.is_long else (FEW, 3 * FEW)
    begun = site.changes()
    with Readers(site, step, campaign) as readers:
        for first in range(0, total, step):
            site.insert(first, step)
            readers.confirmed += step
            campaign.count("rows", step)
    campaign.note("MB at most", site.peak_mb())
    assert site.peak_mb() < 300 + 4 * step // 1000  # 4 kB a row of a request, and none of the tag
    assert site.changes() == begun + total // step
    if campaign.is_long:
        with Readers(site, step, campaign) as readers:
            readers.confirmed = total
            brought_in(site, tmp_path / "tag.jsonl.gz")
        assert site.changes() == begun + total // step + 1
        campaign.note("MB of a command at most", getrusage(RUSAGE_CHILDREN).ru_maxrss // 1024)


def brought_in(site: Site, lines: Path) -> None:
    """Export the tag, and import it under another name."""
    for command in (("export", "GT", lines), ("import", "jsonl", lines, "--name", "In")):
        done = subprocess.run(
            [CDB, *command, "--ini", site.ini],
            check=False,
            capture_output=True,
            text=True,
            env=environ(),
        )
        assert done.returncode == 0, done.stderr
