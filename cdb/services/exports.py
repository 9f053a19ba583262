"""Reading a global tag out of a database whole, list after list, as of a change."""

from collections.abc import Iterator
from typing import Any, Protocol

from cdb.domain import points
from cdb.domain.points import ORIGIN
from cdb.domain.portable import (
    PortableIov,
    PortableList,
    PortableStatus,
    PortableTag,
    PortableType,
    Provenance,
)
from cdb.services import lookup, moments
from cdb.services.rules import Rules
from cdb.store import changes, iovs, log, reads
from cdb.store.engine import Database, Reader

PAGE = 20_000
"""Payload IOVs that are read at a time."""


class Source(Protocol):
    """A global tag that comes from somewhere.

    `lists` is taken once, in order, and each list whole before the next one.
    """

    @property
    def tag(self) -> PortableTag:
        """What the tag says of itself."""
        ...

    @property
    def provenance(self) -> Provenance:
        """Where it was taken from."""
        ...

    @property
    def n_iov(self) -> int:
        """How many payload IOVs it has, as far as is known before they are read."""
        ...

    def lists(self) -> Iterator[tuple[PortableList, Iterator[PortableIov]]]:
        """Yield the payload lists with their payload IOVs, in order of start."""
        ...

    def digest(self) -> str | None:
        """Return the digest that it has to have; it may be known only after its lists."""
        ...


class DatabaseSource:
    """A global tag of a database as of a change; what is written there meanwhile is not in it."""

    def __init__(self, database: Database, rules: Rules, written: str) -> None:
        """Look for a tag, written `tag` or `tag@change`.

        Raises:
            NotFound: no tag has this name, or had it then.
            Invalid: the change is wrong, or in the future.

        """
        self._database = database
        self._rules = rules
        with database.snapshot() as reader:
            name, moment = moments.of_tag(reader, written)
            record = lookup.tag(reader, name, moment.change)
            self._at = record.head
            self._types = {each.id: each for each in reads.types(reader, self._at)}
            self._lists = sorted(
                reads.lists_of(reader, record.id, self._at), key=lambda each: each.type
            )
            status = next(
                each
                for each in reads.statuses(reader, moment.change)
                if each.id == record.status_id
            )
            self._before = _came_from(reader, record)
        self._record = record
        self._status = PortableStatus(
            status.name, status.mode, bool(status.final), status.description
        )
        self._taken = changes.now()

    @property
    def tag(self) -> PortableTag:
        """What the tag says of itself."""
        record = self._record
        return PortableTag(
            record.name,
            self._status,
            record.author,
            record.description,
            record.contact,
            record.created,
        )

    @property
    def provenance(self) -> Provenance:
        """Where it was taken from."""
        record = self._record
        return Provenance(
            record.name,
            record.head,
            record.updated,
            record.nonce,
            self._taken,
            self._rules.iov_mode.value,
            self._rules.default_dimension,
            self._before,
            self._dimensions(),
        )

    @property
    def n_iov(self) -> int:
        """How many payload IOVs it has."""
        return sum(each.n_iov for each in self._lists)

    def lists(self) -> Iterator[tuple[PortableList, Iterator[PortableIov]]]:
        """Yield the payload lists by type, with their payload IOVs, page by page."""
        for each in self._lists:
            payload_type = self._portable(self._types[each.type_id])
            described = PortableList(
                payload_type, each.name, each.ends, each.description, each.contact, each.created
            )
            yield described, self._iovs(each)

    def digest(self) -> str | None:
        """Return the digest that was kept when the tag was closed."""
        return self._record.digest

    def _dimensions(self) -> dict[str, tuple[str, str]]:
        used = {self._portable(self._types[each.type_id]).dimension for each in self._lists}
        known = self._rules.dimensions
        return {name: known[name].components for name in sorted(used & known.keys())}

    def _portable(self, record: reads.TypeRecord) -> PortableType:
        return PortableType(
            record.name,
            record.dimension or self._rules.default_dimension,
            record.description,
            record.contact,
            record.created,
            record.validator,
            record.validator_options,
        )

    def _iovs(self, record: reads.ListRecord) -> Iterator[PortableIov]:
        view, low = record.view(self._at), ORIGIN
        while True:
            with self._database.statement() as reader:
                page = iovs.portable_page(reader, view, low, PAGE)
            yield from page
            if len(page) < PAGE:
                return
            low = points.after(page[-1].start)


def _came_from(reader: Reader, record: reads.TagRecord) -> dict[str, Any] | None:
    wanted = log.Wanted(
        before=record.head + 1, limit=1, newest_first=True, tag_id=record.id, action="import"
    )
    found = log.page(reader, wanted)
    return found[0].detail.get("provenance") if found else None
