"""The change log, as it is read: who changed what, when and why, in order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from cdb.store import reads
from cdb.store.engine import Reader
from cdb.store.models import Change, GlobalTag, PayloadType, TagChange, TypeChange


class ChangeRecord(NamedTuple):
    """A change. `detail` names what it touched, and what was before and after it."""

    change: int
    at: datetime
    actor: str
    action: str
    object_type: str
    object_name: str
    comment: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes are asked for.

    Attributes:
        after: only those after this one.
        before: only those before this one; None for up to the latest.
        limit: how many at most.
        newest_first: the order; else as they were made.
        tag_id: only those that touched this global tag.
        global_tag: only those that touched a tag of this name, whichever had it then.
        payload_type: only those that touched a type of this name, or its lists.
        actor: only those of this one.
        action: only this verb.
        since: only those at this time or later.

    """

    after: int = 0
    before: int | None = None
    limit: int = 100
    newest_first: bool = False
    tag_id: int | None = None
    global_tag: str | None = None
    payload_type: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None


_CHANGES = select(*(getattr(Change, name) for name in ChangeRecord._fields))


def page(reader: Reader, wanted: Wanted) -> list[ChangeRecord]:
    """Return the next changes, at most `limit` of them."""
    order = Change.change.desc() if wanted.newest_first else Change.change
    statement = (
        _CHANGES.where(Change.change > wanted.after, *_conditions(wanted))
        .order_by(order)
        .limit(wanted.limit)
    )
    return [ChangeRecord._make(row) for row in reads.run(reader, statement)]


def one(reader: Reader, change: int) -> ChangeRecord | None:
    """Return a change by its number."""
    result = reads.run(reader, _CHANGES.where(Change.change == change))
    return reads.one(ChangeRecord._make, result)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.before is not None:
        found.append(Change.change < wanted.before)
    if wanted.since is not None:
        found.append(Change.at >= wanted.since)
    if wanted.actor is not None:
        found.append(Change.actor == wanted.actor)
    if wanted.action is not None:
        found.append(Change.action == wanted.action)
    touched = select(TagChange.change)
    if wanted.tag_id is not None:
        found.append(Change.change.in_(touched.where(TagChange.tag == wanted.tag_id)))
    if wanted.global_tag is not None:
        named = select(GlobalTag.id).where(GlobalTag.name == wanted.global_tag)
        found.append(Change.change.in_(touched.where(TagChange.tag.in_(named))))
    if wanted.payload_type is not None:
        types = select(PayloadType.id).where(PayloadType.name == wanted.payload_type)
        touched = select(TypeChange.change).where(TypeChange.payload_type.in_(types))
        found.append(Change.change.in_(touched))
    return found
