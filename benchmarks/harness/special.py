"""What the programs that measure one thing share: options, a service, one who asks it."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager

from harness.client import Client
from harness.generators import Connection
from harness.loading import load
from harness.scenarios import scenario
from harness.service import Started, Wanted, beside, here, setting


def parser(
    description: str | None, *, lists: int, iovs: int, runs: bool = False, tag: bool = False
) -> argparse.ArgumentParser:
    """Return a parser with the options that all of them have, by default so many lists and IOVs.

    With `runs` also how often those measure that do so more than once; with `tag` those of the
    programs that take a tag of a database that is there.
    """
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    add = made.add_argument
    add("--lists", type=int, default=lists, help=f"in a tag ({lists})")
    add("--iovs", type=int, default=iovs, help=f"in a list ({iovs})")
    add("--threads", type=int, default=8, help="of the service that is started (8)")
    add("--set", type=setting, nargs="+", default=[], metavar="KEY=VALUE", help="of its ini")
    if runs:
        add("--runs", type=int, default=3, help="the median of so many is printed (3)")
    if tag:
        add("--database", help="one that holds the tag; it is written to")
        add("--tag", help="an existing tag; without it one is loaded")
    return made


@contextmanager
def service(options: argparse.Namespace) -> Iterator[Started]:
    """Start a service with a new database, or with the one that the options name."""
    wanted = Wanted(dict(options.set), threads=options.threads)
    named = getattr(options, "database", None)
    with beside(named, wanted) if named else here(wanted) as place, place.service() as found:
        yield found


def loaded(client: Client, options: argparse.Namespace) -> str:
    """Return the name of the tag that the options name, or else of one that is brought in."""
    named: str | None = getattr(options, "tag", None)
    if named:
        return named
    made = scenario(f"{options.lists}x{options.iovs}")
    load(client, made, rows=50_000)
    return made.tags[0]


_ETAG = re.compile(rb"\r\netag: *(\S+)", re.IGNORECASE)
_CLOSED = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Asker:
    """Sends one GET after the other, on one connection for as long as the service keeps it.

    waitress closes it after a 304, so that opening the next one is a part of what follows.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = Connection(url)

    def __call__(self, path: str, known: str | None = None) -> bytes:
        """Return the body of an answer; `known` is the ETag of one that the asker has.

        Raises:
            SystemExit: it is no 200, or with an ETag no 304.

        """
        if _CLOSED.search(self._head):
            self._connection.socket.close()
            self._connection = Connection(self._url)
        self._connection.send(path, f"If-None-Match: {known}\r\n" if known else "")
        while (status := self._connection.receive()) is None:
            pass
        if status != (304 if known else 200):
            raise SystemExit(f"{path}: {status} {self._connection.received[:500]!r}")
        return self._connection.received[len(self._head) + 4 :]

    def etag(self, path: str) -> str:
        """Return the ETag of an answer.

        Raises:
            SystemExit: it has none.

        """
        self(path)
        found = _ETAG.search(self._head)
        if not found:
            raise SystemExit(f"{path}: no ETag")
        return found[1].decode()

    @property
    def _head(self) -> bytes:
        return self._connection.received.partition(b"\r\n\r\n")[0]
