"""A clock that is put back and forward, by libfaketime: the service goes on, and time with it."""

import select
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
from processes import served
from support import API, program

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = {url}
cdb.allow_open_writes = true
[server:main]
use = egg:waitress#main
threads = 2
channel_timeout = 2
"""

LIBRARY = "faketime/libfaketimeMT.so.1"


class Site(NamedTuple):
    """A service, and the file that says how far its clock is from the one of this machine."""

    url: str
    clock: Path

    def put(self, by: str) -> None:
        self.clock.write_text(by)

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}{API}/{path}", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, tag: str) -> str:
        """Make a global tag; return the time at which the log says that it was made."""
        answer = requests.post(f"{self.url}{API}/gt", json={"name": tag}, timeout=60)
        assert answer.status_code == 200, answer.text
        latest = self.get("changes?limit=1")["latest"]
        return str(self.get(f"changes/{latest}")["at"])

    def tags(self, as_of: str) -> list[str]:
        return sorted(each["name"] for each in self.get(f"gt?asOf={as_of}"))


@pytest.fixture(scope="module")
def site(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    program("faketime")
    (library,) = Path("/usr/lib").glob(f"*/{LIBRARY}")
    folder = tmp_path_factory.mktemp("clock")
    clock = folder / "clock"
    clock.write_text("+0")
    with databases("sqlite") as url:
        (folder / "mine.ini").write_text(INI.format(url=url))
        with served(
            folder / "mine.ini",
            LD_PRELOAD=str(library),
            FAKETIME_TIMESTAMP_FILE=str(clock),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            NO_FAKE_STAT="1",
        ) as (root, _):
            yield Site(root, clock)


def test_log_goes_on_and_what_it_said_of_a_time_stays(site: Site) -> None:
    before = site.write("before")
    site.put("-1d")
    back = site.write("back")
    assert site.tags(before) == ["back", "before"]
    site.put("+365d")
    ahead = site.write("ahead")
    site.put("+0")
    after = site.write("after")
    assert before == back
    assert (datetime.fromisoformat(ahead) - datetime.fromisoformat(back)).days >= 364
    assert ahead == after
    assert site.tags(back) == ["back", "before"]
    assert site.tags(after) == ["after", "ahead", "back", "before"]


def test_client_that_keeps_it_waiting_is_given_up_whatever_the_clock_says(site: Site) -> None:
    slow = socket.create_connection((urlsplit(site.url).hostname, urlsplit(site.url).port))
    slow.sendall(b"GET /health/live HTTP/1.1\r\n")
    site.put("-1d")
    assert site.get("gtstatus")
    assert select.select([slow], [], [], 120)[0]
    assert slow.recv(1) == b""
    slow.close()
