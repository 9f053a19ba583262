"""The digest of what a global tag answers: the same on every server and database.

It covers the payload types with their dimensions, and which payload is valid
where. Names of tags and lists, ids, sizes, times, and how the axis was cut into
rows are left out. The definition is docs/digest.md; what it gives must never
change, since papers cite it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import orjson

from cdb.domain.content import Stretch


@dataclass(frozen=True, slots=True)
class LogDigest:
    """The digest of what a log shows, and of how many intervals it is, those that touch joined.

    `digest` is 64 hexadecimal digits, as are all others here.
    """

    digest: str
    intervals: int


@dataclass(frozen=True, slots=True)
class ListDigest:
    """What the digest of a global tag covers of one of its payload lists."""

    payload_type: str
    dimension: str
    digest: str
    intervals: int


class LogDigester:
    """Works out the digest of what a list shows while its intervals pass by, in order of start."""

    def __init__(self) -> None:
        self._content = sha256()
        self._intervals = 0
        self._last: Stretch | None = None

    def add(self, stretch: Stretch) -> None:
        """Count in an interval that follows the one before; those that touch may be joined."""
        last = self._last
        if last and last.end == stretch.start and last.content == stretch.content:
            self._last = last._replace(end=stretch.end)
            return
        self._close()
        self._last = stretch

    def digest(self) -> LogDigest:
        """Return the digest of all that passed; nothing may be added after."""
        self._close()
        self._last = None
        return LogDigest(self._content.hexdigest(), self._intervals)

    def _close(self) -> None:
        if self._last:
            last = self._last
            self._content.update(_line(*last.start, *last.end, *last.content))
            self._intervals += 1


def of_list(stretches: Iterable[Stretch]) -> LogDigest:
    """Return the digest of what a list shows; only the last stretch is held in memory.

    Args:
        stretches: in order of start, without overlaps.

    """
    digester = LogDigester()
    for stretch in stretches:
        digester.add(stretch)
    return digester.digest()


def of_tag(lists: Iterable[ListDigest]) -> str:
    """Return the digest of a global tag; the order of its lists does not matter.

    Args:
        lists: at most one of each payload type.

    """
    content = sha256()
    for each in sorted(lists, key=lambda each: each.payload_type):
        content.update(_line(each.payload_type, each.dimension, each.digest))
    return content.hexdigest()


def _line(*values: int | str | None) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)
