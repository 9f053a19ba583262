"""Writing to payload lists, of which a pinned one first gets a log of its own.

A clone shows the log of the list it was made from, pinned at the change of the
clone. Its first write copies that one list. What a pinned list shows never
changes, so the copy is made before the writer's lock is taken, into a series
that nothing points to; under the lock it is only published.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cdb.domain.statuses import WriteMode
from cdb.store import reads, writes
from cdb.store.changes import OpenChange


@dataclass(frozen=True, slots=True)
class Copy:
    """What a pinned list showed, copied into a series of its own."""

    source: int
    pinned_at: int | None
    series: int


def prepare(session: Session, records: Iterable[reads.ListRecord]) -> dict[str, Copy]:
    """Copy those of some payload lists that are pinned; call it before the lock is taken."""
    return {
        record.name: _copy(session, record)
        for record in records
        if record.pinned_at is not None and record.mode != WriteMode.CLOSED
    }


def discard(session: Session, copies: dict[str, Copy]) -> None:
    """Remove copies that nobody will point to; an error needs no such call."""
    for copy in copies.values():
        writes.drop_copy(session, copy.series)


def publish(
    change: OpenChange, record: reads.ListRecord, copies: dict[str, Copy]
) -> reads.ListRecord:
    """Return a payload list, as read under the lock, with a log that can be written to."""
    copy = copies.pop(record.name, None)
    if record.pinned_at is None:
        if copy:
            writes.drop_copy(change.session, copy.series)
        return record
    if copy is None or (copy.source, copy.pinned_at) != (record.series, record.pinned_at):
        # It was replaced by another list of this name in the meantime.
        copy = _copy(change.session, record)
    return writes.point_to(change, record, copy.series)


def _copy(session: Session, record: reads.ListRecord) -> Copy:
    return Copy(record.series, record.pinned_at, writes.copy_pinned(session, record))
