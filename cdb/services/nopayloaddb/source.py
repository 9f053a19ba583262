"""Where an import reads: the database of nopayloaddb, or its API."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from cdb.domain.points import Point
from cdb.domain.untangling import LegacyRow
from cdb.store.nopayloaddb import (
    LegacyAnswer,
    LegacyList,
    LegacyStatus,
    LegacyTag,
    LegacyType,
)


class State(Protocol):
    """What nopayloaddb has, as of one moment as far as the source can."""

    def statuses(self) -> list[LegacyStatus]:
        """Return the statuses."""

    def types(self) -> list[LegacyType]:
        """Return the payload types."""

    def tags(self) -> list[LegacyTag]:
        """Return the global tags."""

    def lists(self) -> list[LegacyList]:
        """Return the payload lists."""

    def rows(self, which: LegacyList | None) -> Iterator[LegacyRow]:
        """Yield the payload IOVs of a list in order of start and id; of None those in no list."""

    def answers(self, tag: str, point: Point) -> dict[str, LegacyAnswer]:
        """Return what its query answers at a point, ended or not, by payload type."""


class Source(Protocol):
    """A nopayloaddb to import from.

    Attributes:
        name: what the change log calls it; it has no password.

    """

    name: str

    def state(self) -> AbstractContextManager[State]:
        """Give what it has now."""

    def close(self) -> None:
        """Close the connections."""
