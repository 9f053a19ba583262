"""Payload IOVs: staging, attaching, many at once, deleting."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from cdb.domain import series
from cdb.domain.points import OPEN, Interval, Point
from cdb.domain.statuses import WriteMode
from cdb.errors import AttachedElsewhere, Invalid, NotFound
from cdb.plugin import PayloadReference, Permission, Target
from cdb.services import forks, guard, intervals, lookup, revisions
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import iovs, payloads, reads, writes
from cdb.store.changes import CURRENT, OpenChange, now, open_change
from cdb.store.engine import Reader


class Reference(NamedTuple):
    """A payload, and from where it is valid to where; an end of None was not given.

    Numbers are as the interface writes them: an end is inclusive in discrete
    mode. A text is a point in the notation of a dimension, which says by itself
    whether its end is inclusive.
    """

    payload_url: str
    checksum: str
    start: Point | str
    end: Point | str | None = None
    size: int | None = None
    revision: str | None = None


class Shown(NamedTuple):
    """A payload IOV with the names of what shows it."""

    iov: iovs.IovRecord
    payload_list: str | None


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
    writes.expire_staged(session, moment - rules.staged_keep)
    payload = _payload(reference, moment)
    iov_id = writes.stage(session, payload, start, end)
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
    before = lookup.list_(session, list_name)
    waiting = iovs.staged(session, iov_id)
    if waiting is None:
        # Nothing is written, so the status of the tag is not asked.
        writer.require(Permission.IOV_ATTACH, guard.target_of(before))
        return _attached_before(session, before, iov_id)
    guard.write_to_list(writer, rules, before, Permission.IOV_ATTACH)
    entering = [_Entering.of_staged(before, waiting, rules)]
    _validate(session, rules, before, entering)
    entering = _completed(session, rules, before, entering)
    copies = forks.prepare(session, [before])
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    target = _as_validated(session, rules, writer, before, entering)
    if iovs.staged(session, iov_id) is None:  # another request was faster
        forks.discard(session, copies)
        return _attached_before(session, target, iov_id)
    target = forks.publish(change, target, copies)
    [(piece, payload)] = _attach(change, rules, target, entering)
    writes.unstage(session, iov_id)
    change.record("attach", "payload_iov", str(iov_id), **_touched([target]))
    attached = iovs.IovRecord(iov_id, piece.start, piece.end, *payload[:5])
    return Shown(attached, list_name)


def attach_many(
    session: Session,
    rules: Rules,
    writer: Writer,
    rows: Mapping[str, Sequence[tuple[int, Reference]]],
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
    moment = now()
    before = {name: _writable(session, rules, writer, name) for name in sorted(rows)}
    batches = {}
    for name, record in before.items():
        batches[name] = [
            _Entering.of_row(record, reference, number, rules, moment)
            for number, reference in rows[name]
        ]
        _validate(session, rules, record, batches[name])
        batches[name] = _completed(session, rules, record, batches[name])
    copies = forks.prepare(session, before.values())
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    targets = []
    for name, entering in batches.items():
        target = _as_validated(session, rules, writer, before[name], entering)
        target = forks.publish(change, target, copies)
        _attach(change, rules, target, entering)
        targets.append(target)
    total = sum(map(len, rows.values()))
    change.record("bulk", "payload_list", targets[0].name, rows=total, **_touched(targets))
    return total


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


class _Entering(NamedTuple):
    """A payload IOV that is about to enter a payload list; `number` names it in messages."""

    start: Point
    end: Point | None
    payload: writes.Payload
    number: int | None = None

    @classmethod
    def of_staged(
        cls, target: reads.ListRecord, waiting: iovs.IovRecord, rules: Rules
    ) -> "_Entering":
        dimension = intervals.of_list(target, rules)
        start, end = intervals.normalised(waiting.start, waiting.end, dimension)
        if end is None and target.ends == "explicit":
            end = OPEN
        return cls(start, end, writes.Payload(*waiting[3:], id=waiting.id))

    @classmethod
    def of_row(
        cls,
        target: reads.ListRecord,
        reference: Reference,
        number: int,
        rules: Rules,
        inserted: datetime,
    ) -> "_Entering":
        try:
            start, end = intervals.read(reference, rules, intervals.of_list(target, rules))
        except Invalid as error:
            raise Invalid(f"row {number}: {error.detail}") from None
        return cls(start, end, _payload(reference, inserted), number)

    def reference(self, target: reads.ListRecord) -> PayloadReference:
        """Return what a validator sees."""
        return PayloadReference(
            target.type,
            self.payload.payload_url,
            self.payload.checksum,
            self.payload.size,
            self.payload.extra,
            Interval(self.start, OPEN if self.end is None else self.end),
            target.tag,
        )


def _writable(session: Session, rules: Rules, writer: Writer, list_name: str) -> reads.ListRecord:
    record = lookup.list_(session, list_name)
    guard.write_to_list(writer, rules, record, Permission.IOV_ATTACH)
    return record


def _as_validated(
    session: Session,
    rules: Rules,
    writer: Writer,
    before: reads.ListRecord,
    entering: Sequence[_Entering],
) -> reads.ListRecord:
    """Return a payload list, read under the lock, for which the validators still stand."""
    target = _writable(session, rules, writer, before.name)
    decided_by = [(each.tag, each.validator, each.validator_options) for each in (before, target)]
    if decided_by[0] != decided_by[1]:
        _validate(session, rules, target, entering)
    return target


def _validate(
    session: Session, rules: Rules, target: reads.ListRecord, entering: Sequence[_Entering]
) -> None:
    validators = rules.validation.of_type(target.type, target.validator, target.validator_options)
    if validators:
        numbers = [each.number for each in entering if each.number is not None]
        references = [each.reference(target) for each in entering]
        rules.validation.check(session, validators, references, numbers or None)


def _completed(
    session: Session, rules: Rules, target: reads.ListRecord, entering: list[_Entering]
) -> list[_Entering]:
    """Return payload IOVs with the sizes of those payloads that are stored here."""
    sizeless = {each.payload.checksum for each in entering if each.payload.size is None}
    if not rules.keeps_payloads or not sizeless:
        return entering
    stored = payloads.by_reference(session, target.type, sizeless)
    return [
        each._replace(payload=each.payload._replace(size=stored[each.payload.checksum].size))
        if each.payload.size is None and each.payload.checksum in stored
        else each
        for each in entering
    ]


def _require_deletion(writer: Writer, rules: Rules, member: reads.ListRecord) -> None:
    allowed = member.mode == WriteMode.APPEND and rules.delete_in_append_mode
    removes = None if allowed else "deleting a payload IOV"
    guard.write_to_list(writer, rules, member, Permission.IOV_DELETE, removes)


def _attach(
    change: OpenChange, rules: Rules, target: reads.ListRecord, entering: Sequence[_Entering]
) -> list[tuple[series.Piece, writes.Payload]]:
    """Attach a batch, and return its payloads with the pieces that hold them."""
    mode = WriteMode(target.mode) if target.mode else WriteMode.OPEN
    page = iovs.live_page(change.session, target.series)
    batch = [series.NewIov(each.start, each.end) for each in entering]
    labels = [each.number or 0 for each in entering]
    plan = series.attach(batch, page, mode, rules.iov_mode, labels)
    attached = [each.payload for each in entering]
    if rules.numbers_revisions:
        attached = revisions.numbered(change, target.type, attached)
    writes.apply(change, target, plan, attached)
    return [(piece, attached[piece.new]) for piece in plan.added if piece.new is not None]


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


def _payload(reference: Reference, inserted: datetime) -> writes.Payload:
    return writes.Payload(
        reference.payload_url,
        reference.checksum,
        reference.size,
        reference.revision,
        inserted,
    )


def _touched(targets: Sequence[reads.ListRecord]) -> dict[str, Any]:
    return {
        "global_tags": sorted({target.tag for target in targets if target.tag}),
        "payload_lists": [target.name for target in targets],
        "payload_types": sorted({target.type for target in targets}),
    }
