"""Milliseconds of differences, gaps, ranges and usage in a tag, through the services."""

import argparse
import configparser
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import bench

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
    parser = bench.parser(__doc__)
    parser.add_argument("--database", help="a database that holds the tag; it gets two clones")
    parser.add_argument("--tag", help="an existing tag; without it one is loaded")
    parser.add_argument("--lists", type=int, default=200)
    parser.add_argument("--iovs", type=int, default=26_000)
    options = parser.parse_args()
    with service(options) as (client, url):
        tag = options.tag or "Diff"
        if not options.tag:
            bench.load(client, tag, options.lists, options.iovs)
        clone, fork = (make_clone(client, tag, name) for name in ("clone", "fork"))
        write(client, fork)
        database = Database(url)
        lines = [
            [name, *measured(work, options.runs)]
            for name, work in works(database, tag, clone, fork).items()
        ]
        database.dispose()
    bench.table(["", "ms", "found"], lines)


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
    return bench.median(figures[1:]), found


@contextmanager
def service(options: argparse.Namespace) -> Iterator[tuple[bench.Client, str]]:
    """Give a client of a service, and the URL of its database."""
    if options.database:
        with tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as folder:
            ini = Path(folder) / "benchmark.ini"
            url = options.database.replace("%", "%%")
            ini.write_text(bench.INI.format(url=url, threads=options.threads))
            with bench.serving(ini) as started:
                yield bench.Client(started.url), options.database
        return
    with bench.service(options) as started:
        ini = configparser.ConfigParser()
        ini.read(started.ini)
        yield bench.Client(started.url), ini["app:main"]["cdb.database.url"]


def make_clone(client: bench.Client, tag: str, name: str) -> str:
    """Return the name of a new clone of a tag."""
    target = f"{tag}_{name}_{time.time_ns()}"
    client("POST", f"{bench.API}/cloneGlobalTag/{tag}/{target}")
    return target


def write(client: bench.Client, tag: str) -> None:
    """Write one payload IOV to one list of a tag."""
    lists: Sequence[str] = list(client("GET", f"{bench.API}/gtPayloadLists/{tag}").values())
    row = {"payload_list": lists[len(lists) // 2], "payload_url": "u", "checksum": "c"}
    row |= {"major_iov": PLACE.major, "minor_iov": PLACE.minor}
    row |= {"major_iov_end": PLACE.major, "minor_iov_end": PLACE.minor + 1}
    client("POST", f"{bench.API}/bulk_piov", [row])


if __name__ == "__main__":
    main()
