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

from cdb.domain.content import Stretch, joined


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


def of_list(stretches: Iterable[Stretch]) -> LogDigest:
    """Return the digest of what a list shows; only the last stretch is held in memory.

    Args:
        stretches: in order of start, without overlaps.

    """
    content, intervals = sha256(), 0
    for stretch in joined(stretches):
        content.update(_line(*stretch.start, *stretch.end, *stretch.content))
        intervals += 1
    return LogDigest(content.hexdigest(), intervals)


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
