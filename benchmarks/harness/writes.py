"""What one client does alone: clones, writes one by one, long answers."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from harness.client import Client, Refused
from harness.figures import Figure, not_offered, of_times, timed
from harness.memory import growth
from harness.pace import Pace
from harness.scenarios import Scenario

PAIRS = 500
"""Payload IOVs that are attached one by one, if there is time enough."""


@dataclass(frozen=True)
class Clones:
    """Clones of the first tag of a scenario: one that was written to, and a frozen one."""

    written: str
    frozen: str


CLONES = 5
"""Of a tag, unless that takes too long."""


def clones(client: Client, scenario: Scenario, pace: Pace) -> tuple[list[Figure], Clones]:
    """Clone a tag, and write twice through each clone.

    The first write is the one that copies a list, where clones share theirs.
    """
    cloned: list[float] = []
    written: dict[str, list[float]] = {"clone.first_write": [], "clone.second_write": []}
    names = []
    while len(cloned) < CLONES and sum(cloned) < pace.enough:
        names.append(f"{scenario.tags[0]}_clone_{time.time_ns()}")
        clone = partial(client, "POST", f"cloneGlobalTag/{scenario.tags[0]}/{names[-1]}")
        cloned.append(timed(clone))
        if len(cloned) == 1 and cloned[0] < pace.enough:
            continue  # it stays as it is
        lists = client("GET", f"gtPayloadLists/{names[-1]}")
        for number, seconds in enumerate(written.values()):
            interval = scenario.interval(number, random.Random(names[-1]))
            seconds.append(attach(client, lists[scenario.payload_type(0)], interval)[1])
    client("PUT", f"gt_change_status/{names[0]}/frozen")
    figures = [of_times("clone", cloned), *(of_times(work, s) for work, s in written.items())]
    return figures, Clones(names[-1], names[0])


def attach(client: Client, name: str, interval: dict[str, int]) -> tuple[float, float]:
    """Insert a payload IOV and attach it: the seconds of each."""
    row = _payload_iov(name, interval)
    staged: list[int] = []
    inserted = timed(lambda: staged.append(client("POST", "piov", row)["id"]))
    body = {"payload_list": name, "piov_id": staged[0]}
    return inserted, timed(lambda: client("PUT", "piov_attach", body))


def pairs(client: Client, scenario: Scenario, pace: Pace, number: int = PAIRS) -> Figure:
    """Insert and attach payload IOVs, one after the other, each of both a transaction."""
    seconds: list[float] = []
    for name, interval in _coming(client, scenario, number):
        seconds.append(sum(attach(client, name, interval)))
        if sum(seconds) > pace.enough:
            break
    return of_times("pairs", seconds, "pairs")


def single(client: Client, scenario: Scenario, pace: Pace, number: int = PAIRS) -> Figure:
    """Do the same by one request for each payload IOV, where that is offered."""
    seconds: list[float] = []
    for name, interval in _coming(client, scenario, number):
        send = partial(client, "POST", f"payload-lists/{name}/iovs")
        try:
            seconds.append(timed(partial(send, [_payload_iov(name, interval)])))
        except Refused as refused:
            if refused.status not in {404, 405}:
                raise
            return not_offered("single")
        if sum(seconds) > pace.enough:
            break
    return of_times("single", seconds)


def _coming(
    client: Client, scenario: Scenario, number: int
) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield payload lists, and intervals that are attached to them: each time another list."""
    chance = random.Random(time.time_ns())
    lists = list(client("GET", f"gtPayloadLists/{scenario.tags[0]}").values())
    for done in range(number):
        yield lists[done % len(lists)], scenario.interval(done // len(lists), chance)


def _payload_iov(name: str, interval: dict[str, int]) -> dict[str, object]:
    return {"payload_url": f"{name}.root", "checksum": "0" * 32, **interval}


def whole(client: Client, scenario: Scenario, pid: int | None, pace: Pace) -> Figure:
    """Fetch a tag whole, in pieces, and see by how much the service grows meanwhile."""
    seconds: list[float] = []
    received = 0
    with growth(pid) as memory:
        while len(seconds) < pace.runs and sum(seconds) < pace.enough:
            start = time.perf_counter()
            received = sum(_pieces(client, f"{client.api}/globalTag/{scenario.tags[0]}"))
            seconds.append(time.perf_counter() - start)
    grown = memory[1] - memory[0] if memory else None
    return replace(of_times("whole", seconds), size_mb=received / 1e6, growth_mb=grown)


def diff(client: Client, scenario: Scenario, other: str, pace: Pace) -> Figure:
    """Compare a tag with a clone of it that was written to, where that is offered."""
    path = f"{client.api}/global-tags/{scenario.tags[0]}/diff/{other}"
    seconds: list[float] = []
    while len(seconds) < pace.runs and sum(seconds) < pace.enough:
        start = time.perf_counter()
        try:
            sum(_pieces(client, path))
        except Refused as refused:
            if refused.status != 404:
                raise
            return not_offered("diff")
        seconds.append(time.perf_counter() - start)
    return of_times("diff", seconds)


def _pieces(client: Client, path: str) -> Iterator[int]:
    answer = client.ask("GET", path)
    if answer.status != 200:
        raise Refused("GET", path, answer.status, answer.read())
    while piece := answer.read(2**20):
        yield len(piece)
