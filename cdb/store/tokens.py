"""API tokens, of which only the hashes are kept."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from cdb.store import reads
from cdb.store.engine import Reader
from cdb.store.models import Token

USED_EVERY = timedelta(minutes=1)
"""How exact `last_used` is; noting each use would make every read a write."""


class TokenRecord(NamedTuple):
    """An API token, without what it is known by."""

    id: int
    owner: str
    description: str | None
    scopes: list[str]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None


_TOKENS = select(
    Token.id,
    Token.owner,
    Token.description,
    Token.scopes,
    Token.created,
    Token.expires,
    Token.revoked,
    Token.last_used,
).order_by(Token.id)
_BY_HASH = _TOKENS.where(Token.hash == bindparam("hash"))
_BY_ID = _TOKENS.where(Token.id == bindparam("id"))


def tokens(reader: Reader) -> list[TokenRecord]:
    """Return all API tokens, also those that are no longer valid."""
    return [TokenRecord._make(row) for row in reads.run(reader, _TOKENS)]


def by_hash(reader: Reader, hash_: str) -> TokenRecord | None:
    """Return the API token with a hash."""
    return reads.one(TokenRecord._make, reads.run(reader, _BY_HASH, hash=hash_))


def by_id(reader: Reader, token_id: int) -> TokenRecord | None:
    """Return an API token by its id."""
    return reads.one(TokenRecord._make, reads.run(reader, _BY_ID, id=token_id))


def add(session: Session, **values: Any) -> None:
    """Add an API token."""
    session.connection().execute(insert(Token), [values])


def revoke(session: Session, token_id: int, at: datetime) -> None:
    """Make an API token invalid from now on; it stays in the list."""
    session.connection().execute(update(Token).where(Token.id == token_id).values(revoked=at))


def used(session: Session, token_id: int, at: datetime) -> None:
    """Note that an API token was used, unless that was noted a moment ago."""
    session.connection().execute(
        update(Token)
        .where(
            Token.id == token_id,
            or_(Token.last_used.is_(None), Token.last_used < at - USED_EVERY),
        )
        .values(last_used=at)
    )
