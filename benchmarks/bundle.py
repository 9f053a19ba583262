"""Seconds of making a bundle of a tag and of bringing it in, and milliseconds of queries on it."""

import random
import tempfile
import time
from pathlib import Path

import bench
import diff
import timeline

from cdb.commands.progress import progress
from cdb.domain.points import Point
from cdb.services import bundles, imports
from cdb.services.bundles import BundleSource
from cdb.services.exports import DatabaseSource
from cdb.services.garbage import uncollected
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import bundles as files
from cdb.store import query
from cdb.store.engine import Database
from cdb_client.bundle import Bundle

FAR = 2**31
"""All starts are below."""


def main() -> None:
    """Put a tag into a bundle, ask that, and bring it in again under another name."""
    parser = bench.parser(__doc__)
    parser.add_argument("--database", help="a database that holds the tag; it gets another one")
    parser.add_argument("--tag", help="an existing tag; without it one is loaded")
    parser.add_argument("--lists", type=int, default=200)
    parser.add_argument("--iovs", type=int, default=5_000)
    parser.add_argument("--queries", type=int, default=2_000)
    options = parser.parse_args()
    with diff.service(options) as (client, url), tempfile.TemporaryDirectory() as folder:
        tag = options.tag or "Bundle"
        if not options.tag:
            bench.load(client, tag, options.lists, options.iovs)
        database, rules = Database(url), timeline.rules(url)
        path = Path(folder) / "bundle.cdb"
        source = DatabaseSource(database, rules, tag)
        with uncollected(), progress("payload IOVs", source.n_iov) as told:
            made = bench.timed(lambda: bundles.create(source, rules, path, told))
            size, iovs = path.stat().st_size, source.n_iov
            asked = queries(path, tag, options.queries)
            brought = bench.timed(lambda: bring(database, rules, path, f"{tag}_{time.time_ns()}"))
        database.dispose()
    bench.table(
        ["", "s", "IOVs/s", "MB"],
        [
            ["made", made, iovs / made, size / 10**6],
            ["brought in", brought, iovs / brought, size / 10**6],
        ],
    )
    bench.table(["query", "median ms"], [[name, ms] for name, ms in asked.items()])


def bring(database: Database, rules: Rules, path: Path, name: str) -> None:
    """Bring the tag of a bundle in."""
    with files.opened(path) as bundled, database.writing() as session:
        source, writer = BundleSource(bundled, rules), Writer.operator("benchmark")
        imports.take(session, rules, writer, source, name)


def queries(path: Path, tag: str, count: int) -> dict[str, float]:
    """Return the milliseconds of a query at a random point, by who asks."""
    places = [(random.randrange(FAR), random.randrange(FAR)) for _ in range(count)]
    with files.opened(path) as database, database.statement() as reader, Bundle(path) as bundle:
        return {
            "the service's": median(
                [bench.timed(lambda p=p: query.members_at(reader, tag, Point(*p))) for p in places]
            ),
            "the client's": median(
                [bench.timed(lambda p=p: bundle.valid_at(tag, *p)) for p in places]
            ),
        }


def median(seconds: list[float]) -> float:
    """Return the median in milliseconds."""
    return bench.median(seconds) * 1000


if __name__ == "__main__":
    main()
