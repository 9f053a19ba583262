"""Statuses of global tags."""

from sqlalchemy.orm import Session

from cdb.domain.statuses import WriteMode
from cdb.services import lookup
from cdb.services.rules import Rules
from cdb.store import reads, writes
from cdb.store.changes import Origin, open_change
from cdb.store.models import TagStatus


def declare(
    session: Session,
    rules: Rules,
    origin: Origin,
    name: str,
    mode: WriteMode = WriteMode.OPEN,
    final: bool = False,
    description: str | None = None,
) -> reads.StatusRecord:
    """Return the status of this name, declared now unless it exists.

    A status that exists stays as it is: clients declare the ones that they need
    each time they start.
    """
    if existing := reads.status(session, name):
        return existing
    change = open_change(session, origin, rules.lock_timeout_ms)
    if existing := reads.status(session, name):
        return existing
    writes.add_status(
        change,
        id=writes.next_id(session, TagStatus),
        name=name,
        mode=mode.value,
        final=final,
        description=description,
    )
    change.record("create", "status", name)
    return lookup.status(session, name)
