"""Services whose databases fail, go back, or are replaced by others, while clients go on."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest
import requests
from backups import backup_of
from cluster import cluster
from pooler import pooler
from support import API, PATIENT, serving
from torture.campaign import Campaign
from torture.checking import check
from torture.journal import Journal
from torture.outages import OUTAGES, Servers
from torture.workload import Client, Workload

from cdb.app import make_app
from cdb.settings import load
from cdb.store import migrate
from cdb.store.engine import Database

MAX_LAG_S = 1.0
"""How old at most is what a replica shows to a service here."""

LAST = 99
"""The client that writes what has to be written."""

TO_WRITE = "&target_session_attrs=read-write"
"""Of a URL with several servers: the one that takes writes."""


@pytest.fixture(scope="module")
def started() -> Iterator[Servers]:
    """A primary, two replicas and a PgBouncer, with an empty database."""
    with cluster(2) as (primary, replicas), pooler([primary]) as before:
        database = Database(primary.url())
        migrate.upgrade(database)
        database.dispose()
        yield Servers(primary, list(replicas), before)


@pytest.fixture
def servers(started: Servers, campaign: Campaign) -> Servers:
    """The same servers, which all run, with what a campaign draws."""
    started.random = campaign.random
    return started


@contextmanager
def services(*settings: Mapping[str, str]) -> Iterator[list[str]]:
    """Serve services with these settings; gives their URLs."""
    with ExitStack() as stack:
        urls = []
        for each in settings:
            app = make_app(load({**COMMON, **each}, {}))
            stack.callback(app.registry.cdb.database.dispose)
            urls.append(stack.enter_context(serving(app)))
        yield urls


COMMON = {
    **PATIENT,
    "cdb.database.timeout": "PT1S",
    "cdb.database.max_lag": f"PT{MAX_LAG_S}S",
}


class Watch:
    """Waits until services do all that they should, which they have to do by themselves."""

    def __init__(self, urls: Sequence[str], campaign: Campaign) -> None:
        self._urls = urls
        self._campaign = campaign
        self._written = 0
        self._longest = 0

    def recovers(self, health: Collection[str] = ("ok",)) -> None:
        """Return when all services are well, read and write; note how long that took."""
        began = time.monotonic()
        for url in self._urls:
            while not self._is_well(url, health):
                assert time.monotonic() < began + 120, f"{url} does not recover"
                time.sleep(0.02)
        self._longest = max(self._longest, round(1000 * (time.monotonic() - began)))
        self._campaign.note("ms to recover at most", self._longest)

    def _is_well(self, url: str, health: Collection[str]) -> bool:
        self._written += 1
        name = {"name": f"watch-{time.monotonic_ns()}-{self._written}"}
        ready = requests.get(f"{url}/health/ready", timeout=60)
        read = requests.get(f"{url}{API}/globalTags", timeout=60)
        wrote = requests.post(f"{url}{API}/gt", json=name, timeout=60)
        for answer in (ready, read, wrote):
            assert answer.status_code in (200, 503), answer.text
        told = ready.json()["status"]
        self._campaign.count(f"health {told}")
        assert (told == "failing") == (ready.status_code == 503)
        return told in health and read.status_code == wrote.status_code == 200


def test_databases_that_fail(servers: Servers, campaign: Campaign, tmp_path: Path) -> None:
    names = sorted(OUTAGES)
    urls = [node.url() for node in servers.replicas]
    with services(
        {"cdb.database.url": servers.primary.url(), "cdb.compiled": str(tmp_path)},
        {"cdb.database.url": servers.pooler.url(servers.primary)},
        {"cdb.database.url": servers.primary.url(), "cdb.database.replicas": " ".join(urls)},
    ) as found:
        watch = Watch(found, campaign)
        for _ in campaign.rounds():
            journal = Journal()
            with Workload(found, campaign, journal) as workload:
                for name in campaign.random.sample(names, 4):
                    workload.goes_on(campaign.random.randint(5, 60))
                    journal.mark(name)
                    with OUTAGES[name](servers):
                        time.sleep(campaign.random.uniform(0, 0.6))
                    watch.recovers()
                    campaign.count(name)
                workload.goes_on(50)
            assert check(journal, found[0], stale_s=MAX_LAG_S) == []


def make_tag(workload: Workload) -> None:
    """Write something, whatever the clients of a workload do; return when it is confirmed."""
    client = Client(workload, LAST, Random(LAST))
    client.write(client.make_tag(f"{workload.journal.name}-L"), "key")
    client.session.close()


def test_failing_over(servers: Servers, campaign: Campaign) -> None:
    seen = 0
    for number in campaign.rounds(at_least=2):
        servers.join()
        primary, (standby, other) = servers.primary, servers.replicas
        commit = campaign.random.choice(("on", "remote_apply"))
        is_synchronous = number % 2 == 0
        if is_synchronous:
            servers.confirm_what_is_on(standby, commit)
        either = primary.url(f"{primary.folder},{standby.folder}") + TO_WRITE
        # What nobody waits for may show what is not confirmed yet, and be right for a while.
        followers = [standby] if is_synchronous else [standby, other]
        with services(
            {"cdb.database.url": either},
            {
                "cdb.database.url": either,
                "cdb.database.replicas": " ".join(node.url() for node in followers),
            },
        ) as found:
            journal = Journal()
            with Workload(found, campaign, journal) as workload:
                workload.goes_on(campaign.random.randint(50, 150))
                if not is_synchronous:
                    standby.stop()  # so that it lacks what the others have
                    workload.goes_on(campaign.random.randint(10, 60))
                    make_tag(workload)
                primary.stop()
                standby.start()
                standby.configure(synchronous_standby_names=None, synchronous_commit=None)
                servers.promote(standby)
                Watch(found, campaign).recovers({"ok", "degraded"})
                journal.mark("another primary")
                workload.goes_on(100)
            lost: list[str] = []
            assert check(journal, found[0], MAX_LAG_S, None if is_synchronous else lost) == []
        campaign.count("synchronous" if is_synchronous else "asynchronous")
        seen += len(lost)
        campaign.count("lost writes", sum("is lost" in each for each in lost))
        campaign.count("answers that showed them", sum("showed" in each for each in lost))
    assert seen, "nothing was lost, so nobody has seen what that does"


def test_databases_that_go_back(database_url: str, campaign: Campaign, tmp_path: Path) -> None:
    with (
        backup_of(database_url, tmp_path / "backup") as backup,
        services(
            {"cdb.database.url": database_url, "cdb.compiled": str(tmp_path / "compiled")},
            {"cdb.database.url": database_url},
        ) as found,
    ):
        watch = Watch(found, campaign)
        for _ in campaign.rounds():
            journal, lost = Journal(), []
            with Workload(found, campaign, journal) as workload:
                for _ in range(2):
                    workload.goes_on(campaign.random.randint(20, 150))
                    backup.make()
                    workload.goes_on(campaign.random.randint(20, 150))
                    backup.restore()
                    watch.recovers()
                    journal.mark("restored")
                workload.goes_on(150)
            assert check(journal, found[0], 0.0, lost) == []
            campaign.count("lost writes", sum("is lost" in each for each in lost))
            campaign.count("answers that showed them", sum("showed" in each for each in lost))
