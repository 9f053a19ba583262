"""How far a long command is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from cdb_client.commands.progress import progress as bar

_LINES = 10
"""Lines that are printed where there is no terminal to draw on."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give what is to be told how many more of a number are done.

    On a terminal there is a bar, else now and then a line; both on standard error.

    Args:
        what: is done, as in `payload IOVs`.
        total: how many there are.

    """
    if sys.stderr.isatty():
        with bar(what, total) as told:
            yield told
    else:
        yield _Lines(what, total)


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._done = 0

    def __call__(self, count: int) -> None:
        before = self._done * _LINES // max(self._total, 1)
        self._done += count
        if self._done * _LINES // max(self._total, 1) > before:
            click.echo(f"{self._done:,} of {self._total:,} {self._what}", err=True)
