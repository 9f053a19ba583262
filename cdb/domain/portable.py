"""A global tag by itself, apart from the database that holds it: what bundles and files carry."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from cdb.domain.content import Content, Stretch
from cdb.domain.digest import ListDigest, LogDigest, of_tag
from cdb.domain.points import Point


class PortableIov(NamedTuple):
    """A payload IOV of a payload list; ends are exclusive.

    `declared` is the end that was asked for; `end` may lie before it, since
    something later cut it.
    """

    start: Point
    end: Point
    declared: Point
    payload_url: str
    checksum: str
    size: int | None
    revision: str | None
    inserted: datetime

    @property
    def stretch(self) -> Stretch:
        """What it answers, and where."""
        content = Content(self.payload_url, self.checksum, self.revision)
        return Stretch(self.start, self.end, content)


@dataclass(frozen=True, slots=True)
class PortableStatus:
    """The status of a global tag; `mode` is a write mode."""

    name: str
    mode: str
    final: bool
    description: str | None = None


@dataclass(frozen=True, slots=True)
class PortableType:
    """A payload type. Its dimension is named even where the service decides it."""

    name: str
    dimension: str
    description: str | None = None
    contact: str | None = None
    created: datetime | None = None
    validator: str | None = None
    validator_options: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PortableList:
    """A payload list without its payload IOVs."""

    payload_type: PortableType
    name: str
    ends: str
    description: str | None = None
    contact: str | None = None
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class PortableTag:
    """A global tag without its payload lists."""

    name: str
    status: PortableStatus
    author: str | None = None
    description: str | None = None
    contact: str | None = None
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a global tag was taken from.

    Attributes:
        global_tag: its name there.
        change: the last change that touched it.
        changed: when that was.
        nonce: of that change, which tells two databases apart.
        taken: when it was taken.
        iov_mode: how numbers of intervals were written there.
        default_dimension: what types without a dimension had there.
        before: where it had come from into that database, if it was not made there.
        dimensions: of its types: what each calls the major and the minor number. Empty
            where it was taken by a version that did not say so.

    """

    global_tag: str
    change: int
    changed: datetime
    nonce: str
    taken: datetime
    iov_mode: str
    default_dimension: str
    before: dict[str, Any] | None = None
    dimensions: dict[str, tuple[str, str]] = field(default_factory=dict)


def digest_of(lists: Iterable[tuple[PortableList, LogDigest]]) -> str:
    """Return the digest of a global tag that has these lists."""
    return of_tag(
        ListDigest(each.payload_type.name, each.payload_type.dimension, log.digest, log.intervals)
        for each, log in lists
    )
