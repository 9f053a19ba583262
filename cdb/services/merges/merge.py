"""Bringing what some global tags hold into another one, as one change.

What `cdb.domain.merging` says is worked out list by list. As much of it as may be kept
is worked out before the writer's lock, and nothing is worked out twice, but where
a tag was written to in the meantime.

Validators of payload types do not see the payloads again: they saw them when
those became valid in the source.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.domain import merging
from cdb.domain.merging import Entry, Part
from cdb.domain.series import Plan
from cdb.errors import NotFound
from cdb.services import forks, lookup
from cdb.services.diff import TypeDifference
from cdb.services.garbage import uncollected
from cdb.services.merges.case import (
    Case,
    Source,
    Wanted,
    case_of,
    lists_of,
    require,
    require_heads,
)
from cdb.services.merges.work import prepared, worked_out
from cdb.services.payload_lists import NewList, add_lists
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import iovs, reads, writes
from cdb.store.changes import CURRENT, OpenChange, open_change
from cdb.store.engine import Database

DIFFERENCES = 1000
"""Differences that a dry run tells; it counts the others."""


class Action(StrEnum):
    """What a merge does to the payload list of a type."""

    CHANGE = "change"
    ADD = "add"


class Step(NamedTuple):
    """What a merge does to the payload list of a type; the counts are of payload IOVs.

    The list is None where a dry run would make it.
    """

    payload_type: str
    action: Action
    payload_list: str | None
    iovs_before: int
    iovs_added: int
    iovs_retired: int


class Merged(NamedTuple):
    """A global tag, what was merged into it, and what that does.

    `tag` is as it is after the merge; with a dry run, as it is. A dry run tells
    the first `DIFFERENCES` in `differences`, and how many there are; `dimensions`
    are those of their payload types.
    """

    tag: reads.TagRecord
    sources: Sequence[Source]
    steps: list[Step]
    differences: list[TypeDifference]
    differences_count: int
    dimensions: Mapping[str, str]


@uncollected()
def merge(
    database: Database,
    session: Session,
    rules: Rules,
    writer: Writer,
    name: str,
    wanted: Wanted,
) -> Merged:
    """Bring what some global tags hold into another one, all or nothing.

    A merge that changes no answer makes no change. Types that the tag has no list
    of get one. Sources without `@change` are read as they are under the lock.

    Args:
        database: where the tags are read, beside the write.
        session: of the write.
        rules: of the service.
        writer: who writes; whose dry run only tells what would be done.
        name: of the tag that is written to.
        wanted: what to merge, and how.

    Raises:
        NotFound: there is no such tag, source, or payload type.
        Invalid: a point, a change or a time is wrong.
        Unauthenticated, Forbidden: the writer may not, in one of the lists.
        Closed, PolicyRefused: nothing in the tag changes.
        AppendOnly: the tag only takes additions, and something that has an answer
            would have another one, or none.
        NotAppendable: an update does not go on where the tag ends.
        PreconditionFailed: one of the tags is not at a head that the writer expects.

    """
    case = case_of(session, rules, writer, name, wanted)
    if writer.dry_run:
        return _tried(database, session, rules, writer, case)
    lists = lists_of(session, case)
    ready = prepared(database, case)
    changing = [each for each, entry in ready.items() if not entry.is_empty]
    for payload_type in changing:
        require(rules, writer, case, lists, payload_type)
    if not changing and len(ready) == len(case.types):
        return _unchanged(session, writer, case)
    copies = forks.prepare(
        session,
        [
            lists[each]
            for each in changing
            if each in lists and not _replaces_much(ready[each], lists[each])
        ],
    )
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    again = case_of(session, rules, writer, name, wanted)
    if again != case:  # another write was faster
        if again.tag.id != case.tag.id:
            raise NotFound(f"Global tag {name!r} was replaced by another one in the meantime.")
        case, ready, lists = again, {}, lists_of(session, again)
    steps = []
    for payload_type in case.types:
        entry = ready.pop(payload_type, None)
        entry = entry or worked_out(database, case, payload_type).entry
        if not entry.is_empty:
            require(rules, writer, case, lists, payload_type)
            steps.append(_carry_out(change, rules, case, lists, copies, payload_type, entry))
    forks.discard(session, copies)
    if not steps:
        return _unchanged(session, writer, case)
    _record(change, case, steps)
    return _merged(case, steps)._replace(tag=lookup.tag(session, name))


def _merged(case: Case, steps: list[Step]) -> Merged:
    return Merged(case.tag, case.sources, steps, [], 0, {})


def _unchanged(session: Session, writer: Writer, case: Case) -> Merged:
    """Return that nothing is to be done, where that is what the writer has seen."""
    require_heads(session, writer, case)
    return _merged(case, [])


# --- what is told of it -----------------------------------------------------


def _tried(
    database: Database, session: Session, rules: Rules, writer: Writer, case: Case
) -> Merged:
    """Return what a merge would do."""
    lists = lists_of(session, case)
    steps: list[Step] = []
    told: list[TypeDifference] = []
    count = 0
    for payload_type in case.types:
        entry, shown = worked_out(database, case, payload_type, is_told=True)
        if entry.is_empty:
            continue
        require(rules, writer, case, lists, payload_type)
        plan = merging.plan(entry, merging.page_of(shown), rules.iov_mode)
        steps.append(_step(payload_type, lists.get(payload_type), plan))
        found = merging.differences(shown, entry)
        for each in islice(found, DIFFERENCES - len(told)):
            told.append(TypeDifference(payload_type, *each))
            count += 1
        count += sum(1 for _ in found)
    require_heads(session, writer, case)
    return Merged(case.tag, case.sources, steps, told, count, case.dimensions)


def _step(payload_type: str, record: reads.ListRecord | None, plan: Plan) -> Step:
    added, retired = len(plan.added), len(plan.retired)
    if record is None:
        return Step(payload_type, Action.ADD, None, 0, added, retired)
    return Step(payload_type, Action.CHANGE, record.name, record.n_iov, added, retired)


# --- doing it ---------------------------------------------------------------


def _carry_out(
    change: OpenChange,
    rules: Rules,
    case: Case,
    lists: Mapping[str, reads.ListRecord],
    copies: dict[str, forks.Copy],
    payload_type: str,
    entry: Entry,
) -> Step:
    known = lists.get(payload_type)
    payloads = [_payload(change, part) for part in entry.parts]
    if known and _replaces_much(entry, known):
        page = iovs.page_of(change.session, known.view(CURRENT))
        plan = merging.plan(entry, page, rules.iov_mode)
        writes.rewrite(change, known, plan, payloads)
        return _step(payload_type, known, plan)
    record = known and forks.publish(change, known, copies)
    record = record or _made(change, case, payload_type)
    page = iovs.live_page(change.session, record.series)
    plan = merging.plan(entry, page, rules.iov_mode)
    writes.apply(change, record, plan, payloads)
    return _step(payload_type, known, plan)._replace(payload_list=record.name)


def _replaces_much(entry: Entry, known: reads.ListRecord) -> bool:
    """Tell whether it is less work to write a list anew than to retire what is replaced."""
    return entry.covers and 2 * len(entry.parts) > known.n_iov


def _payload(change: OpenChange, part: Part) -> writes.Payload:
    url, checksum, revision = part.content
    return writes.Payload(url, checksum, part.size, revision, change.at)


def _made(change: OpenChange, case: Case, payload_type: str) -> reads.ListRecord:
    """Return a new, empty list of the target, which is as that of the first source."""
    session = change.session
    like = next(
        lookup.list_(session, of[payload_type].name, source.change)
        for source, of in zip(case.sources, case.members, strict=True)
        if payload_type in of
    )
    # The type may have been deleted since, and made again.
    type_id = lookup.type_(session, payload_type).id
    [name] = add_lists(
        change,
        [
            NewList(
                type_id,
                payload_type,
                like.ends,
                like.description,
                like.contact,
                global_tag=case.tag.id,
                series=writes.new_series(session),
                pinned_at=None,
            )
        ],
    )
    return lookup.list_(session, name)


def _record(change: OpenChange, case: Case, steps: Sequence[Step]) -> None:
    wanted = case.wanted
    given = {
        "mode": wanted.mode,
        "sources": [f"{source.tag.name}@{source.change}" for source in case.sources],
        "from": wanted.begin,
        "to": wanted.end,
        "types": wanted.types and sorted(wanted.types),
        "closed": wanted.closed,
        "full": wanted.full or None,
    }
    change.touch(case.tag.id)
    change.sources.update(case.current_sources)
    change.record(
        "merge",
        "global_tag",
        case.tag.name,
        before={"change": case.tag.head},
        after={name: value for name, value in given.items() if value is not None},
        global_tags=[case.tag.name],
        payload_lists=[step.payload_list for step in steps],
        payload_types=[step.payload_type for step in steps],
    )
