"""Seconds of pictures and of the digest of a tag, through the services, and their size."""

import gzip
import time

import diff
import orjson
from harness import special
from harness.client import Client
from harness.figures import table, timed

from cdb.domain.points import Interval, Point
from cdb.registry.plugins import load as load_plugins
from cdb.registry.rules import rules_of
from cdb.services import digest, lookup, timeline
from cdb.services.rules import Rules
from cdb.services.timeline import Wanted
from cdb.settings import load as load_settings
from cdb.store.changes import latest
from cdb.store.engine import Database

FAR = 2**31
"""All starts are below."""


def main() -> None:
    """Look at a tag for the first time and again, whole and in parts, and after a write."""
    parser = special.parser(__doc__, lists=200, iovs=26_000, runs=True, tag=True)
    parser.add_argument("--buckets", type=int, default=1500)
    options = parser.parse_args()
    with special.service(options) as service:
        client = Client(service.url)
        tag = special.loaded(client, options)
        database = Database(service.database)
        look = Look(database, rules(service.database), options.buckets)
        lines = pictures(look, tag, options.runs)
        lines += digests(look, tag)
        look.picture(tag, WHOLE)
        fork = diff.make_clone(client, tag, "fork")
        lines.append(["digest of a clone", timed(lambda: look.digest(fork)), "", "", ""])
        diff.write(client, fork)
        lines.append(["whole, after a write", *look.picture(fork, WHOLE)])
        lines.append(["digest, after a write", timed(lambda: look.digest(fork)), "", "", ""])
        database.dispose()
    table(["", "s", "IOVs", "kB", "kB gzip"], lines)


WHOLE = Interval(Point(0, 0), Point(FAR, 0))

Line = list[object]


class Look:
    """Looks at tags as they are now."""

    def __init__(self, database: Database, rules: Rules, buckets: int) -> None:
        self.database = database
        self.rules = rules
        self.buckets = buckets

    def picture(self, tag: str, window: Interval | None, lanes: int = 1000) -> Line:
        """Return the seconds that a picture takes, the IOVs in it, and its size."""
        wanted = Wanted(window, self.buckets, limit=lanes)
        with self.database.statement() as reader:
            record, (change, _) = lookup.tag(reader, tag), latest(reader)
        start = time.perf_counter()
        found = timeline.of_tag(self.database, self.rules, record, change, wanted)
        seconds = time.perf_counter() - start
        shown = orjson.dumps(found)
        iovs = sum(lane.iovs for lane in found.lanes)
        return [seconds, iovs, len(shown) / 1000, len(gzip.compress(shown, 6)) / 1000]

    def digest(self, tag: str) -> None:
        """Have the digest of a tag worked out."""
        with self.database.statement() as reader:
            record, (change, _) = lookup.tag(reader, tag), latest(reader)
        digest.of_tag(self.database, self.rules, record, change)


def pictures(look: Look, tag: str, runs: int) -> list[Line]:
    """Measure first and second looks at windows of several widths."""
    lines: list[Line] = []
    for name, width, lanes in (
        ("40 lanes, whole", FAR, 40),
        ("whole", FAR, 1000),
        ("a half", FAR // 2, 1000),
        ("a tenth", FAR // 10, 1000),
        ("a hundredth", FAR // 100, 1000),
        ("a millionth", FAR // 10**6, 1000),
    ):
        # Each run has a window of its own, of which nothing is remembered.
        windows = [Interval(Point(n, lanes), Point(n + width, 0)) for n in range(runs)]
        for when in ("first", "second"):
            found = [look.picture(tag, window, lanes) for window in windows]
            middle = sorted(found, key=lambda line: float(str(line[0])))[runs // 2]
            lines.append([f"{name}, {when} look", *middle])
    return lines


def digests(look: Look, tag: str) -> list[Line]:
    """Measure the digest of a tag, whose payloads are all read for it once."""
    return [
        [f"digest, {when} time", timed(lambda: look.digest(tag)), "", "", ""]
        for when in ("first", "second")
    ]


def rules(url: str) -> Rules:
    """Return the rules of a service of a database."""
    settings = load_settings({"cdb.database.url": url}, {})
    return rules_of(settings, load_plugins(settings))


if __name__ == "__main__":
    main()
