"""Objects by their names and ids; what is not there is an error that names it."""

from typing import TypeVar

from sqlalchemy.orm import Session

from cdb.errors import NotFound
from cdb.store import iovs, log, reads
from cdb.store.changes import CURRENT
from cdb.store.engine import Reader

_Record = TypeVar("_Record")


def _found(record: _Record | None, what: str, name: object) -> _Record:
    if record is None:
        raise NotFound(f"{what} {name!r} does not exist.")
    return record


def change(reader: Reader, number: int) -> log.ChangeRecord:
    """Return a change of the log, or raise NotFound."""
    return _found(log.one(reader, number), "Change", number)


def status(reader: Reader, name: str) -> reads.StatusRecord:
    """Return a status, or raise NotFound."""
    return _found(reads.status(reader, name), "Status", name)


def tag(reader: Reader, name: str, at: int = CURRENT) -> reads.TagRecord:
    """Return a global tag, or raise NotFound."""
    return _found(reads.tag(reader, name, at), "Global tag", name)


def tag_by_id(reader: Reader, tag_id: int, at: int = CURRENT) -> reads.TagRecord:
    """Return a global tag, or raise NotFound."""
    return _found(reads.tag_by_id(reader, tag_id, at), "Global tag", tag_id)


def type_(reader: Reader, name: str, at: int = CURRENT) -> reads.TypeRecord:
    """Return a payload type, or raise NotFound."""
    return _found(reads.type_(reader, name, at), "Payload type", name)


def list_(reader: Reader, name: str, at: int = CURRENT) -> reads.ListRecord:
    """Return a payload list, or raise NotFound."""
    return _found(reads.list_(reader, name, at), "Payload list", name)


def list_to_write(
    session: Session, name: str, waiting: int | None = None
) -> tuple[int, reads.ListRecord, iovs.IovRecord | None]:
    """Return the last change, a payload list then, and a payload IOV that waits, by its id.

    Raises:
        NotFound: no list has this name.

    """
    seen, record, iov = iovs.look(session, name, waiting)
    return seen, _found(record, "Payload list", name), iov


def list_by_id(reader: Reader, list_id: int, at: int = CURRENT) -> reads.ListRecord:
    """Return a payload list, or raise NotFound."""
    return _found(reads.list_by_id(reader, list_id, at), "Payload list", list_id)
