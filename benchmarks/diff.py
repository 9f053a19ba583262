"""Milliseconds of differences, gaps, ranges and usage in a tag, through the services."""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from harness import special
from harness.client import Client
from harness.figures import median, table

from cdb.domain.points import AXIS, Interval, Point
from cdb.services import diff, gaps, lookup, ranges, usage
from cdb.store.changes import latest
from cdb.store.engine import Database

PLACE = Point(2**30, 1)
"""Where the fork is written to."""

WINDOW = Interval(Point(2**30, 0), Point(2**30 + 2**20, 0))
"""A part of the axis that holds one row in two thousand."""


def main() -> None:
    """Load a tag, clone it twice, write to one clone, and compare."""
    parser = special.parser(__doc__, lists=200, iovs=26_000, runs=True, tag=True)
    options = parser.parse_args()
    with special.service(options) as service:
        client = Client(service.url)
        tag = special.loaded(client, options)
        clone, fork = (make_clone(client, tag, name) for name in ("clone", "fork"))
        write(client, fork)
        database = Database(service.database)
        lines = [
            [name, *measured(work, options.runs)]
            for name, work in works(database, tag, clone, fork).items()
        ]
        database.dispose()
    table(["", "ms", "found"], lines)


def works(
    database: Database, tag: str, clone: str, fork: str
) -> dict[str, Callable[[], Iterable[object]]]:
    """Return what is measured, by name; each returns what it finds."""
    with database.statement() as reader:
        now, _ = latest(reader)
        whole, same, other = (diff.Side(lookup.tag(reader, n), now) for n in (tag, clone, fork))
    page = next(ranges.of_tag(database, whole.tag, now))
    early = diff.Side(whole.tag, 0)
    checksum = page.iovs[0].checksum
    return {
        "a clone": lambda: diff.intervals(database, whole, same),
        "a clone with one fork": lambda: diff.intervals(database, whole, other),
        "the same, which lists": lambda: diff.lists(database, whole, other),
        "the same, in a window": lambda: diff.intervals(database, whole, other, WINDOW),
        "the same, at a point": lambda: diff.at(database, whole, other, PLACE),
        "nothing, which lists": lambda: diff.lists(database, early, whole),
        "gaps": lambda: gaps.of_tag(database, whole.tag, now, AXIS),
        "gaps in a window": lambda: gaps.of_tag(database, whole.tag, now, WINDOW),
        "ranges in a window": lambda: chain.from_iterable(
            part.iovs for part in ranges.of_tag(database, whole.tag, now, WINDOW)
        ),
        "usage": lambda: chain.from_iterable(
            part.iovs for part in usage.of_checksum(database, checksum, now)
        ),
    }


def measured(work: Callable[[], Iterable[object]], runs: int) -> tuple[float, int]:
    """Return the median of the milliseconds of some work once warm, and how much it finds."""
    figures: list[float] = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        found = sum(1 for _ in work())
        figures.append((time.perf_counter() - start) * 1000)
    return median(figures[1:]), found


def make_clone(client: Client, tag: str, name: str) -> str:
    """Return the name of a new clone of a tag."""
    target = f"{tag}_{name}_{time.time_ns()}"
    client("POST", f"cloneGlobalTag/{tag}/{target}")
    return target


def write(client: Client, tag: str) -> None:
    """Write one payload IOV to one list of a tag."""
    lists: Sequence[str] = list(client("GET", f"gtPayloadLists/{tag}").values())
    row: dict[str, object] = {
        "payload_list": lists[len(lists) // 2],
        "payload_url": "u",
        "checksum": "c",
    }
    row |= {"major_iov": PLACE.major, "minor_iov": PLACE.minor}
    row |= {"major_iov_end": PLACE.major, "minor_iov_end": PLACE.minor + 1}
    client("POST", "bulk_piov", [row])


if __name__ == "__main__":
    main()
