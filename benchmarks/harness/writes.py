"""What one client does alone: clones, writes one by one, long answers."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count, islice

from harness.client import Client, Refused
from harness.figures import Figure, not_offered, of_times, one_by_one, timed
from harness.memory import growth
from harness.plan import Pace
from harness.scenarios import Scenario

PAIRS = 500
"""Payload IOVs that are attached one by one, if there is time enough."""

OFTEN = 5
"""How often a tag is cloned, compared or fetched whole, unless that takes too long."""

LISTS = 10
"""Payload lists of a clone that payload IOVs are attached to, one after the other."""

Target = tuple[str, dict[str, int]]
"""A payload list, and the interval of a payload IOV that is attached to it."""


def clones(client: Client, scenario: Scenario, pace: Pace) -> tuple[list[Figure], list[str]]:
    """Clone the first tag of a scenario, and write twice through each clone: their names, too.

    The first write is the one that copies a list, where clones share theirs.
    """
    cloned: list[float] = []
    written: dict[str, list[float]] = {"clone.first_write": [], "clone.second_write": []}
    names = []
    while len(cloned) < OFTEN and sum(cloned) < pace.enough:
        names.append(f"{scenario.tags[0]}_clone_{time.time_ns()}")
        cloned.append(timed(partial(clone, client, scenario, names[-1])))
        lists = client("GET", f"gtPayloadLists/{names[-1]}")
        for number, seconds in enumerate(written.values()):
            interval = scenario.interval(number, random.Random(names[-1]))
            seconds.append(attach(client, lists[scenario.payload_type(0)], interval))
    return [of_times("clone", cloned), *(of_times(work, s) for work, s in written.items())], names


def clone(client: Client, scenario: Scenario, name: str) -> None:
    """Clone the first tag of a scenario."""
    client("POST", f"cloneGlobalTag/{scenario.tags[0]}/{name}")


def frozen(client: Client, scenario: Scenario) -> str:
    """Return the name of a frozen clone of the first tag; it is made where it is not there."""
    name = f"{scenario.tags[0]}_frozen"
    if name not in {tag["name"] for tag in client("GET", "globalTags")}:
        clone(client, scenario, name)
        client("PUT", f"gt_change_status/{name}/frozen")
    return name


def delete(client: Client, tag: str) -> None:
    """Delete a clone, so that what is measured later is measured with as many tags as now."""
    try:
        client("DELETE", f"deleteGlobalTag/{tag}")
    except Refused as refused:
        print(f"{tag} stays: {refused}")


def attach(client: Client, name: str, interval: dict[str, int]) -> float:
    """Insert a payload IOV and attach it; return the seconds that the second of these takes."""
    staged = client("POST", "piov", _payload_iov(name, interval))["id"]
    body = {"payload_list": name, "piov_id": staged}
    return timed(lambda: client("PUT", "piov_attach", body))


def targets(client: Client, scenario: Scenario, tag: str) -> Iterator[Target]:
    """Yield what is attached to a clone, each time to another of its lists, without an end.

    Each of these lists is written to beforehand: where clones share them, that copies it.
    """
    chance = random.Random(time.time_ns())
    lists = list(client("GET", f"gtPayloadLists/{tag}").values())[:LISTS]
    coming = ((name, scenario.interval(turn, chance)) for turn in count(2) for name in lists)
    for name, interval in islice(coming, len(lists)):
        attach(client, name, interval)
    yield from coming


def pairs(client: Client, coming: Iterator[Target], pace: Pace, number: int = PAIRS) -> Figure:
    """Insert payload IOVs and attach them, one after the other, each of both a transaction."""
    steps = (partial(attach, client, *target) for target in islice(coming, number))
    return one_by_one("pairs", steps, pace.enough, "pairs")


def single(client: Client, coming: Iterator[Target], pace: Pace, number: int = PAIRS) -> Figure:
    """Do the same by one request for each payload IOV, where that is offered."""

    def send(name: str, interval: dict[str, int]) -> None:
        client("POST", f"payload-lists/{name}/iovs", [_payload_iov(name, interval)])

    steps = (partial(send, *target) for target in islice(coming, number))
    try:
        return one_by_one("single", steps, pace.enough)
    except Refused as refused:
        if refused.status not in {404, 405}:
            raise
        return not_offered("single")


def _payload_iov(name: str, interval: dict[str, int]) -> dict[str, object]:
    return {"payload_url": f"{name}.root", "checksum": "0" * 32, **interval}


def whole(client: Client, scenario: Scenario, pid: int | None, pace: Pace) -> Figure:
    """Fetch a tag whole, in pieces, and see by how much the service grows meanwhile."""
    fetched = Fetched(client, f"{client.api}/globalTag/{scenario.tags[0]}")
    with growth(pid) as memory:
        figure = one_by_one("whole", [fetched] * OFTEN, pace.enough)
    grown = memory[1] - memory[0] if memory else None
    return replace(figure, size_mb=fetched.size / 1e6, growth_mb=grown)


def diff(client: Client, scenario: Scenario, other: str, pace: Pace) -> Figure:
    """Compare a tag with a clone of it that was written to, where that is offered."""
    fetched = Fetched(client, f"{client.api}/global-tags/{scenario.tags[0]}/diff/{other}")
    try:
        return one_by_one("diff", [fetched] * OFTEN, pace.enough)
    except Refused as refused:
        if refused.status != 404:
            raise
        return not_offered("diff")


class Fetched:
    """A long answer that is fetched whenever this is called, in pieces of which none is kept."""

    def __init__(self, client: Client, path: str) -> None:
        self._client, self._path = client, path
        self.size = 0

    def __call__(self) -> None:
        """Fetch it.

        Raises:
            Refused: the answer is not a 200.

        """
        answer = self._client.ask("GET", self._path)
        if answer.status != 200:
            raise Refused("GET", self._path, answer.status, answer.read())
        self.size = 0
        while piece := answer.read(2**20):
            self.size += len(piece)
