"""Milliseconds of the query live, as of a change, of a pinned clone, and of a copy that holds."""

import random
import time
from collections.abc import Iterator, Mapping
from itertools import cycle, islice

import diff
from harness import reads, special
from harness.client import Client
from harness.figures import median, table
from harness.loading import body
from harness.scenarios import HOT

Request = tuple[str, str | None]
"""A path, and the ETag of the answer that the client has."""

BUDGETS = {"as of its head": 1.5, "as of an old change": 1.5, "pinned clone": 1.5, "304": 0.2}
"""How long each may take, live being 1."""


def main() -> None:
    """Load a tag, clone it, write to all of its lists again, and ask in turns."""
    parser = special.parser(__doc__, lists=200, iovs=26_000, runs=True, tag=True)
    parser.add_argument("--old", type=int, help="a change that the existing tag is asked as of")
    parser.add_argument("--requests", type=int, default=300, help="of each kind in each run")
    options = parser.parse_args()
    # Each is asked of the database: to give a kept answer again costs the same for all.
    options.set.insert(0, ("cdb.answers_mb", "0"))
    with special.service(options) as service:
        client = Client(service.url)
        tag = special.loaded(client, options)
        old = options.old or head(client, tag)
        clone = diff.make_clone(client, tag, "pinned")
        if not options.tag:
            write_again(client, tag, options.iovs // 100)
        asking = special.Asker(service.url)
        kinds = questions(asking, client, tag, f"{tag}@{head(client, tag)}", f"{tag}@{old}", clone)
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(options.runs + 1):
            for name, requests in kinds.items():
                taken[name].append(measure(asking, requests, options.requests))
    # The first run warms up what all of them share.
    figures = {name: median(runs[1:]) for name, runs in taken.items()}
    lines = [
        [name, ms, 1000 / ms, ms / figures["live"], BUDGETS.get(name, 1.0)]
        for name, ms in figures.items()
    ]
    table(["", "ms", "requests/s", "of live", "budget"], lines)


def questions(
    asking: special.Asker, client: Client, tag: str, at_head: str, at_old: str, clone: str
) -> Mapping[str, Iterator[Request]]:
    """Return what is asked, by name: the query at random points, and a copy that still holds."""
    chance = random.Random(2)
    asked = {
        "live": tag,
        "as of its head": at_head,
        "as of an old change": at_old,
        "pinned clone": clone,
    }
    hot = list(islice(paths(client, tag, chance), HOT))
    known = cycle([(path, asking.etag(path)) for path in hot])
    at_random = {
        name: ((path, None) for path in paths(client, each, chance))
        for name, each in asked.items()
    }
    return {**at_random, "304": known}


def paths(client: Client, tag: str, chance: random.Random) -> Iterator[str]:
    """Yield queries at random points."""
    while True:
        yield reads.query(client, (tag, chance.getrandbits(31), chance.getrandbits(31)))


def measure(asking: special.Asker, requests: Iterator[Request], number: int) -> float:
    """Return the median of the milliseconds of some requests, one after the other."""
    taken = []
    for path, known in islice(requests, number):
        start = time.perf_counter()
        asking(path, known)
        taken.append((time.perf_counter() - start) * 1000)
    return median(taken)


def head(client: Client, tag: str) -> int:
    """Return the last change that touched a tag."""
    newest = client("GET", f"global-tags/{tag}/history?order=desc&limit=1")
    return int(newest["changes"][0]["change"])


def write_again(client: Client, tag: str, iovs: int) -> None:
    """Write further payload IOVs to each list of a tag, which cut those that are there."""
    chance = random.Random(3)
    for name in client("GET", f"gtPayloadLists/{tag}").values():
        starts = ((chance.getrandbits(31), chance.getrandbits(31)) for _ in range(iovs))
        client("POST", "bulk_piov", body([(name, *start) for start in starts]))


if __name__ == "__main__":
    main()
