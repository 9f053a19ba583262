"""Global tags."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from cdb.domain.digest import of_tag as of_nothing
from cdb.domain.statuses import Status, WriteMode
from cdb.errors import NameTaken
from cdb.plugin import Permission, Target
from cdb.services import digest as digests
from cdb.services import guard, lookup, moments, statuses
from cdb.services.payload_lists import NewList, add_lists
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads, writes
from cdb.store.changes import CURRENT, OpenChange, open_change
from cdb.store.engine import Database
from cdb.store.models import GlobalTag, TagState


def create(
    session: Session,
    rules: Rules,
    writer: Writer,
    name: str,
    author: str | None = None,
    status: str | None = None,
    description: str | None = None,
    contact: str | None = None,
) -> reads.TagRecord:
    """Make an empty global tag.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no status has this name.
        TransitionRefused: a tag that is in the first status could not go to this one.
        NameTaken: a live tag has this name.

    """
    writer.require(Permission.TAG_CREATE, _target(name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    initial = _first_status(change, rules)
    if status is not None and status != initial.name:
        writer.require(Permission.TAG_STATUS, _target(name))
        chosen = statuses.needed(change, rules, status)
        guard.transition(writer, rules, name, _as_status(initial), _as_status(chosen))
        initial = chosen
    # As it is kept of a tag that is closed later.
    digest = of_nothing(()) if initial.mode == WriteMode.CLOSED else None
    add_tag(change, name, initial.id, author, description, contact, digest=digest)
    after = {"status": initial.name}
    change.record("create", "global_tag", name, after=after, global_tags=[name])
    return lookup.tag(session, name)


def clone(
    session: Session,
    rules: Rules,
    writer: Writer,
    source: str,
    target: str,
    as_of: str | None = None,
) -> reads.TagRecord:
    """Make an unlocked global tag with the content that another one has, or had.

    Nothing is copied: the lists of the clone point at the logs of the source,
    pinned at this change or at that of then, whatever is written to the source later.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        source: the name of the other one; as of a change, its name then.
        target: the name of the new one.
        as_of: the change, or the time, as of which it has the content; None for now.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        Invalid: `as_of` is no change and no time, or in the future.
        NotFound: no live tag has the source's name, or none had it then.
        NameTaken: a live tag has the target's name.

    """
    writer.require(Permission.TAG_CREATE, _target(target))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    then = moments.moment(session, as_of).change
    original = lookup.tag(session, source, then)
    status = _first_status(change, rules)
    tag_id = add_tag(
        change, target, status.id, original.author, original.description, original.contact
    )
    originals = reads.lists_of(session, original.id, then)
    pinned_at = change.number if then == CURRENT else then
    names = add_lists(
        change,
        [
            NewList(
                record.type_id,
                record.type,
                record.ends,
                record.description,
                record.contact,
                global_tag=tag_id,
                series=record.series,
                pinned_at=record.pinned_at or pinned_at,
            )
            for record in originals
        ],
    )
    if then == CURRENT:
        change.sources.add(original.id)
    lists = {record.type: name for record, name in zip(originals, names, strict=True)}
    of_then = {} if then == CURRENT else {"as_of": then}
    change.record(
        "clone",
        "global_tag",
        target,
        after={"status": status.name, "source": source, **of_then, "payload_lists": lists},
        source=source,
        global_tags=[target],
        payload_lists=names,
        payload_types=[record.type for record in originals],
    )
    return lookup.tag(session, target)


def change_status(
    database: Database, session: Session, rules: Rules, writer: Writer, name: str, status: str
) -> reads.TagRecord:
    """Give a global tag another status; the one that it has changes nothing.

    With a status that lets nothing change, the digest of the tag is kept.

    Args:
        database: where the digest is worked out, beside the write.
        session: of the write.
        rules: of the service.
        writer: who writes.
        name: of the tag.
        status: the name of the new one.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no live tag, or no status, has this name.
        Final: the status that it has cannot be left.
        TransitionRefused: the tag policy does not let it go there.

    """
    writer.require(Permission.TAG_STATUS, _target(name))
    if statuses.lets_nothing_change(session, rules, status):
        # Under the lock, only what was written since is read again.
        _digest(database, rules, lookup.tag(session, name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.tag(session, name)
    target = statuses.needed(change, rules, status)
    if record.status_id == target.id:
        return record
    current = Status(record.status, WriteMode(record.mode), final=bool(record.final))
    guard.transition(writer, rules, name, current, _as_status(target))
    kept = _digest(database, rules, record) if target.mode == WriteMode.CLOSED else None
    writes.revise(change, TagState, {"tag": record.id}, status=target.id, digest=kept)
    change.touch(record.id)
    change.record(
        "status",
        "global_tag",
        name,
        before={"status": record.status},
        after={"status": target.name, **({"digest": kept} if kept else {})},
        global_tags=[name],
    )
    return lookup.tag(session, name)


def _digest(database: Database, rules: Rules, record: reads.TagRecord) -> str:
    return digests.of_tag(database, rules, record, record.head).digest


def describe(
    session: Session, rules: Rules, writer: Writer, name: str, values: Mapping[str, str | None]
) -> reads.TagRecord:
    """Change the description or the contact of a global tag, in any status, or its name.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no live tag has this name.
        NameTaken: a live tag has the new name.
        Closed, AppendOnly, PolicyRefused: its status keeps its name.

    """
    writer.require(Permission.TAG_WRITE, _target(name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.tag(session, name)
    new_name = values.get("name") or name
    if new_name != name:
        writer.require(Permission.TAG_CREATE, _target(new_name))
        # Under its old name it is gone, and under the new one whoever may write there has it.
        guard.write_to_tag(
            writer, rules, record, Permission.TAG_DELETE, _target(name), "giving it another name"
        )
        if reads.tag(session, new_name):
            raise NameTaken("Global tag", new_name)
    writes.revise(change, GlobalTag, {"id": record.id}, **values)
    change.touch(record.id)
    before = {key: getattr(record, key) for key in values}
    names = sorted({name, new_name})
    change.record("describe", "global_tag", name, before, values, global_tags=names)
    return lookup.tag(session, new_name)


def delete(session: Session, rules: Rules, writer: Writer, name: str) -> None:
    """Delete a global tag with its payload lists. Clones of it stay whole.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no live tag has this name.
        Closed, AppendOnly, PolicyRefused: its status keeps it.

    """
    writer.require(Permission.TAG_DELETE, _target(name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.tag(session, name)
    guard.write_to_tag(writer, rules, record, Permission.TAG_DELETE, _target(name), "deleting it")
    members = reads.lists_of(session, record.id)
    writes.retire_lists(change, record.id)
    change.touch(record.id)
    for member in members:
        change.touch(payload_type=member.type_id)
    writes.retire(change, GlobalTag, id=record.id)
    writes.retire(change, TagState, tag=record.id)
    change.record(
        "delete",
        "global_tag",
        name,
        before={"status": record.status, "payload_lists": {m.type: m.name for m in members}},
        global_tags=[name],
        payload_lists=[member.name for member in members],
        payload_types=[member.type for member in members],
    )


def add_tag(
    change: OpenChange,
    name: str,
    status_id: int,
    author: str | None,
    description: str | None,
    contact: str | None,
    created: datetime | None = None,
    digest: str | None = None,
) -> int:
    """Add an empty global tag to a change, and return its id.

    Raises:
        NameTaken: a live tag has this name.

    """
    if reads.tag(change.session, name):
        raise NameTaken("Global tag", name)
    tag_id = writes.next_id(change.session, GlobalTag)
    writes.add(
        change,
        GlobalTag,
        id=tag_id,
        name=name,
        author=author,
        description=description,
        contact=contact,
        created=created or change.at,
    )
    writes.add(change, TagState, tag=tag_id, status=status_id, digest=digest)
    change.touch(tag_id)
    change.made.add(tag_id)
    return tag_id


def _target(name: str) -> Target:
    return Target("global_tag", name, name)


def _first_status(change: OpenChange, rules: Rules) -> reads.StatusRecord:
    return statuses.needed(change, rules, rules.tag_policy.statuses[0].name)


def _as_status(record: reads.StatusRecord) -> Status:
    return Status(record.name, WriteMode(record.mode), final=bool(record.final))
