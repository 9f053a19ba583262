"""Seconds of each check of `cdb verify` on a database, with its history."""

import argparse
from resource import RUSAGE_SELF, getrusage

import timeline
from harness.figures import table

from cdb.services.checks.check import Wanted
from cdb.services.verify import Checked, verify
from cdb.store.engine import Database


def main() -> None:
    """Verify a database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True, help="its URL; it is only read")
    parser.add_argument("--tag", help="only the lists of this tag")
    options = parser.parse_args()
    database = Database(options.database)
    wanted = Wanted(options.tag, history=True)
    events = verify(database, timeline.rules(options.database), None, wanted).events
    checks = [event for event in events if isinstance(event, Checked)]
    database.dispose()
    table(["check", "found", "s"], [[c.check, c.found, c.seconds] for c in checks])
    print(f"{getrusage(RUSAGE_SELF).ru_maxrss // 1024} MB of memory at most")


if __name__ == "__main__":
    main()
