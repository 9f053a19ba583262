"""Histories of many clients, while processes are killed and connections are cut.

The databases run on; what becomes of a history when they fail is tried elsewhere.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from cluster import cluster
from pooler import pooler
from sqlalchemy.engine import URL, make_url
from support import PATIENT
from torture.campaign import Campaign
from torture.checking import check
from torture.cutting import Cutter, cutter
from torture.deployed import Service, services
from torture.journal import Journal
from torture.workload import Workload

from cdb.store import migrate
from cdb.store.engine import Database

MAX_LAG_S = 2
FRESHNESS_MS = 300

Faults = Mapping[str, Callable[[], None]]
"""What can be done to a deployment, by the words that the report has for it."""


class Deployed(NamedTuple):
    """A deployment, the proxies that cut connections in it, and what else can be done to it.

    The first proxies stand before the services, in their order.
    """

    services: Sequence[Service]
    cutters: Sequence[Cutter]
    faults: Faults
    stale_s: float = 0.0

    @property
    def urls(self) -> list[str]:
        """Where clients ask: through the proxies."""
        return [
            f"http://127.0.0.1:{cut.port}"
            for cut, _ in zip(self.cutters, self.services, strict=False)
        ]

    def heal(self) -> None:
        """Let it be as before all faults."""
        for each in self.cutters:
            each.doomed = 0
        for service in self.services:
            service.is_ready_soon()


@contextmanager
def on_sqlite(folder: Path, databases: Any, random: Random) -> Iterator[Deployed]:
    """A service with two processes."""
    with ExitStack() as stack:
        url = stack.enter_context(databases("sqlite"))
        settings = {**PATIENT, "cdb.database.url": url}
        made = stack.enter_context(services(folder, settings, 1))
        before = [stack.enter_context(cutter(each.port, random)) for each in made]
        faults = {**of_services(made, random), **of_connections("clients", before)}
        yield Deployed(made, before, faults)


@contextmanager
def on_postgresql(folder: Path, databases: Any, random: Random, number: int) -> Iterator[Deployed]:
    """So many services with two processes each on one server, which is never behind."""
    with ExitStack() as stack:
        url = make_url(stack.enter_context(databases("postgresql")))
        cut = stack.enter_context(cutter(_place_of(url), random))
        through = url.set(host="127.0.0.1", port=cut.port, query={})
        text = through.render_as_string(hide_password=False)
        settings = {**PATIENT, "cdb.database.url": text}
        made = stack.enter_context(services(folder, settings, number))
        before = [stack.enter_context(cutter(each.port, random)) for each in made]
        faults = {
            **of_services(made, random),
            **of_connections("clients", before),
            **of_connections("databases", [cut]),
        }
        yield Deployed(made, [*before, cut], faults)


def _place_of(url: URL) -> Path | tuple[str, int]:
    host, port = str(url.query.get("host") or url.host), url.port or 5432
    return Path(host) / f".s.PGSQL.{port}" if host.startswith("/") else (host, port)


@contextmanager
def on_replicas(folder: Path, random: Random, number: int) -> Iterator[Deployed]:
    """So many services, PgBouncer, a primary and two replicas; answers may be behind."""
    with ExitStack() as stack:
        primary, replicas = stack.enter_context(cluster(2))
        database = Database(primary.url())
        migrate.upgrade(database)
        database.dispose()
        pool = stack.enter_context(pooler([primary, *replicas], size=8))
        cut = stack.enter_context(cutter(pool.socket, random))
        settings = {
            **PATIENT,
            "cdb.database.url": pool.url(primary, cut.port),
            "cdb.database.replicas": " ".join(pool.url(node, cut.port) for node in replicas),
            "cdb.database.max_lag": f"PT{MAX_LAG_S}S",
            "cdb.freshness_ms": str(FRESHNESS_MS),
        }
        made = stack.enter_context(services(folder, settings, number))
        before = [stack.enter_context(cutter(each.port, random)) for each in made]

        def restart_pooler() -> None:
            pool.kill()
            pool.start()

        faults = {
            **of_services(made, random),
            **of_connections("clients", before),
            **of_connections("databases", [cut]),
            "PgBouncer killed": restart_pooler,
        }
        yield Deployed(made, [*before, cut], faults, MAX_LAG_S + FRESHNESS_MS / 1000)


def of_services(made: Sequence[Service], random: Random) -> Faults:
    """Return what can be done to services."""

    def kill() -> None:
        killed = random.choice(made)
        killed.kill()
        killed.start()

    return {
        "processes killed": lambda: random.choice(made).kill_one(random),
        "services killed": kill,
    }


def of_connections(name: str, cutters: Sequence[Cutter]) -> Faults:
    """Return what can be done to connections through proxies."""

    def cut_now() -> None:
        for each in cutters:
            each.cut_all()

    def cut_from_now_on() -> None:
        for each in cutters:
            each.doomed = 60
        cut_now()

    return {f"times {name} cut at once": cut_now, f"times {name} cut in between": cut_from_now_on}


@pytest.fixture(params=["sqlite", "postgresql", "replicas"])
def deployed(
    request: pytest.FixtureRequest, campaign: Campaign, databases: Any
) -> Iterator[Deployed]:
    """Each deployment; with fewer services in a few rounds, since to start one takes seconds."""
    number = 2 if campaign.is_long else 1
    with tempfile.TemporaryDirectory(prefix="cdb-histories-") as name:
        if request.param == "sqlite":
            made: Any = on_sqlite(Path(name), databases, campaign.random)
        elif request.param == "postgresql":
            made = on_postgresql(Path(name), databases, campaign.random, number)
        else:
            made = on_replicas(Path(name), campaign.random, number)
        with made as found:
            yield found


def test_histories(deployed: Deployed, campaign: Campaign) -> None:
    some = 200 if campaign.is_long else 40
    for _ in campaign.rounds():
        journal = Journal()
        with Workload(deployed.urls, campaign, journal) as workload:
            workload.goes_on(some)
            for fault in campaign.random.sample(
                sorted(deployed.faults), 4 if campaign.is_long else 3
            ):
                journal.mark(fault)
                deployed.faults[fault]()
                campaign.count(fault)
                workload.goes_on(campaign.random.randint(1, some))
            deployed.heal()
            workload.goes_on(some)
        assert check(journal, deployed.services[0].url, deployed.stale_s) == []
    campaign.note("connections cut", sum(each.cut for each in deployed.cutters))
