"""Measure one scenario on one service, from loading it to the last figure."""

from harness import reads, writes
from harness.client import Client
from harness.figures import Figure, shown
from harness.loading import load
from harness.memory import Memory, memory
from harness.plan import Plan
from harness.results import Result
from harness.scenarios import Scenario
from harness.service import Service, Started

HEAD = f"{'':24}{'conn.':>6}{'per second':>22}{'median ms':>12}{'p99 ms':>12}  "


def measure(plan: Plan, scenario: Scenario) -> tuple[Result, str | None]:
    """Measure a scenario; return what was found, and the version of a database started here.

    What is loaded stays as it is, since all other writes go to clones: whoever measures the
    same database again, by another variant, finds the same.
    """
    measuring = Measuring(plan, scenario)
    with plan.place(scenario.name) as place:
        print(HEAD)
        with plan.service(place) as service:
            frozen = measuring.write(service)
        version = place.rest()
        place.compile(scenario.tags)
        # Where it was started here, another one: what the writes took is not its memory.
        with plan.service(place) as service:
            setting = measuring.read(service, frozen)
    found = Result(scenario.name, plan.variant, measuring.figures, setting, measuring.memory)
    return found, version


class Measuring:
    """What was found of one scenario until now."""

    def __init__(self, plan: Plan, scenario: Scenario) -> None:
        self.plan, self.scenario = plan, scenario
        self.figures: list[Figure] = []
        self.memory: dict[str, list[Memory]] = {}

    def write(self, service: Service) -> str:
        """Load, and measure what writes; return the name of a frozen clone."""
        scenario, pace, client = self.scenario, self.plan.pace, Client(service.url)
        print(f"loading {scenario.name}: {scenario.iovs:,} payload IOVs", flush=True)
        bulk = load(client, scenario, self.plan.rows)
        if bulk:
            self._add(bulk)
        cloned, names = writes.clones(client, scenario, pace)
        self._add(*cloned)
        self._add(writes.diff(client, scenario, names[-1], pace))
        coming = writes.targets(client, scenario, names[-1])
        self._add(writes.pairs(client, coming, pace))
        self._add(writes.single(client, coming, pace))
        for name in names:
            writes.delete(client, name)
        frozen = writes.frozen(client, scenario)
        client.close()
        return frozen

    def read(self, service: Service, frozen: str) -> dict[str, object]:
        """Measure what reads; return what a reader of the figures needs to know."""
        client, plan = Client(service.url), self.plan
        pid = service.pid if isinstance(service, Started) else None
        self._look("idle", pid)
        asking = reads.asking(client, self.scenario, plan.pace, plan.generator)
        asked = reads.reads(client, self.scenario, frozen, plan.pace)
        found = reads.in_turns(asking, asked, plan.pace, tell)
        self.figures += found
        self._add(*reads.at_half(asking, asked, found, plan.pace))
        self._look("after queries", pid)
        self._add(writes.whole(client, self.scenario, pid, plan.pace))
        client.close()
        return plan.setting | asking.setting

    def _look(self, when: str, pid: int | None) -> None:
        if pid is not None:
            self.memory[when] = memory(pid)

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
