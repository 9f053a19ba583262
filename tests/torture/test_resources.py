"""A disk that is full, again and again: writes are refused whole, reads go on, and it recovers."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import requests
from conditions import iov
from disks import Disk, disk
from nginx import free_port, wait_for
from support import API
from torture.campaign import Campaign

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = sqlite:///{folder}/cdb.sqlite
cdb.payload_store = {folder}/payloads
cdb.compiled = {folder}/compiled
cdb.compiled_mb = 4
cdb.answers_mb = 0
cdb.allow_open_writes = true
[server:main]
use = egg:waitress#main
threads = 4
listen = 127.0.0.1:{port}
"""

MEGABYTES = 32
ROWS = 2000

MANY = 10 * ROWS
"""So many rows leave room enough on the disk for all that is tried."""


BEGUN = [
    ("gt", {"name": "GT"}),
    ("pt", {"name": "Beam"}),
    ("pl", {"payload_type": "Beam"}),
    ("pl_attach", {"global_tag": "GT", "payload_list": "Beam_1"}),
]


class Crowded:
    """A service whose database, payload files and compiled lists share a disk with something else.

    Attributes:
        tags: the names of the tags that it has said to have.
        files: the checksums of the payloads that it has said to store.
        rows: payload IOVs that it has said to hold.

    """

    def __init__(self, disk: Disk, ini: Path, url: str, campaign: Campaign) -> None:
        self.disk, self.ini, self.url, self.campaign = disk, ini, url, campaign
        self.random = campaign.random
        self.tags = {"GT"}
        self.files: set[str] = set()
        self.rows = self.number = 0

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, f"{self.url}{API}/{path}", timeout=120, **more)

    def get(self, path: str) -> Any:
        """Read what can be read whatever the disk is like."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        self.campaign.count("reads")
        return answer.json()

    def write(self, method: str, path: str, **more: Any) -> requests.Response | None:
        """Write, and return the answer; None where it was refused since there is no room."""
        answer = self.ask(method, path, **more)
        if answer.status_code == 503:
            assert answer.json()["code"] == "unavailable"
            self.campaign.count("writes refused")
            return None
        assert answer.status_code == 200, answer.text
        self.campaign.count("writes done")
        return answer

    # --- what is tried -------------------------------------------------------------

    def make_tag(self) -> None:
        name = f"Tag{self.number}"
        if self.write("POST", "gt", json={"name": name}):
            self.tags.add(name)

    def insert(self) -> None:
        count = self.random.choice((1, 100, ROWS) if self.rows < MANY else (1,))
        majors = range(self.number * ROWS, self.number * ROWS + count)
        rows = [{**iov("u" * 100, major), "payload_list": "Beam_1"} for major in majors]
        if self.write("POST", "bulk_piov", json=rows):
            self.rows += count

    def upload(self) -> None:
        content = f"{self.number} ".encode() * self.random.choice(
            (1, 1000, 100_000) if len(self.files) < 20 else (1,)
        )
        if self.write("PUT", f"payloads/Beam/{self.number}.bin", data=content):
            self.files.add(md5(content, usedforsecurity=False).hexdigest())

    def command(self) -> None:
        """Run a command that writes a file: it says what is the matter, and leaves nothing."""
        target = self.disk.folder / f"file-{self.number}"
        arguments: tuple[str | Path, ...] = self.random.choice(
            [
                ("export", "GT", target, "--ini", self.ini),
                ("bundle", "create", "GT", target, "--ini", self.ini, "--files"),
                ("db", "backup", self.ini, target),
                ("compile", self.ini, "GT"),
            ]
        )
        done = self.disk.cdb(*arguments)
        last = done.said.splitlines()[-1]
        assert done.code == 0 or last.startswith("Error: "), done.said
        assert "Traceback" not in done.said
        self.campaign.count("commands done" if done.code == 0 else "commands refused")
        made = list(self.disk.seen.glob(f"{target.name}*"))
        assert bool(made) == (done.code == 0 and arguments[0] != "compile")
        assert not list(self.disk.seen.glob(".*.partial"))
        for each in made:
            shutil.rmtree(each) if each.is_dir() else each.unlink()

    def query(self) -> None:
        for at in range(20):  # so often that the tag is to be compiled
            self.get(f"payloadiovs/?gtName=GT&majorIOV={at}&minorIOV=0")

    def some(self) -> None:
        """Try something."""
        kinds = (self.make_tag, self.insert, self.upload, self.query, self.command)
        self.random.choices(kinds, (3, 3, 3, 1, 1))[0]()
        self.number += 1

    # --- how it is judged ----------------------------------------------------------

    def health(self, part: str) -> str:
        found = requests.get(f"{self.url}/health/ready", timeout=120).json()
        return str(found["checks"][part])

    def recovers(self) -> None:
        """Do all that was refused, as soon as there is room."""
        for kind in (self.make_tag, self.insert, self.upload):
            before = self.campaign.figures["writes done"]
            kind()
            self.number += 1
            assert self.campaign.figures["writes done"] == before + 1
        assert self.health("payload-store") == "ok"
        deadline = time.monotonic() + 120
        while self.health("compiled") != "ok":
            assert time.monotonic() < deadline
            self.query()

    def judge(self) -> None:
        """Compare all that can be read, and all that lies on the disk, with what was said."""
        assert {each["name"] for each in self.get("gt")} == self.tags
        assert len(self.get("global-tags/GT/iovs")) == self.rows
        store = self.disk.seen / "payloads"
        lie = [each for each in store.rglob("*") if each.is_file()]
        assert {md5(e.read_bytes(), usedforsecurity=False).hexdigest() for e in lie} == self.files
        assert len(lie) == len(self.files)


@pytest.fixture
def crowded(campaign: Campaign, tmp_path: Path) -> Iterator[Crowded]:
    with disk(tmp_path / "disk", MEGABYTES) as small:
        ini, port = tmp_path / "mine.ini", free_port()
        ini.write_text(INI.format(folder=small.folder, port=port))
        assert small.cdb("db", "upgrade", ini).code == 0
        process = small.begin(tmp_path / "log", "serve", ini)
        try:
            wait_for(port)
            made = Crowded(small, ini, f"http://127.0.0.1:{port}", campaign)
            for path, body in BEGUN:
                made.write("PUT" if path == "pl_attach" else "POST", path, json=body)
            yield made
        finally:
            os.kill(process, signal.SIGTERM)


def test_full_disk(campaign: Campaign, crowded: Crowded) -> None:
    for _ in campaign.rounds(at_least=2):
        left = campaign.random.choice((0, 4096, 60_000, 400_000))
        crowded.disk.fill(left)
        assert left or crowded.health("payload-store") != "ok"
        for _ in range(8):
            crowded.some()
        crowded.judge()
        crowded.disk.free()
        crowded.recovers()
        crowded.judge()
    verified = crowded.disk.cdb("verify", crowded.ini, "--files")
    assert verified.code == 0, verified.said
