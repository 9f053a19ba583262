"""The change log, and the one writer's lock under which every change is made."""

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, func, select, text
from sqlalchemy.orm import Session

from cdb.errors import PreconditionFailed
from cdb.plugin import Event
from cdb.store.engine import (
    EVENTS,
    Asked,
    Database,
    Reader,
    Statement,
    connection_of,
    is_postgresql,
    rows,
    send,
)
from cdb.store.models import LIVE, Change, TagChange, UtcDateTime, as_moment

CURRENT = LIVE - 1
"""'As of' the latest change: what is live is visible at it, what is retired is not."""

_LOCK = 0x636462  # 'cdb'

_INSERT_CHANGE = text(
    """
    insert into change
        (change, at, nonce, actor, action, object_type, object_name, comment, detail)
    values
        (:change, :at, :nonce, :actor, :action, :object_type, :object_name, :comment, :detail)
    """
).bindparams(bindparam("at", type_=UtcDateTime))
_INSERT_TAG = text("insert into tag_change (tag, change) values (:touched, :change)")
_INSERT_TYPE = text("insert into type_change (payload_type, change) values (:touched, :change)")

_RECORDED = "recorded"
"""Where a write session keeps which change it has recorded."""

IOVS_TOLD = 100
"""Payload IOVs that the log tells of each side of a change; it counts the others."""


class Head(NamedTuple):
    """The last change that touched a tag; numbers can come again after a restore, nonces not."""

    change: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Who makes a change, why, and at which heads the tags that it touches have to be.

    `expected` of None asks for nothing; an empty set for any head.
    """

    actor: str
    comment: str | None = None
    expected: frozenset[Head] | None = None


@dataclass(slots=True)
class _Side:
    """The payload IOVs that were there before a change, or are there after it."""

    told: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def add(self, iovs: Iterable[dict[str, Any]], count: int) -> None:
        """Tell of some payload IOVs, of so many that there are."""
        self.told.extend(islice(iovs, IOVS_TOLD - len(self.told)))
        self.count += count

    def shown(self) -> dict[str, Any]:
        """Return what the log keeps."""
        return {"payload_iovs": self.told, "payload_iovs_count": self.count} if self.count else {}


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change that is being made: what it does carries its number and its time.

    Attributes:
        tags: the ids of the global tags that it touches.
        types: the ids of the payload types that it touches, or whose lists.
        sources: the ids of the tags that it reads, whose heads are expected, too.
        made: the ids of the tags that it makes, which have no head before it.
        last: what is still to be written, with the entry in the log.

    """

    session: Session
    origin: Origin
    number: int
    at: datetime
    tags: set[int] = field(default_factory=set)
    types: set[int] = field(default_factory=set)
    sources: set[int] = field(default_factory=set)
    made: set[int] = field(default_factory=set)
    before: _Side = field(default_factory=_Side)
    after: _Side = field(default_factory=_Side)
    last: list[Statement] = field(default_factory=list)

    def follows(self, last: int) -> bool:
        """Tell whether nothing was written since a change was the last one.

        What was read after that was seen still stands, and need not be read again.
        """
        return self.number == last + 1

    def touch(self, tag: int | None = None, payload_type: int | None = None) -> None:
        """Note that the change touches a tag, a type; None is for a list without a tag."""
        if tag is not None:
            self.tags.add(tag)
        if payload_type is not None:
            self.types.add(payload_type)

    def write_last(self, statement: TextClause, values: Mapping[str, Any]) -> None:
        """Write something that nobody reads before the end of the change, together with that.

        On SQLite it is written at once: nothing is gained there by waiting.
        """
        if is_postgresql(self.session):
            self.last.append((statement, values))
        else:
            send(self.session, [(statement, values)])

    def record(
        self,
        action: str,
        object_type: str,
        object_name: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        **detail: Any,
    ) -> None:
        """Write the change into the log; a change that is not recorded did not happen.

        Args:
            action: a verb of the interface, as in `attach`.
            object_type: `global_tag`, `payload_type`, `payload_list`, `payload_iov`, `status`.
            object_name: which of them.
            before: what was there, and is there no longer; JSON.
            after: what is there now, and was not; JSON.
            detail: names of what else it touched; JSON.

        Raises:
            PreconditionFailed: a tag is not at a head that the origin expects.

        """
        require_heads(self.session, self.origin, (self.tags | self.sources) - self.made)
        sides = {
            "before": {**(before or {}), **self.before.shown()},
            "after": {**(after or {}), **self.after.shown()},
        }
        event = Event(
            self.number,
            self.at,
            self.origin.actor,
            action,
            object_type,
            object_name,
            self.origin.comment,
            {**detail, **{name: side for name, side in sides.items() if side}},
        )
        row = {column.name: getattr(event, column.name) for column in fields(event)}
        row |= {"nonce": secrets.token_hex(8), "detail": json.dumps(event.detail)}
        self.last.append((_INSERT_CHANGE, row))
        for statement, touched in ((_INSERT_TAG, self.tags), (_INSERT_TYPE, self.types)):
            for each in sorted(touched):
                self.last.append((statement, {"touched": each, "change": self.number}))
        send(self.session, self.last)
        self.session.info.setdefault(EVENTS, []).append(event)
        self.session.info[_RECORDED] = Head(self.number, row["nonce"])


