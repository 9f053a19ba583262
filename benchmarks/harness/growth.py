"""How cost grows: with the IOVs in a list, with the lists of a tag, with the connections."""

from harness import reads, writes
from harness.client import Client
from harness.figures import Figure
from harness.loading import load
from harness.measuring import Plan, tell
from harness.pace import Pace
from harness.results import Result
from harness.scenarios import Scenario, scenario
from harness.service import Started, at_rest

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
    with plan.service(NAME) as service:
        client = Client(service.url)
        for name, each in known.items():
            print(f"loading {name}", flush=True)
            load(client, each, plan.rows)
        version = at_rest(service.database) if isinstance(service, Started) else None
        figures = {name: _of_size(plan, client, each) for name, each in known.items()}
        asking = reads.asking(client, known[MIDDLE], Pace(CONNECTIONS), plan.generator)
        loads = [
            (each, [_query(plan, asking, client, known[MIDDLE], each)]) for each in CONNECTIONS
        ]
        client.close()
    sweeps = {
        what: [(size, figures[name]) for size, name in sizes.items()]
        for what, sizes in SIZES.items()
    }
    sweeps["connections"] = loads
    return Result(NAME, plan.variant, setting=plan.setting(asking), sweeps=sweeps), version


def _of_size(plan: Plan, client: Client, size: Scenario) -> list[Figure]:
    print(size.name, flush=True)
    cloned, _ = writes.clones(client, size, plan.pace)
    pairs = writes.pairs(client, size, plan.pace, 100)
    for figure in (*cloned, pairs):
        tell(figure)
    asking = reads.asking(client, size, Pace([USUAL]), plan.generator)
    return [*cloned, pairs, _query(plan, asking, client, size, USUAL)]


def _query(
    plan: Plan, asking: reads.Asking, client: Client, size: Scenario, connections: int
) -> Figure:
    places = size.places(reads.POINTS, f"growth {connections}")
    read = reads.Read("query.random", [reads.query(client, place) for place in places])
    figure = asking(read, connections, plan.pace.seconds)
    tell(figure)
    return figure
