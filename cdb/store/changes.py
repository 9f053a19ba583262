"""The change log, and the one writer's lock under which every change is made."""

import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.orm import Session

from cdb.plugin import Event
from cdb.store.engine import EVENTS, Reader, is_postgresql
from cdb.store.models import LIVE, Change

CURRENT = LIVE - 1
"""'As of' the latest change: what is live is visible at it, what is retired is not."""

_LOCK = 0x636462  # 'cdb'


@dataclass(frozen=True, slots=True)
class Origin:
    """Who makes a change, and why."""

    actor: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change that is being made: what it does carries its number and its time."""

    session: Session
    origin: Origin
    number: int
    at: datetime

    def record(self, action: str, object_type: str, object_name: str, **detail: Any) -> None:
        """Write the change into the log; a change that is not recorded did not happen.

        Args:
            action: a verb of the interface, as in `attach`.
            object_type: `global_tag`, `payload_type`, `payload_list`, `payload_iov`, `status`.
            object_name: which of them.
            detail: names of what else it touched; JSON.

        """
        event = Event(
            self.number,
            self.at,
            self.origin.actor,
            action,
            object_type,
            object_name,
            self.origin.comment,
            detail,
        )
        row = {column.name: getattr(event, column.name) for column in fields(event)}
        self.session.connection().execute(insert(Change), [{**row, "nonce": secrets.token_hex(8)}])
        self.session.info.setdefault(EVENTS, []).append(event)


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
        session.connection().execute(
            text(
                "select set_config('lock_timeout', :timeout, true), pg_advisory_xact_lock(:lock)"
            ),
            {"timeout": f"{timeout_ms}ms", "lock": _LOCK},
        )
    last, at = latest(session)
    # A clock that was set back must not put a change before the one it follows.
    return OpenChange(session, origin, last + 1, max(now(), at))


_LATEST = select(Change.change, Change.at).order_by(Change.change.desc()).limit(1)


def latest(reader: Reader) -> tuple[int, datetime]:
    """Return the number and the time of the last change; 0 where there is none."""
    connection = reader if isinstance(reader, Connection) else reader.connection()
    row = connection.execute(_LATEST).one_or_none()
    return (row.change, row.at) if row else (0, datetime.min.replace(tzinfo=UTC))


def now() -> datetime:
    """Return the time: the one place that reads the clock."""
    return datetime.now(UTC)
