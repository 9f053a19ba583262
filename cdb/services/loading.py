"""Bringing whole payload lists into the database, as fast as it takes rows.

The rows go into a new log that nothing points to, before the writer's lock is
taken: others write on while a large list comes in. Under the lock the log only
gets its list.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from cdb.domain.digest import LogDigest, LogDigester
from cdb.domain.names import control_character
from cdb.domain.points import OPEN
from cdb.domain.portable import PortableIov
from cdb.errors import Invalid
from cdb.services import revisions
from cdb.services.payload_lists import NewList, add_lists
from cdb.services.rules import Rules
from cdb.store import bulk, writes
from cdb.store.changes import IOVS_TOLD, OpenChange, latest

CHUNK = 2_000
"""Payload IOVs that are written at a time."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A log that nothing points to yet.

    Attributes:
        series: its id.
        n_iov: how many payload IOVs it has.
        digest: of what it shows.
        told: the first of them, for the change log.

    """

    series: int
    n_iov: int
    digest: LogDigest
    told: tuple[PortableIov, ...]


def fill(session: Session, iovs: Iterable[PortableIov]) -> Filled:
    """Write payload IOVs into a new log; rolled back with the session if it fails.

    Payload types' validators are not asked: what comes in was valid where it is from.

    Args:
        session: of a write; call it before the lock is taken.
        iovs: in order of start, without overlaps; taken one by one.

    Raises:
        Invalid: they overlap, are not in order, or an interval is none.

    """
    # What nothing points to is as old as it likes, as long as that change is there.
    added_by = max(latest(session)[0], 1)
    series = writes.new_series(session)
    digester = LogDigester()
    told: tuple[PortableIov, ...] = ()
    count = 0
    checked = _checked(iovs, digester)
    while chunk := tuple(islice(checked, CHUNK)):
        ids = bulk.new_iov_ids(session, len(chunk))
        told = told or chunk[:IOVS_TOLD]
        rows = [
            bulk.IovRow(iov_id, series, *iov, added_by)
            for iov_id, iov in zip(ids, chunk, strict=True)
        ]
        bulk.insert_iovs(session, rows)
        count += len(chunk)
    return Filled(series, count, digester.digest(), told)


def publish(
    change: OpenChange, rules: Rules, lists: Sequence[tuple[NewList, Filled]]
) -> list[str]:
    """Give logs their payload lists, and return the names of these.

    Args:
        change: the open change, which its caller records.
        rules: of the service; where it numbers payloads, it goes on from what came in.
        lists: each with its log. A tag that they go into has none of their types yet.

    Raises:
        NameTaken: a live list has a name that was given.

    """
    names = add_lists(change, [each for each, _ in lists])
    for name, (new, filled) in zip(names, lists, strict=True):
        if rules.numbers_revisions:
            revisions.adopt(change, new.type_name, filled.series)
        writes.record_count(change, filled.series, filled.n_iov)
        told = (
            writes.told(
                name, iov.start, iov.end, iov.payload_url, iov.checksum, iov.size, iov.revision
            )
            for iov in filled.told
        )
        change.after.add(told, filled.n_iov)
    return names


def _checked(iovs: Iterable[PortableIov], digester: LogDigester) -> Iterator[PortableIov]:
    last = None
    for iov in iovs:
        points = (*iov.start, *iov.end, *iov.declared)
        if not iov.start < iov.end <= iov.declared or iov.declared > OPEN or min(points) < 0:
            raise Invalid(f"{iov.start} to {iov.end} is no interval.")
        if control_character(f"{iov.payload_url}{iov.checksum}{iov.revision}"):
            raise Invalid(f"The payload {iov.payload_url!r} has control characters.")
        if last and iov.start < last.end:
            raise Invalid(
                f"The payload IOVs that start at {last.start} and at {iov.start} overlap, "
                "or are not in order."
            )
        digester.add(iov.stretch)
        yield iov
        last = iov
