"""Requests per second of hot points through nginx while their tag changes; how old answers are.

The load generator looks at no answer. Beside it a client asks for the same points, and compares
the change that each answer reflects with those that were confirmed before it asked.
"""

import argparse
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, cycle
from typing import NamedTuple

from harness import nginx, reads
from harness.client import Client, change_of
from harness.figures import table
from harness.generators import generator
from harness.loading import load
from harness.scenarios import HOT, scenario
from harness.service import Wanted, here

PAUSE = 0.02
"""Seconds between two looks: the machine has other work to do."""


class Written(NamedTuple):
    """A change, and when it was confirmed, in monotonic seconds."""

    change: int
    at: float


class Seen(NamedTuple):
    """An answer: when it was asked for, the change it reflects, whether nginx gave it."""

    at: float
    change: int
    from_nginx: bool


def main() -> None:
    """Start a service with nginx in front, and do all at once for some seconds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", default="200x26000")
    parser.add_argument("--freshness-ms", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--writes", type=float, default=5.0, help="a second, at most (5)")
    parser.add_argument("--serve", default="", metavar="ARGUMENTS", help="of cdb serve")
    options = parser.parse_args()
    asked = scenario(options.scenario)
    settings = {"cdb.freshness_ms": str(options.freshness_ms)}
    with (
        here(Wanted(settings=settings, arguments=options.serve)) as place,
        place.service() as service,
        nginx.in_front(service.url) as front,
    ):
        client = Client(service.url)
        load(client, asked, 50_000)
        place.rest()
        paths = [reads.query(client, each) for each in asked.places(HOT, "hot")]
        client.close()
        ask, done = generator(), threading.Event()
        ask(front.url, paths, options.connections, 1.0)
        with ThreadPoolExecutor(2) as pool:
            writing = pool.submit(write, service.url, asked.tags[0], 1 / options.writes, done)
            looking = pool.submit(look, front.url, paths, done)
            try:
                found = ask(front.url, paths, options.connections, options.seconds)
            finally:
                done.set()
        written, seen = writing.result(), looking.result()
    oldest = max(age(written, each) for each in seen)
    figures = {
        "requests/s": found.count / found.seconds,
        "median ms": found.median_ms,
        "p99 ms": found.p99_ms,
        "errors": found.errors,
        "writes": len(written),
        "looked at": len(seen),
        "by nginx": sum(each.from_nginx for each in seen),
        "oldest ms": oldest * 1000,
    }
    table(list(figures), [list(figures.values())])
    if oldest * 1000 > options.freshness_ms:
        raise SystemExit(f"an answer was older than {options.freshness_ms} ms")


def write(url: str, tag: str, pause: float, done: threading.Event) -> list[Written]:
    """Change a tag again and again, at the service itself, with so many seconds in between."""
    client, written = Client(url), []
    for number in count():
        body = {"description": f"written to {number} times"}
        answer = client.ask("PATCH", f"{client.api}/global-tags/{tag}", body)
        answer.read()
        written.append(Written(_change(change_of(answer)), time.monotonic()))
        if done.wait(pause):
            break
    client.close()
    return written


def look(url: str, paths: Sequence[str], done: threading.Event) -> list[Seen]:
    """Ask for one path after the other, and note what change each answer reflects."""
    client, seen = Client(url), []
    for path in cycle(paths):
        began = time.monotonic()
        answer = client.ask("GET", path)
        answer.read()
        place = answer.headers.get("CDB-Cache")
        seen.append(Seen(began, _change(change_of(answer)), place == "HIT"))
        if done.wait(PAUSE):
            break
    client.close()
    return seen


def age(written: Sequence[Written], seen: Seen) -> float:
    """Return for how many seconds the first change that an answer lacks had been confirmed."""
    missing = bisect_left(written, seen.change + 1, key=lambda each: each.change)
    return max(0.0, seen.at - written[missing].at) if missing < len(written) else 0.0


def _change(found: int | None) -> int:
    if found is None:
        raise SystemExit("an answer does not say which change it reflects")
    return found


if __name__ == "__main__":
    main()
