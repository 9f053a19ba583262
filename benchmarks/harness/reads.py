"""What clients read most: many connections at once, by a load generator."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.client import Client, change_of
from harness.constant import constant
from harness.figures import ENOUGH, Figure, in_the_middle, not_offered
from harness.generators import Answered, Generator, at_rate, drive
from harness.plan import Pace
from harness.scenarios import HOT, Place, Scenario

AT_HALF = ("query.random", "query.hot")
"""What is asked at a rate as well."""

CONNECTIONS = 50
"""Of a load at a rate, at most: so many requests may be under way."""

SPARE = 3
"""Times as fast the generator has to be as what it asks at a rate: else it would come late."""

FASTEST = 10_000
"""Random points that are asked in a second at the most."""

SMALL = 2048
"""Bytes of an answer up to which a tiny constant answer is the measure."""


@dataclass(frozen=True)
class Read:
    """Something that is read: the paths that are asked, none where it is not offered."""

    work: str
    paths: Sequence[str]
    bytes: int = SMALL + 1
    """Of an answer, where it is known."""

    def share(self, turn: int, pace: Pace) -> "Read":
        """Return a read of other points in each turn: what was just asked may be remembered.

        Turn 0 is to warm up, and the one after all turns for what comes at a rate.
        """
        if len(self.paths) <= HOT:
            return self
        size = len(self.paths) // (pace.turns + 2)
        return replace(self, paths=self.paths[turn * size : (turn + 1) * size])


Ceilings = dict[str, dict[int, float]]
"""Constant answers a second, `small` and `query`, by the number of connections."""


def reads(client: Client, scenario: Scenario, frozen: str | None, pace: Pace) -> list[Read]:
    """Return what is read of a scenario; `frozen` is a frozen clone of its first tag."""
    first, last = scenario.edges()
    at_random, hot = points(scenario, pace), scenario.places(HOT, "hot")
    change = change_of_tag(client, scenario.tags[0])
    of_clone = [(frozen, major, minor) for _, major, minor in hot] if frozen else []

    def as_of(places: Iterable[Place]) -> list[str]:
        return [f"{query(client, place)}&asOf={change}" for place in places if change is not None]

    asked = {
        "query.first": [query(client, first)],
        "query.last": [query(client, last)],
        "query.random": [query(client, place) for place in at_random],
        "query.hot": [query(client, place) for place in hot],
        "as_of.random": as_of(at_random),
        "as_of.hot": as_of(hot),
        "frozen.hot": [query(client, place) for place in of_clone],
        "globalTags": [f"{client.api}/globalTags"],
        "gtstatus": [f"{client.api}/gtstatus"],
        "gtPayloadLists": [f"{client.api}/gtPayloadLists/{tag}" for tag in scenario.tags],
        "live": ["/health/live"],
    }
    return [_looked_at(client, work, paths) for work, paths in asked.items()]


def points(scenario: Scenario, pace: Pace) -> list[Place]:
    """Return random points, as many as are asked in all turns, to warm up, and at a rate."""
    return scenario.places((pace.turns + 2) * math.ceil(FASTEST * pace.seconds), "random")


def query(client: Client, place: Place) -> str:
    """Return the path of the query at a point of a tag."""
    tag, major, minor = place
    return f"{client.api}/payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}"


def change_of_tag(client: Client, tag: str) -> int | None:
    """Return the last change of a tag, where the service has a history."""
    answer = client.ask("GET", query(client, (tag, 0, 0)))
    answer.read()
    return change_of(answer)


def _looked_at(client: Client, work: str, paths: Sequence[str]) -> Read:
    """Ask once, so that nothing is measured that is an error."""
    if not paths:
        return Read(work, [])
    answer = client.ask("GET", paths[0])
    content = answer.read()
    if answer.status == 200:
        return Read(work, paths, len(content))
    if work == "live":
        return Read(work, [])
    raise SystemExit(f"{paths[0]}: {answer.status} {content[:300]!r}")


@dataclass(frozen=True)
class Asking:
    """A load generator that is directed at a service, and how fast it can be at most."""

    root: str
    generator: Generator
    ceilings: Ceilings
    constant: str
    """What gave the constant answer."""

    alone: float
    """Constant answers a second that one process of ours gets, which asks at a rate."""

    @property
    def setting(self) -> dict[str, object]:
        """What a reader needs to know of the load generator."""
        return {"constant": self.constant, "ceilings": self.ceilings}

    def __call__(self, read: Read, connections: int, seconds: float) -> Figure:
        """Keep so many connections busy with a read."""
        if not read.paths:
            return not_offered(read.work, connections)
        found = self.generator(self.root, read.paths, connections, seconds)
        if found.count < 2 * connections:  # it is so slow that this says little
            found = self.generator(self.root, read.paths, connections, 5 * seconds)
        size = "small" if read.bytes <= SMALL else "query"
        figure = _figure(read, connections, found)
        return replace(figure, ceiling=self.ceilings[size][connections])

    def at_half(self, read: Read, full: Figure, connections: int, seconds: float) -> Figure:
        """Ask at random moments, half as often as a figure says is possible."""
        work, rate = f"{read.work}.half", (full.rate or 0.0) / 2
        if not rate:
            return not_offered(work, connections)
        if rate > self.alone / SPARE:
            return Figure(work, connections, note="more than our own generator can ask")
        found = at_rate(self.root, read.paths, connections, rate, seconds)
        return replace(_figure(read, connections, found), work=work, ceiling=self.alone)


def _figure(read: Read, connections: int, found: Answered) -> Figure:
    again = found.count > len(read.paths) > HOT
    return Figure(
        read.work,
        connections,
        count=found.count,
        rate=found.count / found.seconds,
        median_ms=found.median_ms if found.count else None,
        p99_ms=found.p99_ms if found.count >= ENOUGH else None,
        errors=found.errors,
        note="points were asked again" if again else "",
    )


def asking(client: Client, scenario: Scenario, pace: Pace, generator: Generator) -> Asking:
    """Direct a load generator at a service, and see how fast it is against constant answers.

    One of these is the service's own answer to a query of the scenario.
    """
    [place] = scenario.places(1, "ceiling")
    answer = client.ask("GET", query(client, place)).read()

    def rate(url: str, name: str, connections: int) -> float:
        found = generator(url, [f"/{name}"], connections, pace.short)
        return found.count / found.seconds

    with constant({"small": b"{}", "query": answer}) as served:
        alone = len(drive(served.url, ["/query"], CONNECTIONS, pace.short)[0]) / pace.short
        ceilings = {
            name: {number: rate(served.url, name, number) for number in pace.connections}
            for name in ("small", "query")
        }
    root = f"http://{client.host}:{client.port}"
    return Asking(root, generator, ceilings, served.name, alone)


def in_turns(
    ask: Asking, asked: Sequence[Read], pace: Pace, told: Callable[[Figure], None]
) -> list[Figure]:
    """Measure each read with each number of connections, run after run.

    Before the first run each is asked for a while, which does not count: what is asked again and
    again is remembered then by every process, and all threads are there.

    Returns of each the figure of the run in the middle.
    """
    turns = [(read, number) for number in pace.connections for read in asked]
    runs: list[list[Figure]] = []
    for run in range(pace.runs):
        runs.append([])
        for read, number in turns:
            if not run:
                ask(read.share(0, pace), number, pace.short)
            turn = 1 + run * len(pace.connections) + pace.connections.index(number)
            figure = ask(read.share(turn, pace), number, pace.seconds)
            told(figure)
            runs[-1].append(figure)
    return [in_the_middle(figures) for figures in zip(*runs, strict=True)]


def at_half(
    ask: Asking, asked: Sequence[Read], found: Sequence[Figure], pace: Pace
) -> Iterator[Figure]:
    """Measure some reads as clients ask that do not wait for each other, at half of the rate."""
    for read in asked:
        if read.work in AT_HALF:
            full = max((f for f in found if f.work == read.work), key=lambda each: each.rate or 0)
            yield ask.at_half(read.share(pace.turns + 1, pace), full, CONNECTIONS, pace.seconds)
