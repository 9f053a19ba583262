"""Payload IOVs: staging, attaching, many at once, deleting."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from cdb.domain import series
from cdb.domain.points import Point
from cdb.domain.statuses import WriteMode
from cdb.errors import AttachedElsewhere, NotFound
from cdb.plugin import Permission, Target
from cdb.services import forks, guard, intervals, lookup, revisions
from cdb.services.entering import Entering, Reference, Rows, decided_by, of_rows, of_staged
from cdb.services.garbage import uncollected
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import iovs, reads, writes
from cdb.store.changes import CURRENT, OpenChange, latest, now, open_change
from cdb.store.engine import Reader

EXPIRE_EVERY = 61
"""Ids from one payload IOV that waits to the next one with which those that have waited too
long are removed. A prime number: however many ids an attach takes, it is met again and again."""

IOVS_SHOWN = 100
"""Payload IOVs that are shown after they were attached at once, at most."""


class Shown(NamedTuple):
    """A payload IOV with the names of what shows it."""

    iov: iovs.IovRecord
    payload_list: str | None


class Attached(NamedTuple):
    """How many payload IOVs were attached, and what has become of them where they are few."""

    number: int
    shown: list[Shown] | None


def find(reader: Reader, iov_id: int, at: int = CURRENT) -> Shown:
    """Return a payload IOV that waits to be attached, or that a payload list shows.

    As of a change nothing waits: that is no part of history.

    Raises:
        NotFound: there is none with this id, or it was cut or deleted.

    """
    if at == CURRENT and (waiting := iovs.staged(reader, iov_id)):
        return Shown(waiting, None)
    names = iovs.lists_showing(reader, iov_id, at)
    if not names:
        raise NotFound(f"Payload IOV {iov_id} does not exist.")
    return Shown(iovs.by_id(reader, [iov_id])[iov_id], names[0])


def stage(
    session: Session,
    rules: Rules,
    writer: Writer,
    reference: Reference,
    dimension: str | None = None,
) -> Shown:
    """Keep a payload IOV until it is attached, at most as long as the rules say.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        reference: the payload, from where to where.
        dimension: of the notation; that of the service where it is None.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        Invalid: its interval is empty, or ends before it starts.

    """
    writer.require(Permission.IOV_CREATE, Target("payload_iov"))
    start, end = intervals.read(reference, rules, intervals.dimension(rules, dimension))
    moment = now()
    payload = reference.payload(moment)
    iov_id = writes.stage(session, payload, start, end)
    if iov_id % EXPIRE_EVERY == 0:
        writes.expire_staged(session, moment - rules.staged_keep)
    return Shown(iovs.IovRecord(iov_id, start, end, *payload[:5]), None)


def attach(session: Session, rules: Rules, writer: Writer, list_name: str, iov_id: int) -> Shown:
    """Put a staged payload IOV into a payload list, where it keeps its id.

    Attaching it to the list that it is in changes nothing.

    Raises:
        NotFound: no list has this name, or no payload IOV this id.
        Unauthenticated, Forbidden: the writer may not.
        PayloadRefused: a validator of the type refuses it.
        AttachedElsewhere: it is in another list, or was cut or deleted since.
        Overlap: the tag only takes additions, and the interval is covered.
        Closed, PolicyRefused: nothing in the tag changes.

    """
    seen, before, waiting = lookup.list_to_write(session, list_name, iov_id)
    if waiting is None:
        # Nothing is written, so the status of the tag is not asked.
        writer.require(Permission.IOV_ATTACH, guard.target_of(before))
        return _attached_before(session, before, iov_id)
    guard.write_to_list(writer, rules, before, Permission.IOV_ATTACH)
    entering = of_staged(session, rules, before, waiting)
    copies = forks.prepare(session, [before])
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    is_same = change.follows(seen)
    target = before
    if not is_same:
        _, target, waiting = lookup.list_to_write(session, list_name, iov_id)
    guard.write_to_list(writer, rules, target, Permission.IOV_ATTACH)
    if waiting is None:  # another request was faster
        forks.discard(session, copies)
        return _attached_before(session, target, iov_id)
    if decided_by(target) != decided_by(before):
        entering = of_staged(session, rules, target, waiting)
    target = forks.publish(change, target, copies)
    [attached] = _attach(change, rules, target, entering)
    writes.unstage(change, iov_id)
    change.record("attach", "payload_iov", str(iov_id), **_touched([target]))
    return attached


def attach_many(
    session: Session,
    rules: Rules,
    writer: Writer,
    rows: Mapping[str, Rows],
) -> int:
    """Attach new payload IOVs to payload lists, as one change, all or nothing.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        rows: by payload list; each with the number that messages call it by. A
            row without an end holds until the next start.

    Returns:
        How many IOVs were attached.

    Raises:
        NotFound: a list does not exist.
        Unauthenticated, Forbidden: the writer may not write to one of the lists.
        Invalid: an interval is wrong, or rows contradict each other.
        PayloadRefused: a validator refuses a payload.
        Overlap: a tag only takes additions, and an interval is covered.
        Closed, PolicyRefused: nothing in a tag changes.

    """
    if not rows:
        writer.require(Permission.IOV_ATTACH, Target("payload_list"))
        return 0
    _attach_rows(session, rules, writer, rows, partial(_lists, session), as_the_list=False)
    return sum(map(len, rows.values()))


def attach_to_list(
    session: Session, rules: Rules, writer: Writer, list_name: str, rows: Rows
) -> Attached:
    """Attach new payload IOVs to a payload list, as one change, all or nothing.

    It does what staging and attaching each in order of their starts does: what it
    means that an end is not given, the list says.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        list_name: of the payload list.
        rows: at least one; each with the number that messages call it by.

    Raises:
        what `attach_many` does.

    """
    batches = {list_name: rows}
    return _attach_rows(
        session, rules, writer, batches, partial(_lists, session), as_the_list=True
    )


def attach_to_tag(
    session: Session,
    rules: Rules,
    writer: Writer,
    tag_name: str,
    rows: Mapping[str, Rows],
) -> Attached:
    """Attach new payload IOVs to the payload lists of a global tag, as `attach_to_list` does.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        tag_name: of the global tag.
        rows: by payload type, at least one of each.

    Raises:
        NotFound: there is no such tag or type, or the tag has no list of the type.
        and what `attach_many` does.

    """
    find = partial(_members, session, tag_name)
    return _attach_rows(session, rules, writer, rows, find, as_the_list=True)


def delete(
    session: Session,
    rules: Rules,
    writer: Writer,
    tag_name: str,
    type_name: str,
    start: Point,
    end: Point | None,
) -> iovs.IovRecord:
    """Delete a payload IOV of a global tag, given by its type and where it starts.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        tag_name: of the global tag.
        type_name: of the payload list in it.
        start: where it begins, exactly.
        end: where it has to end, as the interface writes it; None asks for nothing.

    Returns:
        What was deleted.

    Raises:
        NotFound: there is no such tag, type in it, or payload IOV.
        Unauthenticated, Forbidden: the writer may not.
        Closed, AppendOnly, PolicyRefused: the tag keeps it.

    """
    member = _member(session, lookup.tag(session, tag_name), type_name)
    _require_deletion(writer, rules, member)
    start, exclusive = intervals.of_numbers(start, end, rules, intervals.of_list(member, rules))
    copies = forks.prepare(session, [member])
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    member = _member(session, lookup.tag(session, tag_name), type_name)
    _require_deletion(writer, rules, member)
    target = forks.publish(change, member, copies)
    row, plan = series.delete(start, exclusive, iovs.live_page(session, target.series))
    deleted = iovs.by_id(session, [row.id])[row.id]
    writes.apply(change, target, plan)
    change.record("delete", "payload_iov", str(row.id), **_touched([target]))
    return deleted


def _member(reader: Reader, tag: reads.TagRecord, type_name: str) -> reads.ListRecord:
    payload_type = lookup.type_(reader, type_name)
    record = reads.list_of_type(reader, tag.id, payload_type.id)
    if record is None:
        raise NotFound(f"Global tag {tag.name!r} has no payload list of type {type_name!r}.")
    return record


_Found = Iterator[tuple[int, str, reads.ListRecord]]
"""The payload lists that are written to, each with the last change that was there when it was
read, and with what the client calls it."""


def _lists(session: Session, names: Iterable[str]) -> _Found:
    for name in names:
        seen, record, _ = lookup.list_to_write(session, name)
        yield seen, name, record


def _members(session: Session, tag_name: str, type_names: Iterable[str]) -> _Found:
    seen, _ = latest(session)
    tag = lookup.tag(session, tag_name)
    for name in type_names:
        yield seen, name, _member(session, tag, name)


@uncollected()
def _attach_rows(
    session: Session,
    rules: Rules,
    writer: Writer,
    rows: Mapping[str, Rows],
    find: Callable[[Iterable[str]], _Found],
    *,
    as_the_list: bool,
) -> Attached:
    moment, names = now(), sorted(rows)
    seen, before = _permitted(writer, rules, find(names))
    enter = partial(of_rows, session, rules, inserted=moment, as_the_list=as_the_list)
    batches = {name: enter(before[name], rows[name]) for name in names}
    copies = forks.prepare(session, before.values())
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    found = ((seen, *item) for item in before.items()) if change.follows(seen) else find(names)
    targets, shown = [], []
    for name, target in _permitted(writer, rules, found)[1].items():
        if decided_by(target) != decided_by(before[name]):
            batches[name] = enter(target, rows[name])
        own = forks.publish(change, target, copies)
        shown.append(_attach(change, rules, own, batches[name]))
        targets.append(own)
    forks.discard(session, copies)
    count = sum(map(len, rows.values()))
    change.record("bulk", "payload_list", targets[0].name, rows=count, **_touched(targets))
    return Attached(count, list(chain(*shown)) if count <= IOVS_SHOWN else None)


def _permitted(
    writer: Writer, rules: Rules, found: _Found
) -> tuple[int, dict[str, reads.ListRecord]]:
    """Return payload lists that may be written to, and the last change that is in all of them."""
    first, permitted = CURRENT, {}
    for seen, name, record in found:
        guard.write_to_list(writer, rules, record, Permission.IOV_ATTACH)
        first, permitted[name] = min(first, seen), record
    return first, permitted


def _require_deletion(writer: Writer, rules: Rules, member: reads.ListRecord) -> None:
    allowed = member.mode == WriteMode.APPEND and rules.delete_in_append_mode
    removes = None if allowed else "deleting a payload IOV"
    guard.write_to_list(writer, rules, member, Permission.IOV_DELETE, removes)


def _attach(
    change: OpenChange, rules: Rules, target: reads.ListRecord, entering: Sequence[Entering]
) -> Iterator[Shown]:
    """Attach a batch, and return what has become of it, for those who look at it."""
    mode = WriteMode(target.mode) if target.mode else WriteMode.OPEN
    page = iovs.live_page(change.session, target.series)
    labels = [each.number or 0 for each in entering]
    plan = series.attach(entering, page, mode, rules.iov_mode, labels)
    attached = [each.payload for each in entering]
    if rules.numbers_revisions:
        attached = revisions.numbered(change, target.type, attached)
    ids = writes.apply(change, target, plan, attached)
    return (
        Shown(
            iovs.IovRecord(iov_id, piece.start, piece.end, *attached[piece.new][:5]), target.name
        )
        for iov_id, piece in zip(ids, plan.added, strict=True)
        if piece.new is not None and iov_id is not None
    )


def _attached_before(session: Session, target: reads.ListRecord, iov_id: int) -> Shown:
    names = iovs.lists_showing(session, iov_id)
    if target.name in names:
        return Shown(iovs.by_id(session, [iov_id])[iov_id], target.name)
    if names:
        raise AttachedElsewhere(f"Payload IOV {iov_id} is in the payload list {names[0]!r}.")
    if iovs.by_id(session, [iov_id]):
        raise AttachedElsewhere(
            f"Payload IOV {iov_id} was attached before, and has been cut or deleted since."
        )
    raise NotFound(f"Payload IOV {iov_id} does not exist.")


def _touched(targets: Sequence[reads.ListRecord]) -> dict[str, Any]:
    return {
        "global_tags": sorted({target.tag for target in targets if target.tag}),
        "payload_lists": [target.name for target in targets],
        "payload_types": sorted({target.type for target in targets}),
    }
