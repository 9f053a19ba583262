"""Measure one scenario on one service, from loading it to the last figure."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import nginx, reads, writes
from harness.client import Client
from harness.figures import Figure, shown
from harness.generators import Generator
from harness.loading import load
from harness.memory import Memory, memory
from harness.pace import Pace
from harness.results import Result
from harness.scenarios import Scenario
from harness.service import Service, Started, Wanted, at_rest, started

HEAD = f"{'':24}{'conn.':>6}{'per second':>22}{'median ms':>12}{'p99 ms':>12}  "


@dataclass(frozen=True)
class Plan:
    """How to measure: what is started where no URL is given, and how long to look."""

    generator: Generator
    url: str | None = None
    wanted: Wanted = field(default_factory=Wanted)
    pace: Pace = field(default_factory=Pace)
    variant: str = "cdb"
    rows: int = 50_000
    """Of a bulk request, at most."""

    data: Path | None = None
    """Where the databases of the services that are started stay."""

    nginx: bool = False
    """Whether all goes through an nginx, as cdb ships it."""

    @contextmanager
    def service(self, name: str) -> Iterator[Service]:
        """Give the service that is measured, through nginx if that is wanted."""
        with self._behind(name) as service:
            if self.nginx:
                with nginx.in_front(service.url) as front:
                    yield replace(service, url=front.url)
            else:
                yield service

    @contextmanager
    def _behind(self, name: str) -> Iterator[Service]:
        """Give the service itself, or start one with a database for a scenario."""
        if self.url:
            yield Service(self.url.rstrip("/"))
            return
        print("starting PostgreSQL and cdb serve", flush=True)
        with started(self.wanted, self.data / name if self.data else None) as service:
            yield service

    def setting(self, asking: reads.Asking) -> dict[str, object]:
        """Return what a reader needs to know of what was measured."""
        here = {
            "settings": dict(self.wanted.settings),
            "arguments": self.wanted.arguments,
            "threads": self.wanted.threads,
        }
        return {
            "service": {"url": self.url} if self.url else here,
            "nginx": self.nginx,
            "seconds": self.pace.seconds,
            "runs": self.pace.runs,
            "generator": self.generator.name,
            "constant": asking.constant,
            "ceilings": asking.ceilings,
        }


def measure(plan: Plan, scenario: Scenario) -> tuple[Result, str | None]:
    """Measure a scenario; return what was found, and the version of a database started here."""
    with plan.service(scenario.name) as service:
        return Measuring(plan, scenario, service).result()


class Measuring:
    """One scenario on one service."""

    def __init__(self, plan: Plan, scenario: Scenario, service: Service) -> None:
        self.plan, self.scenario, self.service = plan, scenario, service
        self.pid = service.pid if isinstance(service, Started) else None
        self.client = Client(service.url)
        self.figures: list[Figure] = []
        self.memory: dict[str, list[Memory]] = {}

    def result(self) -> tuple[Result, str | None]:
        """Load, measure, and return what was found and the version of the database."""
        self._look("idle")
        print(HEAD)
        version = self._load()
        pace = self.plan.pace
        cloned, names = writes.clones(self.client, self.scenario, pace)
        self._add(*cloned)
        asking = self._ask(names.frozen)
        self._look("after queries")
        self._add(writes.whole(self.client, self.scenario, self.pid, pace))
        self._add(writes.diff(self.client, self.scenario, names.written, pace))
        self._add(writes.pairs(self.client, self.scenario, pace))
        self._add(writes.single(self.client, self.scenario, pace))
        self.client.close()
        setting = self.plan.setting(asking)
        found = Result(self.scenario.name, self.plan.variant, self.figures, setting, self.memory)
        return found, version

    def _load(self) -> str | None:
        print(f"loading {self.scenario.name}: {self.scenario.iovs:,} payload IOVs", flush=True)
        bulk = load(self.client, self.scenario, self.plan.rows)
        if bulk:
            self._add(bulk)
        return at_rest(self.service.database) if isinstance(self.service, Started) else None

    def _ask(self, frozen: str) -> reads.Asking:
        pace = self.plan.pace
        asking = reads.asking(self.client, self.scenario, pace, self.plan.generator)
        asked = reads.reads(self.client, self.scenario, frozen)
        at_random = next(read for read in asked if read.work == "query.random")
        asking(at_random, pace.connections[0], pace.short)  # the first requests of all are slower
        self.figures += reads.in_turns(asking, asked, pace, tell)
        return asking

    def _look(self, when: str) -> None:
        if self.pid is not None:
            self.memory[when] = memory(self.pid)

    def _add(self, *figures: Figure) -> None:
        for figure in figures:
            tell(figure)
        self.figures += figures


def tell(figure: Figure) -> None:
    """Print a figure, as soon as it is known."""
    rate = f"{shown(figure.rate)} {figure.unit}" if figure.rate is not None else ""
    notes = [figure.note] if figure.note else []
    if figure.errors:
        notes.append(f"{figure.errors} errors")
    if figure.near_ceiling:
        notes.append(f"near the generator's ceiling of {shown(figure.ceiling)}")
    print(
        f"{figure.work:24}{figure.connections:6}{rate:>22}{shown(figure.median_ms):>12}"
        f"{shown(figure.p99_ms):>12}  {', '.join(notes)}",
        flush=True,
    )