def open_change(session: Session, origin: Origin, timeout_ms: int = 30_000) -> OpenChange:
    """Wait for the lock and return the next change.

    There is one writer at a time, so changes are numbered in commit order and
    what is read from here on cannot change until the commit. PostgreSQL takes
    the lock in a statement of its own, because in READ COMMITTED only the next
    statement sees what the writer before has committed; on SQLite the
    transaction has begun IMMEDIATE.

    Args:
        session: of `Database.write_session`.
        origin: who writes, and why.
        timeout_ms: how long to wait for the writer before, on PostgreSQL.

    """
    if is_postgresql(session):
        found = rows(session, _LOCKED_LATEST, {"timeout": f"{timeout_ms}ms", "lock": _LOCK})
        last, at = _as_latest(found[0] if found else None)
    else:
        last, at = latest(session)
    # A clock that was set back must not put a change before the one it follows.
    return OpenChange(session, origin, last + 1, max(now(), at))


def is_committed(database: Database, session: Session) -> bool | None:
    """Tell whether a write is done whose commit was not answered; None where nothing tells.

    It waits for the writer's lock: who has that knows that the transaction has ended, whichever
    way, also where a server has not yet noticed that nobody listens.

    Args:
        database: that it was written to.
        session: of the write, after its commit has failed.

    Raises:
        DBAPIError: nobody can be asked.

    """
    recorded: Head | None = session.info.get(_RECORDED)
    if recorded is None:
        return None
    timeout_ms = int(database.timeout.total_seconds() * 1000)
    with database.writing() as other:
        open_change(other, Origin(""), timeout_ms)
        return end(other, recorded.change) == recorded


def require_heads(session: Session, origin: Origin, tags: Collection[int]) -> None:
    """Raise where tags are not at the heads that a write expects.

    Args:
        session: of the write.
        origin: of it.
        tags: the ids of those that it touches or reads, and has not made itself.

    Raises:
        PreconditionFailed: one is not, or there is none.

    """
    if origin.expected is None:
        return
    if not tags:
        raise PreconditionFailed("If-Match is for writes to a global tag that is there.")
    for tag in sorted(tags):
        found = head(session, tag)
        if origin.expected and found not in origin.expected:
            raise PreconditionFailed(
                f"A global tag that this touches has changed since: its head is "
                f"change {found.change if found else 0}."
            )


NOTHING = Head(0, "")
"""The end of an empty log."""

_END = text("select change, nonce from change where change <= :at order by change desc limit 1")


def end(reader: Asked, at: int = CURRENT, min_change: int = 0) -> Head:
    """Return the last change of the log, or of what it was as of a change."""
    found = rows(reader, _END, {"at": at}, min_change)
    return Head(*found[0]) if found else NOTHING


_LATEST = select(Change.change, Change.at).order_by(Change.change.desc()).limit(1)

# Two statements in one round trip: the second one sees what was committed before it.
_LOCKED_LATEST = text(
    "select set_config('lock_timeout', :timeout, true), pg_advisory_xact_lock(:lock); "
    "select change, at from change order by change desc limit 1"
)


def latest(reader: Reader) -> tuple[int, datetime]:
    """Return the number and the time of the last change; 0 where there is none."""
    return _as_latest(connection_of(reader).execute(_LATEST).one_or_none())


def _as_latest(row: Sequence[Any] | None) -> tuple[int, datetime]:
    return (row[0], as_moment(row[1])) if row else (0, datetime.min.replace(tzinfo=UTC))


def up_to(reader: Reader, moment: datetime) -> int:
    """Return the last change that was made at a moment or before; 0 where there is none."""
    statement = select(func.max(Change.change)).where(Change.at <= moment)
    return int(connection_of(reader).execute(statement).scalar_one() or 0)


def head(reader: Reader, tag: int) -> Head | None:
    """Return the last change that touched a tag."""
    statement = (
        select(Change.change, Change.nonce)
        .join(TagChange, TagChange.change == Change.change)
        .where(TagChange.tag == tag)
        .order_by(TagChange.change.desc())
        .limit(1)
    )
    row = connection_of(reader).execute(statement).one_or_none()
    return None if row is None else Head(row.change, row.nonce)


def now() -> datetime:
    """Return the time: the one place that reads the clock."""
    return datetime.now(UTC)
