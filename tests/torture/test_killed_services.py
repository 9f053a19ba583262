"""Services that are killed with all their processes: while they start, merge, and take a file.

What was begun is there whole afterwards, or not at all, and the same service starts again.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from conditions import iov
from support import API, PATIENT
from torture.campaign import Campaign
from torture.deployed import Service

from cdb.commands.verify import verify

ROWS = 3000
SIZE = 20_000_000
"""Bytes of a payload."""


class Site:
    """A service with a tag that is merged into others, and payload files.

    Args:
        url: of an empty database.
        folder: where all files go.
        campaign: draws when it is killed.

    """

    def __init__(self, url: str, folder: Path, campaign: Campaign) -> None:
        self.folder, self.campaign = folder, campaign
        own = {"payload_store": f"{folder}/payloads", "compiled": f"{folder}/compiled"}
        settings = {f"cdb.{key}": value for key, value in own.items()}
        settings |= {**PATIENT, "cdb.database.url": url.replace("%", "%%")}
        self.service = Service(folder / "service", settings)
        self.started = self.lasted = 0.0
        self.number = 0

    def start(self) -> None:
        """Start the service, and take the time of that."""
        began = time.monotonic()
        self.service.start()
        self.started = time.monotonic() - began

    def fill(self) -> None:
        """Make the tag that is merged."""
        self.ok("POST", "gt", json={"name": "Source"})
        self.ok("POST", "pt", json={"name": "Beam"})
        self.ok("POST", "pl", json={"payload_type": "Beam"})
        self.ok("PUT", "pl_attach", json={"payload_list": "Beam_1", "global_tag": "Source"})
        rows = [{**iov(str(at), at), "payload_list": "Beam_1"} for at in range(ROWS)]
        self.ok("POST", "bulk_piov", json=rows)

    def ask(self, method: str, path: str, **more: Any) -> requests.Response | None:
        """Send a request; None where no answer came."""
        try:
            return requests.request(method, f"{self.service.url}{API}/{path}", timeout=120, **more)
        except requests.RequestException:
            return None

    def ok(self, method: str, path: str, **more: Any) -> Any:
        answer = self.ask(method, path, **more)
        assert answer is not None
        assert answer.status_code == 200, answer.text
        return answer.json()

    # --- what is killed ------------------------------------------------------------

    def is_killed_while_it_starts(self) -> None:
        self.service.begin()
        time.sleep(self.campaign.random.uniform(0, self.started))
        self.service.kill_all()
        self.campaign.count("killed at the start")

    def is_killed_at_work(self) -> None:
        """Kill it while it merges and takes a file, and do both again."""
        self.number += 1
        tag, content = f"Into{self.number}", self.number.to_bytes(2) * (SIZE // 2)
        self.ok("POST", "gt", json={"name": tag})
        with ThreadPoolExecutor(2) as pool:
            merging = pool.submit(self._merge, tag)
            taking = pool.submit(self._upload, content)
            time.sleep(self.campaign.random.uniform(0, self.lasted))
            self.service.kill_all()
        self.start()
        self._judge(merging, self._is_merged(tag), "merge")
        self._judge(taking, self._is_stored(content), "upload")
        began = time.monotonic()
        for answer in (self._merge(tag), self._upload(content)):
            assert answer is not None
            assert answer.status_code == 200, answer.text
        self.lasted = time.monotonic() - began
        assert self._is_merged(tag)
        assert self._is_stored(content)

    def _merge(self, tag: str) -> requests.Response | None:
        body = {"mode": "fill", "sources": ["Source"]}
        return self.ask("POST", f"global-tags/{tag}/merge", json=body)

    def _upload(self, content: bytes) -> requests.Response | None:
        return self.ask("PUT", "payloads/Beam/file.bin", data=content)

    # --- how it is judged ----------------------------------------------------------

    def _judge(self, asked: Future[requests.Response | None], is_done: bool, what: str) -> None:
        answer = asked.result()
        if answer is None:
            self.campaign.count(f"{what} killed")
            self.campaign.count(f"{what} killed, and done", is_done)
        else:
            assert (answer.status_code == 200) == is_done, answer.text

    def _is_merged(self, tag: str) -> bool:
        rows = len(self.ok("GET", f"global-tags/{tag}/iovs"))
        assert rows in (0, ROWS)
        return bool(rows)

    def _is_stored(self, content: bytes) -> bool:
        answer = self.ask("GET", f"payloads/{md5(content, usedforsecurity=False).hexdigest()}")
        assert answer is not None
        assert answer.status_code == 404 or answer.content == content
        return answer.status_code == 200

    def is_well(self) -> bool:
        """Verify the database, and the payload files."""
        found = CliRunner().invoke(verify, [str(self.service.ini), "--files"])
        assert found.exit_code == 0, found.output
        assert "Traceback" not in self.service.log.read_text()
        return True


@pytest.fixture
def sites(campaign: Campaign, databases: Any, tmp_path: Path) -> Iterator[list[Site]]:
    """A service on SQLite; where time is, one on PostgreSQL, too."""
    with ExitStack() as stack:
        made = []
        for kind in ("sqlite", "postgresql") if campaign.is_long else ("sqlite",):
            folder = tmp_path / kind
            folder.mkdir()
            made.append(Site(stack.enter_context(databases(kind)), folder, campaign))
            stack.callback(made[-1].service.stop)
            made[-1].start()
            made[-1].fill()
        yield made


def test_killed_services(campaign: Campaign, sites: list[Site]) -> None:
    for number in campaign.rounds(at_least=1):
        site = sites[number % len(sites)]
        site.is_killed_at_work()
        site.service.stop()
        site.is_killed_while_it_starts()
        site.start()
        assert site.is_well()
