"""What enters payload lists: payload IOVs as a client gives them, read and validated."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.domain.points import OPEN, Interval, Point
from cdb.errors import Invalid
from cdb.plugin import PayloadReference
from cdb.services import intervals
from cdb.services.rules import Rules
from cdb.store import iovs, payloads, reads, writes


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

    def payload(self, inserted: datetime) -> writes.Payload:
        """Return what is stored of the payload."""
        return writes.Payload(self.payload_url, self.checksum, self.size, self.revision, inserted)


Rows = Sequence[tuple[int, Reference]]
"""Payload IOVs for one payload list, each with the number that messages call it by."""


class Entering(NamedTuple):
    """A payload IOV that is about to enter a payload list; `number` names it in messages."""

    start: Point
    end: Point | None
    payload: writes.Payload
    number: int | None = None

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


def decided_by(target: reads.ListRecord) -> tuple[object, ...]:
    """Return what of a payload list decides how something enters it, and whether it may."""
    return (target.id, target.ends, target.tag, target.validator, target.validator_options)


def of_staged(
    session: Session, rules: Rules, target: reads.ListRecord, waiting: iovs.IovRecord
) -> list[Entering]:
    """Return a payload IOV that was staged, as it enters a payload list.

    Raises:
        Invalid: it cannot be in the dimension of the list.
        PayloadRefused: a validator of the type refuses it.

    """
    where = intervals.of_list(target, rules)
    start, end = intervals.normalised(waiting.start, waiting.end, where)
    payload = writes.Payload(*waiting[3:], id=waiting.id)
    return _checked(session, rules, target, [Entering(start, _meant(end, target), payload)])


def of_rows(
    session: Session,
    rules: Rules,
    target: reads.ListRecord,
    rows: Rows,
    inserted: datetime,
    *,
    as_the_list: bool,
) -> list[Entering]:
    """Return new payload IOVs, as they enter a payload list.

    Args:
        session: of the write.
        rules: of the service.
        target: the list.
        rows: what is to enter it.
        inserted: the time that they are stored with.
        as_the_list: whether the list says what it means that an end is not given;
            else the IOV holds until the next start.

    Raises:
        Invalid: an interval is wrong; it names the row.
        PayloadRefused: a validator of the type refuses one.

    """
    places = _places(rules, target, rows)
    if as_the_list:
        places = [(start, _meant(end, target)) for start, end in places]
    entering = [
        Entering(start, end, reference.payload(inserted), number)
        for (start, end), (number, reference) in zip(places, rows, strict=True)
    ]
    return _checked(session, rules, target, entering)


def _places(
    rules: Rules, target: reads.ListRecord, rows: Rows
) -> list[tuple[Point, Point | None]]:
    """Return where payload IOVs start, and where they end, exclusive."""
    where = intervals.of_list(target, rules)
    numbers = intervals.of_many_numbers((reference for _, reference in rows), rules, where)
    if numbers is not None:
        return numbers
    places = []
    for number, reference in rows:
        try:
            places.append(intervals.read(reference, rules, where))
        except Invalid as error:
            raise error.of_row(number) from None
    return places


def _meant(end: Point | None, target: reads.ListRecord) -> Point | None:
    return OPEN if end is None and target.ends == "explicit" else end


def _checked(
    session: Session, rules: Rules, target: reads.ListRecord, entering: list[Entering]
) -> list[Entering]:
    validators = rules.validation.of_type(target.type, target.validator, target.validator_options)
    if validators:
        numbers = [each.number for each in entering if each.number is not None]
        references = [each.reference(target) for each in entering]
        rules.validation.check(session, validators, references, numbers or None)
    return _completed(session, rules, target, entering)


def _completed(
    session: Session, rules: Rules, target: reads.ListRecord, entering: list[Entering]
) -> list[Entering]:
    """Return payload IOVs with the sizes of those payloads that are stored here."""
    if not rules.keeps_payloads:
        return entering
    sizeless = {each.payload.checksum for each in entering if each.payload.size is None}
    if not sizeless:
        return entering
    stored = payloads.by_reference(session, target.type, sizeless)
    return [
        each._replace(payload=each.payload._replace(size=stored[each.payload.checksum].size))
        if each.payload.size is None and each.payload.checksum in stored
        else each
        for each in entering
    ]
