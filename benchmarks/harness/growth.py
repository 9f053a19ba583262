"""How cost grows: with the IOVs in a list, with the lists of a tag, with the connections."""

from collections.abc import Sequence
from dataclasses import replace

from harness import reads, writes
from harness.client import Client
from harness.figures import Figure
from harness.loading import load
from harness.measuring import tell
from harness.plan import Plan
from harness.results import Result
from harness.scenarios import Scenario, scenario

NAME = "growth"

USUAL = 4
"""Connections, where something else grows."""

SIZES = {
    "IOVs in a list": {each: f"100x{each}" for each in (10, 100, 1_000, 10_000)},
    "lists": {each: f"{each}x200" for each in (1, 10, 50, 100, 200, 400)},
}
"""Scenarios of growing size, by what grows; the rest stays the same."""

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128)
MIDDLE = "100x1000"
"""The scenario that more and more connections ask."""


def measure(plan: Plan) -> tuple[Result, str | None]:
    """Measure what grows; return what was found, and the version of a database started here."""
    known = {name: scenario(name) for sizes in SIZES.values() for name in sizes.values()}
    figures: dict[str, list[Figure]] = {}
    with plan.place(NAME) as place:
        with plan.service(place) as service:
            client = Client(service.url)
            for name, size in known.items():
                print(f"loading {name}", flush=True)
                load(client, size, plan.rows)
                figures[name] = _writes(plan, client, size)
            client.close()
        version = place.rest()
        place.compile([tag for size in known.values() for tag in size.tags])
        with plan.service(place) as service:
            client = Client(service.url)
            for name, size in known.items():
                print(name, flush=True)
                asking, found = _queries(plan, client, size, [USUAL])
                figures[name] += found
            print(MIDDLE, flush=True)
            _, loads = _queries(plan, client, known[MIDDLE], CONNECTIONS)
            client.close()
    sweeps = {
        what: [(size, figures[name]) for size, name in sizes.items()]
        for what, sizes in SIZES.items()
    }
    sweeps["connections"] = [(figure.connections, [figure]) for figure in loads]
    setting = plan.setting | asking.setting
    return Result(NAME, plan.variant, setting=setting, sweeps=sweeps), version


def _writes(plan: Plan, client: Client, size: Scenario) -> list[Figure]:
    found, names = writes.clones(client, size, plan.pace)
    found.append(writes.pairs(client, writes.targets(client, size, names[-1]), plan.pace, 100))
    for figure in found:
        tell(figure)
    for name in names:
        writes.delete(client, name)
    return found


def _queries(
    plan: Plan, client: Client, size: Scenario, connections: Sequence[int]
) -> tuple[reads.Asking, list[Figure]]:
    pace = replace(plan.pace, connections=connections)
    paths = [reads.query(client, place) for place in reads.points(size, pace)]
    read = reads.Read("query.random", paths)
    asking = reads.asking(client, size, pace, plan.generator)
    return asking, reads.in_turns(asking, [read], pace, tell)
