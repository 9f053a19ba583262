"""The numbers that a service gives to the payloads of a type: 1, 2, 3, … in order of arrival."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from cdb.store import reads
from cdb.store.changes import OpenChange
from cdb.store.iovs import IDS_A_STATEMENT
from cdb.store.models import Iov, Payload


class NewRevision(NamedTuple):
    """A payload that gets its number; its file is elsewhere, or comes later."""

    checksum: str
    file_name: str
    size: int | None
    revision: int


_OF_TYPE = select(Payload.checksum, Payload.revision).where(
    Payload.payload_type == bindparam("payload_type"), Payload.revision.is_not(None)
)
_BY_CHECKSUM = _OF_TYPE.where(Payload.checksum.in_(bindparam("some", expanding=True)))
_LAST = select(func.coalesce(func.max(Payload.revision), 0)).where(
    Payload.payload_type == bindparam("payload_type")
)
_LAST_ID = select(func.coalesce(func.max(Payload.id), 0))


class Stated(NamedTuple):
    """A payload of a log, with the revision that its payload IOVs say, which can be any text."""

    checksum: str
    payload_url: str
    size: int | None
    revision: str


_STATED = (
    select(
        func.lower(Iov.checksum).label("checksum"),
        func.min(Iov.payload_url),
        func.max(Iov.size),
        Iov.extra,
    )
    .where(Iov.series == bindparam("series"), Iov.extra.is_not(None), Iov.checksum != "")
    .group_by(func.lower(Iov.checksum), Iov.extra)
)
_NUMBERS = select(Payload.revision).where(
    Payload.payload_type == bindparam("payload_type"),
    Payload.revision.in_(bindparam("some", expanding=True)),
)


def stated_in(session: Session, series: int) -> list[Stated]:
    """Return the payloads of a log with the revisions that it says, in no order."""
    return [Stated._make(row) for row in reads.run(session, _STATED, series=series)]


def taken(session: Session, payload_type: str, numbers: Iterable[int]) -> set[int]:
    """Return those of some numbers that payloads of a type have."""
    wanted, found = sorted(set(numbers)), set[int]()
    for first in range(0, len(wanted), IDS_A_STATEMENT):
        some = wanted[first : first + IDS_A_STATEMENT]
        rows = reads.run(session, _NUMBERS, payload_type=payload_type, some=some)
        found.update(rows.scalars())
    return found


def of_checksums(session: Session, payload_type: str, checksums: Iterable[str]) -> dict[str, int]:
    """Return the numbers that payloads of a type have, by checksum."""
    wanted, found = sorted(set(checksums)), {}
    for first in range(0, len(wanted), IDS_A_STATEMENT):
        some = wanted[first : first + IDS_A_STATEMENT]
        rows = reads.run(session, _BY_CHECKSUM, payload_type=payload_type, some=some)
        found.update({row.checksum: int(row.revision) for row in rows})
    return found


def last(session: Session, payload_type: str) -> int:
    """Return the largest number that a payload of a type has; 0 where none has one."""
    return int(reads.run(session, _LAST, payload_type=payload_type).scalar_one())


def add(change: OpenChange, payload_type: str, new: Sequence[NewRevision]) -> None:
    """Note the numbers of payloads that have none yet."""
    first = int(reads.run(change.session, _LAST_ID).scalar_one()) + 1
    rows = [
        {
            **each._asdict(),
            "id": payload_id,
            "payload_type": payload_type,
            "created": change.at,
            "added_by": change.number,
        }
        for payload_id, each in enumerate(new, start=first)
    ]
    change.session.connection().execute(insert(Payload), rows)
