"""Payload types."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from cdb.errors import InUse, Invalid, NameTaken
from cdb.plugin import OptionsError, Permission, Target
from cdb.services import lookup
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads, writes
from cdb.store.changes import OpenChange, open_change
from cdb.store.models import PayloadType


class Choice(NamedTuple):
    """The plugins that a payload type chooses; None leaves it to the service."""

    dimension: str | None = None
    validator: str | None = None
    validator_options: Mapping[str, Any] | None = None


def create(
    session: Session,
    rules: Rules,
    writer: Writer,
    name: str,
    description: str | None = None,
    contact: str | None = None,
    choice: Choice | None = None,
) -> reads.TypeRecord:
    """Make a payload type.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        Invalid: the dimension or the validator is not one of this service.
        NameTaken: a live type has this name.

    """
    writer.require(Permission.TYPE_CREATE, _target(name))
    chosen = _checked(rules, choice or Choice())
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    add_type(change, name, description, contact, chosen)
    change.record("create", "payload_type", name, after=chosen, payload_types=[name])
    return lookup.type_(session, name)


def add_type(
    change: OpenChange,
    name: str,
    description: str | None,
    contact: str | None,
    choice: Mapping[str, Any],
    created: datetime | None = None,
) -> int:
    """Add a payload type to a change, and return its id.

    Raises:
        NameTaken: a live type has this name.

    """
    if reads.type_(change.session, name):
        raise NameTaken("Payload type", name)
    type_id = writes.next_id(change.session, PayloadType)
    writes.add(
        change,
        PayloadType,
        id=type_id,
        name=name,
        description=description,
        contact=contact,
        created=created or change.at,
        **choice,
    )
    change.touch(payload_type=type_id)
    return type_id


def describe(
    session: Session, rules: Rules, writer: Writer, name: str, values: Mapping[str, Any]
) -> reads.TypeRecord:
    """Change the description, the contact or the validator of a payload type.

    What is valid stays valid: a validator is asked when a payload IOV enters a list.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        Invalid: the validator is not one of this service.
        NotFound: no live type has this name.

    """
    writer.require(Permission.TYPE_CREATE, _target(name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.type_(session, name)
    changed = dict(values)
    if not changed.keys().isdisjoint(("validator", "validator_options")):
        validator = changed.get("validator", record.validator)
        kept = record.validator_options if validator == record.validator else None
        choice = Choice(None, validator, changed.get("validator_options", kept))
        changed |= {**_checked(rules, choice), "dimension": record.dimension}
    writes.revise(change, PayloadType, {"id": record.id}, **changed)
    change.touch(payload_type=record.id)
    before = {key: getattr(record, key) for key in changed}
    change.record("describe", "payload_type", name, before, changed, payload_types=[name])
    return lookup.type_(session, name)


def delete(session: Session, rules: Rules, writer: Writer, name: str) -> None:
    """Delete a payload type that no payload list has.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no live type has this name.
        InUse: a live payload list has this type.

    """
    writer.require(Permission.TYPE_DELETE, _target(name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.type_(session, name)
    if reads.type_is_used(session, record.id):
        raise InUse(f"Payload type {name!r} has payload lists.")
    writes.retire(change, PayloadType, id=record.id)
    change.touch(payload_type=record.id)
    before = {key: getattr(record, key) for key in Choice._fields}
    change.record("delete", "payload_type", name, before, payload_types=[name])


def _target(name: str) -> Target:
    return Target("payload_type", name, payload_type=name)


def _checked(rules: Rules, choice: Choice) -> dict[str, Any]:
    """Return the choice as columns; what this service has not enabled cannot be chosen."""
    if choice.dimension is not None and choice.dimension not in rules.dimensions:
        raise Invalid.field("dimension", _one_of(rules.dimensions))
    if choice.validator is None:
        if choice.validator_options:
            raise Invalid.field("validator_options", "There is no validator to give them to.")
        return choice._asdict()
    make = rules.validation.validators.get(choice.validator)
    if make is None:
        raise Invalid.field("validator", _one_of(rules.validation.validators))
    try:
        make(choice.validator_options or {})
    except OptionsError as error:
        raise Invalid.field("validator_options", str(error)) from None
    return choice._asdict()


def _one_of(names: Iterable[str]) -> str:
    return f"This service has {', '.join(sorted(names)) or 'none'}."
