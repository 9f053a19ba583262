"""What is known of the files in the payload store.

A row without a path is a payload that is elsewhere, whose revision was numbered
here; it is not in the store.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Integer,
    bindparam,
    event,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session, SessionTransaction

from cdb.store.changes import OpenChange
from cdb.store.engine import Reader
from cdb.store.iovs import IDS_A_STATEMENT
from cdb.store.models import Iov, ListState, Payload
from cdb.store.reads import one, run, seen


class PayloadRecord(NamedTuple):
    """A payload in the store.

    `checksum` is its MD5; both checksums are hexadecimal, in lower case. `path`
    is what payload IOVs refer to it by. `size` is in bytes. `added_by` is the change
    that its row came with.
    """

    id: int
    payload_type: str
    file_name: str
    checksum: str
    sha256: str
    size: int
    revision: int | None
    path: str
    created: datetime
    added_by: int


class Numbered(NamedTuple):
    """A payload that has a revision; it is in the store where it has a path."""

    id: int
    revision: int | None
    path: str | None


_STORED = (
    select(
        Payload.id,
        Payload.payload_type,
        Payload.file_name,
        Payload.checksum,
        Payload.sha256,
        Payload.size,
        Payload.revision,
        Payload.path,
        Payload.created,
        Payload.added_by,
    )
    .where(Payload.path.is_not(None))
    .order_by(Payload.id)
)
_BY_PATH = _STORED.where(Payload.path == bindparam("path"))
_PAGE = _STORED.where(Payload.id > bindparam("after", type_=BigInteger)).limit(
    bindparam("limit", type_=Integer)
)
_PAGE_OF_TAG = _PAGE.where(
    exists()
    .where(
        Iov.checksum.in_(
            [
                written
                for column in (Payload.checksum, Payload.sha256)
                for written in (column, func.upper(column))
            ]
        )
    )
    .where(
        ListState.series == Iov.series, ListState.global_tag == bindparam("tag"), seen(ListState)
    )
)
_BY_ID = _STORED.where(Payload.id == bindparam("id", type_=BigInteger))
_OF_TYPE = Payload.payload_type == bindparam("payload_type")

_NEXT_ID = select(func.coalesce(func.max(Payload.id), 0) + 1)
_NEXT_REVISION = select(func.coalesce(func.max(Payload.revision), 0) + 1).where(_OF_TYPE)
_NUMBERED = (
    select(Payload.id, Payload.revision, Payload.path)
    .where(_OF_TYPE, Payload.checksum == bindparam("md5"), Payload.revision.is_not(None))
    .order_by(Payload.id)
    .limit(1)
)

_CHECKSUMS: BindParameter[str] = bindparam("checksums", expanding=True)
_ALGORITHMS = (
    (re.compile("[0-9a-f]{32}"), Payload.checksum),
    (re.compile("[0-9a-f]{64}"), Payload.sha256),
)
"""How a checksum of each kind looks, and where it stands."""


def at_path(reader: Reader, path: str) -> PayloadRecord | None:
    """Return the payload that is stored at a path."""
    return one(PayloadRecord._make, run(reader, _BY_PATH, path=path))


def by_id(reader: Reader, payload_id: int) -> PayloadRecord | None:
    """Return a stored payload by its id."""
    return one(PayloadRecord._make, run(reader, _BY_ID, id=payload_id))


def by_checksums(reader: Reader, checksums: Iterable[str]) -> dict[str, PayloadRecord]:
    """Return what is stored of some checksums.

    Args:
        reader: of the database.
        checksums: MD5 or SHA-256, hexadecimal in either case. Nothing has
            another checksum.

    Returns:
        The checksums as they were given, with the first payload that has each.

    """
    return _find(reader, checksums, None)


def by_reference(
    reader: Reader, payload_type: str, checksums: Iterable[str]
) -> dict[str, PayloadRecord]:
    """Return what is stored of the payloads of one type, as payload IOVs refer to them.

    Args:
        reader: of the database.
        payload_type: its name.
        checksums: as in `by_checksums`.

    Returns:
        The checksums as they were given, with the first payload that has each.

    """
    return _find(reader, checksums, payload_type)


def page(
    reader: Reader, after_id: int, limit: int, tag_id: int | None = None
) -> list[PayloadRecord]:
    """Return the next stored payloads by id; those of a tag are the ones that its logs name."""
    place: dict[str, Any] = {"after": after_id, "limit": limit}
    if tag_id is None:
        return [PayloadRecord._make(row) for row in run(reader, _PAGE, **place)]
    return [PayloadRecord._make(row) for row in run(reader, _PAGE_OF_TAG, tag=tag_id, **place)]


def numbered(reader: Reader, payload_type: str, checksum: str) -> Numbered | None:
    """Return the payload of a type that has a checksum and a revision.

    Args:
        reader: of the database.
        payload_type: its name.
        checksum: an MD5, hexadecimal in lower case.

    """
    return one(Numbered._make, run(reader, _NUMBERED, payload_type=payload_type, md5=checksum))


def next_revision(reader: Reader, payload_type: str) -> int:
    """Return the revision that the next payload of a type gets; the first is 1."""
    return int(run(reader, _NEXT_REVISION, payload_type=payload_type).scalar_one())


def add(change: OpenChange, **values: Any) -> PayloadRecord:
    """Note a payload that is stored now."""
    session = change.session
    payload_id = int(run(session, _NEXT_ID).scalar_one())
    row = {**values, "id": payload_id, "created": change.at, "added_by": change.number}
    session.connection().execute(insert(Payload), [row])
    return PayloadRecord._make(run(session, _BY_ID, id=payload_id).one())


def complete(change: OpenChange, payload_id: int, **values: Any) -> PayloadRecord:
    """Note that a payload, whose revision was numbered before, is stored now."""
    change.session.connection().execute(
        update(Payload).where(Payload.id == payload_id).values(**values)
    )
    return PayloadRecord._make(run(change.session, _BY_ID, id=payload_id).one())


def unless_committed(session: Session, undo: Callable[[], None]) -> None:
    """Have something called if the transaction of a write ends in any other way than a commit."""
    is_committed = False

    @event.listens_for(session, "after_commit")
    def _commit(session: Session) -> None:
        nonlocal is_committed
        is_committed = not session.in_nested_transaction()  # a savepoint that is released is none

    @event.listens_for(session, "after_transaction_end")
    def _end(_session: Session, ended: SessionTransaction) -> None:
        if ended.parent is None and not is_committed:
            undo()


def _find(
    reader: Reader, checksums: Iterable[str], payload_type: str | None
) -> dict[str, PayloadRecord]:
    wanted = {checksum: checksum.lower() for checksum in checksums}
    found: dict[str, PayloadRecord] = {}
    for pattern, column in _ALGORITHMS:
        statement = _STORED.where(column.in_(_CHECKSUMS))
        if payload_type is not None:
            statement = statement.where(Payload.payload_type == payload_type)
        possible = sorted({text for text in wanted.values() if pattern.fullmatch(text)})
        for first in range(0, len(possible), IDS_A_STATEMENT):
            some = possible[first : first + IDS_A_STATEMENT]
            for row in run(reader, statement, checksums=some):
                record = PayloadRecord._make(row)
                found.setdefault(getattr(record, column.key), record)
    return {given: found[text] for given, text in wanted.items() if text in found}
