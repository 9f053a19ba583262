"""What the programs that measure one thing share: their options, and a service for them."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from harness.client import Client
from harness.loading import load
from harness.scenarios import scenario
from harness.service import Started, Wanted, beside, here, setting


def parser(
    description: str | None, *, runs: bool = False, tag: bool = False
) -> argparse.ArgumentParser:
    """Return a parser with the options that all of them have.

    With `runs` also how often those measure that do so more than once; with `tag` those of the
    programs that take a tag of a database that is there.
    """
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--threads", type=int, default=8, help="of the service that is started")
    made.add_argument(
        "--set", type=setting, nargs="+", default=[], metavar="KEY=VALUE", help="of its ini"
    )
    if runs:
        made.add_argument("--runs", type=int, default=3, help="the median of so many is printed")
    if tag:
        made.add_argument("--database", help="one that holds the tag; it is written to")
        made.add_argument("--tag", help="an existing tag; without it one is loaded")
    return made


@contextmanager
def service(options: argparse.Namespace) -> Iterator[Started]:
    """Start a service with a new database, or with the one that the options name."""
    wanted = Wanted(dict(options.set), threads=options.threads)
    named = getattr(options, "database", None)
    with beside(named, wanted) if named else here(wanted) as place, place.service() as found:
        yield found


def loaded(client: Client, lists: int, iovs: int) -> str:
    """Bring a tag with random starts in, and return its name."""
    made = scenario(f"{lists}x{iovs}")
    load(client, made, rows=50_000)
    return made.tags[0]
