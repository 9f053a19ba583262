"""The numbers that a service gives to the payloads of a type: 1, 2, 3, … in order of arrival."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from cdb.store import reads
from cdb.store.changes import OpenChange
from cdb.store.iovs import IDS_A_STATEMENT
from cdb.store.models import Payload


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
