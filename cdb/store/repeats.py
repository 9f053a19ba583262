"""What writes answered, kept for those that are sent again."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cdb.store.engine import connection_of, is_postgresql
from cdb.store.models import RecordedAnswer


class Key(NamedTuple):
    """Whose write it is, what they call it, and what it was: a hash of the request."""

    subject: str
    idempotency_key: str
    fingerprint: str


class Recorded(NamedTuple):
    """What a write answered: the fingerprint of the request, the JSON, and its change."""

    fingerprint: str
    body: str
    change: int | None


def claim(session: Session, key: Key, created: datetime) -> Recorded | None:
    """Take a key for the write that begins; return what was answered if it was there before.

    Another write with the key that is still going on is waited for.
    """
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    taken = (
        insert(RecordedAnswer)
        .values(**key._asdict(), created=created)
        .on_conflict_do_nothing()
        .returning(RecordedAnswer.subject)
    )
    if connection_of(session).execute(taken).one_or_none():
        return None
    found = select(RecordedAnswer.fingerprint, RecordedAnswer.body, RecordedAnswer.change)
    row = connection_of(session).execute(found.where(_is(key))).one()
    return Recorded._make(row)


def keep(session: Session, key: Key, body: str, change: int | None) -> None:
    """Keep what a write answered, with the write itself."""
    statement = update(RecordedAnswer).where(_is(key)).values(body=body, change=change)
    connection_of(session).execute(statement)


def expire(session: Session, before: datetime) -> None:
    """Remove what was kept before a time."""
    connection_of(session).execute(delete(RecordedAnswer).where(RecordedAnswer.created < before))


def _is(key: Key) -> ColumnElement[bool]:
    return and_(
        RecordedAnswer.subject == key.subject,
        RecordedAnswer.idempotency_key == key.idempotency_key,
    )
