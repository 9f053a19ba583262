"""Statuses of global tags."""

from sqlalchemy.orm import Session

from cdb.domain.statuses import Status, WriteMode
from cdb.plugin import Permission, Target
from cdb.services import lookup
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads, writes
from cdb.store.changes import OpenChange, open_change
from cdb.store.engine import Reader
from cdb.store.models import TagStatus


def declare(
    session: Session,
    rules: Rules,
    writer: Writer,
    name: str,
    mode: WriteMode = WriteMode.OPEN,
    final: bool = False,
    description: str | None = None,
) -> reads.StatusRecord:
    """Return the status of this name, declared now unless it exists.

    A status that exists stays as it is: clients declare the ones that they need
    each time they start. One that the tag policy has is declared as it says.

    Raises:
        Unauthenticated, Forbidden: the writer may not.

    """
    writer.require(Permission.STATUS_CREATE, Target("status", name))
    if existing := reads.status(session, name):
        return existing
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    if existing := reads.status(session, name):
        return existing
    if own := _of_policy(rules, name):
        mode, final = own.mode, own.final
    add_status(change, Status(name, mode, final), description)
    change.record("create", "status", name, after={"mode": mode.value, "final": final})
    return lookup.status(session, name)


def declare_those_of_policy(session: Session, rules: Rules, writer: Writer) -> list[str]:
    """Declare the statuses of the tag policy that are not declared yet; return their names."""
    if not _missing(session, rules):
        return []
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    # Another upgrade may have declared them meanwhile.
    names = [each.name for each in _missing(session, rules)]
    for each in _missing(session, rules):
        add_status(change, each)
    if names:
        change.record("create", "status", names[0], statuses=names)
    return names


def _missing(session: Session, rules: Rules) -> list[Status]:
    return [each for each in rules.tag_policy.statuses if not reads.status(session, each.name)]


def undeclared(reader: Reader, rules: Rules) -> list[str]:
    """Return the statuses of the tag policy that the database does not have, or has otherwise."""
    known = {record.name: record for record in reads.statuses(reader)}
    return [
        each.name
        for each in rules.tag_policy.statuses
        if each.name not in known
        or (known[each.name].mode, bool(known[each.name].final)) != (each.mode, each.final)
    ]


def lets_nothing_change(reader: Reader, rules: Rules, name: str) -> bool:
    """Tell whether a tag that has a status is closed; the tag policy may declare it yet."""
    known = _of_policy(rules, name) or reads.status(reader, name)
    return known is not None and known.mode == WriteMode.CLOSED


def needed(change: OpenChange, rules: Rules, name: str) -> reads.StatusRecord:
    """Return a status that a tag is to have; one of the tag policy is declared if need be.

    Raises:
        NotFound: neither the database nor the tag policy has it.

    """
    own = _of_policy(rules, name)
    if own and not reads.status(change.session, name):
        add_status(change, own)
    return lookup.status(change.session, name)


def _of_policy(rules: Rules, name: str) -> Status | None:
    return next((each for each in rules.tag_policy.statuses if each.name == name), None)


def add_status(change: OpenChange, status: Status, description: str | None = None) -> None:
    """Add a status to a change."""
    writes.add_status(
        change,
        id=writes.next_id(change.session, TagStatus),
        name=status.name,
        mode=status.mode.value,
        final=status.final,
        description=description,
    )
