"""Payload types."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from cdb.errors import InUse, NameTaken
from cdb.services import lookup
from cdb.services.rules import Rules
from cdb.store import reads, writes
from cdb.store.changes import Origin, open_change
from cdb.store.models import PayloadType


def create(
    session: Session,
    rules: Rules,
    origin: Origin,
    name: str,
    description: str | None = None,
    contact: str | None = None,
) -> reads.TypeRecord:
    """Make a payload type.

    Raises:
        NameTaken: a live type has this name.

    """
    change = open_change(session, origin, rules.lock_timeout_ms)
    if reads.type_(session, name):
        raise NameTaken("Payload type", name)
    writes.add(
        change,
        PayloadType,
        id=writes.next_id(session, PayloadType),
        name=name,
        description=description,
        contact=contact,
        created=change.at,
    )
    change.record("create", "payload_type", name, payload_types=[name])
    return lookup.type_(session, name)


def describe(
    session: Session, rules: Rules, origin: Origin, name: str, values: Mapping[str, str | None]
) -> reads.TypeRecord:
    """Change the description or the contact of a payload type.

    Raises:
        NotFound: no live type has this name.

    """
    change = open_change(session, origin, rules.lock_timeout_ms)
    record = lookup.type_(session, name)
    writes.revise(change, PayloadType, {"id": record.id}, **values)
    change.record("describe", "payload_type", name, payload_types=[name])
    return lookup.type_(session, name)


def delete(session: Session, rules: Rules, origin: Origin, name: str) -> None:
    """Delete a payload type that no payload list has.

    Raises:
        NotFound: no live type has this name.
        InUse: a live payload list has this type.

    """
    change = open_change(session, origin, rules.lock_timeout_ms)
    record = lookup.type_(session, name)
    if reads.type_is_used(session, record.id):
        raise InUse(f"Payload type {name!r} has payload lists.")
    writes.retire(change, PayloadType, id=record.id)
    change.record("delete", "payload_type", name, payload_types=[name])
