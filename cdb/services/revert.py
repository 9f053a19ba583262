"""Making a global tag answer as it did at an earlier change: the call in the night.

Nothing is copied and nothing is lost. A payload list is pointed at what its type
showed then, as a clone would be, and gets a log of its own with the next write.
What the revert takes back stays in history, and can be reverted to.
"""

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.domain.statuses import WriteMode
from cdb.errors import AppendOnly, NotFound
from cdb.plugin import Permission, Target
from cdb.services import diff, guard, lookup, moments
from cdb.services.payload_lists import NewList, add_lists
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads, writes
from cdb.store.changes import OpenChange, open_change, require_heads
from cdb.store.engine import Database
from cdb.store.models import ListState


class Action(StrEnum):
    """What a revert does to the payload list of a type."""

    RESTORE = "restore"
    ADD = "add"
    DETACH = "detach"


class Step(NamedTuple):
    """What a revert does to the payload list of a type; the counts are of payload IOVs."""

    payload_type: str
    action: Action
    payload_list: str | None
    iovs_before: int
    iovs_after: int


class Reverted(NamedTuple):
    """A global tag, the change that it was reverted to, and what that does.

    `tag` is as it is after the revert; with a dry run, as it is.
    """

    tag: reads.TagRecord
    to: int
    steps: list[Step]


class _Pair(NamedTuple):
    """The payload list of a type, now and then; None where there is none."""

    now: reads.ListRecord | None
    then: reads.ListRecord | None

    def step(self) -> Step:
        named = self.now or self.then
        if named is None:
            raise ValueError("there is a list on one side at least")
        before, after = (each.n_iov if each else 0 for each in self)
        if self.now and self.then:
            return Step(named.type, Action.RESTORE, named.name, before, after)
        if self.then:
            return Step(named.type, Action.ADD, None, before, after)
        return Step(named.type, Action.DETACH, named.name, before, after)


def revert(
    database: Database,
    session: Session,
    rules: Rules,
    writer: Writer,
    name: str,
    to: str,
    payload_type: str | None = None,
) -> Reverted:
    """Make a global tag answer as it did as of a change; its status and its texts stay.

    Args:
        database: where the two states are compared, beside the write.
        session: of the write.
        rules: of the service.
        writer: who writes; whose dry run only tells what would be done.
        name: of the tag.
        to: the change, or a time.
        payload_type: the only type that is reverted; None for all.

    Raises:
        NotFound: there is no such tag, or there was not then, or no such type in it.
        Invalid: `to` is no change and no time, or in the future.
        Unauthenticated, Forbidden: the writer may not.
        Closed, PolicyRefused: nothing in the tag changes.
        AppendOnly: the tag only takes additions, and something that has an answer
            would have another one.
        PreconditionFailed: the tag is not at the head that the writer expects.

    """
    tag = _writable(session, rules, writer, name, payload_type)
    change_then = moments.moment(session, to, "to").change
    then = reads.tag_by_id(session, tag.id, change_then)
    if then is None:
        raise NotFound(f"Global tag {name!r} was not there at change {change_then}.")
    pairs = _differing(database, session, tag, then, change_then, payload_type)
    if writer.dry_run and pairs:
        require_heads(session, writer.origin, [tag.id])
    if writer.dry_run or not pairs:
        return Reverted(tag, change_then, [pair.step() for pair in pairs])
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    locked = _writable(session, rules, writer, name, payload_type)
    if (locked.id, locked.head) != (tag.id, tag.head):  # another write was faster
        if locked.id != tag.id:
            raise NotFound(f"Global tag {name!r} was replaced by another one in the meantime.")
        tag = locked
        pairs = _differing(database, session, tag, then, change_then, payload_type)
        if not pairs:  # it has done the same
            return Reverted(tag, change_then, [])
    steps = [_carry_out(change, tag, pair, change_then) for pair in pairs]
    change.touch(tag.id)
    change.record(
        "revert",
        "global_tag",
        name,
        before={"change": tag.head, "payload_iovs_count": sum(s.iovs_before for s in steps)},
        after={"as_of": change_then, "payload_iovs_count": sum(s.iovs_after for s in steps)},
        global_tags=[name],
        payload_lists=[step.payload_list for step in steps],
        payload_types=[step.payload_type for step in steps],
    )
    return Reverted(lookup.tag(session, name), change_then, steps)


def _writable(
    session: Session, rules: Rules, writer: Writer, name: str, payload_type: str | None
) -> reads.TagRecord:
    record = lookup.tag(session, name)
    # It gives the tag what other lists hold, which to describe a tag does not.
    for permission, target in (
        (Permission.TAG_WRITE, Target("global_tag", name, name)),
        (Permission.LIST_ATTACH, Target("payload_list", None, name, payload_type)),
    ):
        guard.write_to_tag(writer, rules, record, permission, target)
    return record


def _differing(
    database: Database,
    session: Session,
    now: reads.TagRecord,
    then: reads.TagRecord,
    change_then: int,
    payload_type: str | None,
) -> list[_Pair]:
    """Return the payload lists that answer otherwise than then, or are not in the tag.

    Raises:
        NotFound: the tag has and had no list of the type.
        AppendOnly: the tag only takes additions, and an answer would change.

    """
    here, there = diff.Side(now, now.head), diff.Side(then, change_then)
    types = None if payload_type is None else [payload_type]
    found = list(diff.lists(database, here, there, types=types))
    lists_now = {each.type: each for each in reads.lists_of(session, now.id)}
    lists_then = {each.type: each for each in reads.lists_of(session, then.id, change_then)}
    if now.mode == WriteMode.APPEND:
        # A list that holds nothing answers nothing; it stays, since nothing may go away.
        found = [each for each in found if each.first]
        names = [each.payload_type for each in found]
        changed = diff.intervals(database, here, there, types=names) if names else iter(())
        covered = next((each for each in changed if each.a), None)
        if covered:
            raise AppendOnly(
                f"Global tag {now.name!r} only takes additions, and {covered.payload_type!r} "
                f"would have another answer from {covered.start} to {covered.end}."
            )
    return [
        _Pair(lists_now.get(each.payload_type), lists_then.get(each.payload_type))
        for each in found
    ]


def _carry_out(change: OpenChange, tag: reads.TagRecord, pair: _Pair, at: int) -> Step:
    now, then = pair
    step = pair.step()
    if then is None and now is not None:
        writes.revise(change, ListState, {"payload_list": now.id}, global_tag=None)
    elif now is None and then is not None:
        # The type may have been deleted since, and made again.
        type_id = lookup.type_(change.session, then.type).id
        view = then.view(at)
        made = NewList(
            type_id,
            then.type,
            then.ends,
            then.description,
            then.contact,
            global_tag=tag.id,
            series=view.series,
            pinned_at=view.at,
        )
        step = step._replace(payload_list=add_lists(change, [made])[0])
    elif now is not None and then is not None:
        view = then.view(at)
        key = {"payload_list": now.id}
        writes.revise(change, ListState, key, series=view.series, pinned_at=view.at)
    if now is not None:
        change.touch(payload_type=now.type_id)
    return step
