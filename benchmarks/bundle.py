"""Seconds of making a bundle of a tag and of bringing it in, and milliseconds of queries on it."""

import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import timeline
from harness import special
from harness.client import Client
from harness.figures import median, table, timed

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

Ask = Callable[[tuple[int, int]], object]
"""Asks for what is valid at a point."""


def main() -> None:
    """Put a tag into a bundle, ask that, and bring it in again under another name."""
    parser = special.parser(__doc__, lists=200, iovs=5_000, tag=True)
    parser.add_argument("--queries", type=int, default=2_000)
    options = parser.parse_args()
    with special.service(options) as service, tempfile.TemporaryDirectory() as folder:
        tag = special.loaded(Client(service.url), options)
        database, rules = Database(service.database), timeline.rules(service.database)
        path = Path(folder) / "bundle.cdb"
        source = DatabaseSource(database, rules, tag)
        with uncollected(), progress("payload IOVs", source.n_iov) as told:
            made = timed(lambda: bundles.create(source, rules, path, told))
            size, iovs = path.stat().st_size, source.n_iov
            asked = queries(path, tag, options.queries)
            brought = timed(lambda: bring(database, rules, path, f"{tag}_{time.time_ns()}"))
        database.dispose()
    table(
        ["", "s", "IOVs/s", "MB"],
        [
            ["made", made, iovs / made, size / 10**6],
            ["brought in", brought, iovs / brought, size / 10**6],
        ],
    )
    table(["query", "median ms"], [[name, ms] for name, ms in asked.items()])


def bring(database: Database, rules: Rules, path: Path, name: str) -> None:
    """Bring the tag of a bundle in."""
    with files.opened(path) as bundled, database.writing() as session:
        source, writer = BundleSource(bundled, rules), Writer.operator("benchmark")
        imports.take(session, rules, writer, source, name)


def queries(path: Path, tag: str, count: int) -> dict[str, float]:
    """Return the milliseconds of a query at a random point, by who asks."""
    places = [(random.randrange(FAR), random.randrange(FAR)) for _ in range(count)]
    with files.opened(path) as database, database.statement() as reader, Bundle(path) as bundle:
        asked: dict[str, Ask] = {
            "the service's": lambda place: query.members_at(reader, tag, Point(*place)),
            "the client's": lambda place: bundle.valid_at(tag, *place),
        }
        return {
            who: median([timed(partial(ask, place)) for place in places]) * 1000
            for who, ask in asked.items()
        }


if __name__ == "__main__":
    main()
