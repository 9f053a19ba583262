"""Payload IOVs: staging, attaching, many at once, deleting."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.domain import series
from cdb.domain.points import OPEN, Point
from cdb.domain.statuses import WriteMode, require_not_closed, require_open
from cdb.errors import AttachedElsewhere, NotFound
from cdb.services import forks, lookup
from cdb.services.rules import Rules
from cdb.store import iovs, reads, writes
from cdb.store.changes import OpenChange, Origin, now, open_change
from cdb.store.engine import Reader


class Reference(NamedTuple):
    """A payload, and from where it is valid to where; an end of None was not given.

    `end` is as the interface writes it: inclusive in discrete mode.
    """

    payload_url: str
    checksum: str
    start: Point
    end: Point | None = None
    size: int | None = None
    revision: str | None = None


class Shown(NamedTuple):
    """A payload IOV with the names of what shows it."""

    iov: iovs.IovRecord
    payload_list: str | None


def find(reader: Reader, iov_id: int) -> Shown:
    """Return a payload IOV that waits to be attached, or that a payload list shows.

    Raises:
        NotFound: there is none with this id, or it was cut or deleted.

    """
    if waiting := iovs.staged(reader, iov_id):
        return Shown(waiting, None)
    names = iovs.lists_showing(reader, iov_id)
    if not names:
        raise NotFound(f"Payload IOV {iov_id} does not exist.")
    return Shown(iovs.by_id(reader, [iov_id])[iov_id], names[0])


def stage(session: Session, rules: Rules, reference: Reference) -> Shown:
    """Keep a payload IOV until it is attached, at most as long as the rules say.

    Raises:
        Invalid: its interval is empty, or ends before it starts.

    """
    start, end = _interval(reference, rules)
    moment = now()
    writes.expire_staged(session, moment - rules.staged_keep)
    payload = _payload(reference, moment)
    iov_id = writes.stage(session, payload, start, end)
    return Shown(iovs.IovRecord(iov_id, start, end, *payload[:5]), None)


def attach(session: Session, rules: Rules, origin: Origin, list_name: str, iov_id: int) -> Shown:
    """Put a staged payload IOV into a payload list, where it keeps its id.

    Attaching it to the list that it is in changes nothing.

    Raises:
        NotFound: no list has this name, or no payload IOV this id.
        AttachedElsewhere: it is in another list, or was cut or deleted since.
        Overlap: the tag only takes additions, and the interval is covered.
        Closed: nothing in the tag changes.

    """
    copies = forks.prepare(session, [list_name])
    change = open_change(session, origin, rules.lock_timeout_ms)
    target = lookup.list_(session, list_name)
    waiting = iovs.staged(session, iov_id)
    if waiting is None:
        forks.discard(session, copies)
        return _attached_before(session, target, iov_id)
    _require_writable(target)
    target = forks.publish(change, target, copies)
    end = waiting.end
    if end is None and target.ends == "explicit":
        end = OPEN
    payload = writes.Payload(*waiting[3:], id=iov_id)
    new = series.NewIov(waiting.start, end)
    [attached] = _attach(change, rules, target, [new], [payload], None)
    writes.unstage(session, iov_id)
    change.record(
        "attach",
        "payload_iov",
        str(iov_id),
        **_touched([target]),
    )
    return Shown(waiting._replace(end=attached.end), list_name)


def attach_many(
    session: Session,
    rules: Rules,
    origin: Origin,
    rows: Mapping[str, Sequence[tuple[int, Reference]]],
) -> int:
    """Attach new payload IOVs to payload lists, as one change, all or nothing.

    Args:
        session: of the write.
        rules: of the service.
        origin: who writes.
        rows: by payload list; each with the number that messages call it by. A
            row without an end holds until the next start.

    Returns:
        How many IOVs were attached.

    Raises:
        NotFound: a list does not exist.
        Invalid: an interval is wrong, or rows contradict each other.
        Overlap: a tag only takes additions, and an interval is covered.
        Closed: nothing in a tag changes.

    """
    total = sum(map(len, rows.values()))
    if not total:
        return 0
    intervals = {
        name: [series.NewIov(*_interval(reference, rules)) for _, reference in numbered]
        for name, numbered in rows.items()
    }
    copies = forks.prepare(session, sorted(rows))
    change = open_change(session, origin, rules.lock_timeout_ms)
    targets = []
    for name, numbered in sorted(rows.items()):
        target = lookup.list_(session, name)
        _require_writable(target)
        target = forks.publish(change, target, copies)
        payloads = [_payload(reference, change.at) for _, reference in numbered]
        labels = [number for number, _ in numbered]
        _attach(change, rules, target, intervals[name], payloads, labels)
        targets.append(target)
    change.record("bulk", "payload_list", targets[0].name, rows=total, **_touched(targets))
    return total


def delete(
    session: Session,
    rules: Rules,
    origin: Origin,
    tag_name: str,
    type_name: str,
    start: Point,
    end: Point | None,
) -> iovs.IovRecord:
    """Delete a payload IOV of a global tag, given by its type and where it starts.

    Args:
        session: of the write.
        rules: of the service.
        origin: who writes.
        tag_name: of the global tag.
        type_name: of the payload list in it.
        start: where it begins, exactly.
        end: where it has to end, as the interface writes it; None asks for nothing.

    Returns:
        What was deleted.

    Raises:
        NotFound: there is no such tag, type in it, or payload IOV.
        Closed, AppendOnly: the tag keeps it.

    """
    series.check_start(start)
    exclusive = None if end is None else series.exclusive_end(start, end, rules.iov_mode)
    tag = lookup.tag(session, tag_name)
    member = _member(session, tag, type_name)
    copies = forks.prepare(session, [member.name])
    change = open_change(session, origin, rules.lock_timeout_ms)
    tag = lookup.tag(session, tag_name)
    mode = WriteMode(tag.mode)
    if not (mode is WriteMode.APPEND and rules.delete_in_append_mode):
        require_open(tag_name, mode, "deleting a payload IOV")
    target = forks.publish(change, _member(session, tag, type_name), copies)
    row, plan = series.delete(start, exclusive, iovs.live_page(session, target.series))
    deleted = iovs.by_id(session, [row.id])[row.id]
    writes.apply(change, target, plan)
    change.record(
        "delete", "payload_iov", str(row.id), payload_url=deleted.payload_url, **_touched([target])
    )
    return deleted


def _member(reader: Reader, tag: reads.TagRecord, type_name: str) -> reads.ListRecord:
    payload_type = lookup.type_(reader, type_name)
    record = reads.list_of_type(reader, tag.id, payload_type.id)
    if record is None:
        raise NotFound(f"Global tag {tag.name!r} has no payload list of type {type_name!r}.")
    return record


def _attach(
    change: OpenChange,
    rules: Rules,
    target: reads.ListRecord,
    batch: Sequence[series.NewIov],
    payloads: Sequence[writes.Payload],
    labels: Sequence[int] | None,
) -> list[series.Piece]:
    """Attach a batch, and return the pieces that hold its payloads."""
    mode = WriteMode(target.mode) if target.mode else WriteMode.OPEN
    page = iovs.live_page(change.session, target.series)
    plan = series.attach(batch, page, mode, rules.iov_mode, labels)
    writes.apply(change, target, plan, payloads)
    return [piece for piece in plan.added if piece.new is not None]


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


def _require_writable(target: reads.ListRecord) -> None:
    if target.tag is not None and target.mode is not None:
        require_not_closed(target.tag, WriteMode(target.mode))


def _interval(reference: Reference, rules: Rules) -> tuple[Point, Point | None]:
    series.check_start(reference.start)
    if reference.end is None:
        return reference.start, None
    return reference.start, series.exclusive_end(reference.start, reference.end, rules.iov_mode)


def _payload(reference: Reference, inserted: datetime) -> writes.Payload:
    return writes.Payload(
        reference.payload_url,
        reference.checksum,
        reference.size,
        reference.revision,
        inserted,
    )


def _touched(targets: Sequence[reads.ListRecord]) -> dict[str, list[str]]:
    return {
        "global_tags": sorted({target.tag for target in targets if target.tag}),
        "payload_lists": [target.name for target in targets],
        "payload_types": sorted({target.type for target in targets}),
    }
