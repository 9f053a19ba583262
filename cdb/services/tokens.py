"""API tokens: made and revoked by operators, shown once, kept as hashes."""

import hashlib
import re
import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from cdb.errors import NotFound
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import tokens, writes
from cdb.store.changes import now, open_change
from cdb.store.engine import Reader
from cdb.store.models import Token

PREFIX = "cdb_"
"""What every API token begins with, so that it is recognised, also by scanners of leaks."""

_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


def create(
    session: Session,
    rules: Rules,
    writer: Writer,
    owner: str,
    scopes: list[str],
    expires: datetime | None = None,
    description: str | None = None,
) -> tuple[str, tokens.TokenRecord]:
    """Make an API token.

    Args:
        session: of the write.
        rules: of the service.
        writer: who makes it.
        owner: whom the change log names for what is written with it.
        scopes: what it is limited to, as in `cdb.write:/Prod*`.
        expires: when it ends to be valid; None for never.
        description: what it is for.

    Returns:
        The token, which is not kept and cannot be shown again, and its record.

    """
    # 256 random bits cannot be guessed, so a plain hash of them is enough.
    token = PREFIX + secrets.token_urlsafe(32)
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    token_id = writes.next_id(session, Token)
    tokens.add(
        session,
        id=token_id,
        hash=_hash(token),
        owner=owner,
        description=description,
        scopes=scopes,
        created=change.at,
        expires=expires,
    )
    change.record("create", "token", str(token_id), owner=owner, scopes=scopes)
    return token, _found(session, token_id)


def revoke(session: Session, rules: Rules, writer: Writer, token_id: int) -> tokens.TokenRecord:
    """Make an API token invalid; one that is so already changes nothing.

    Raises:
        NotFound: no token has this id.

    """
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = _found(session, token_id)
    if record.revoked is None:
        tokens.revoke(session, token_id, change.at)
        change.record("revoke", "token", str(token_id), owner=record.owner)
    return _found(session, token_id)


def is_api_token(text: str) -> bool:
    """Tell whether a bearer token is one of cdb's own."""
    return text.startswith(PREFIX)


def valid(reader: Reader, token: str) -> tuple[tokens.TokenRecord | None, str]:
    """Return the record of a token that is valid now, or None and why it is not."""
    record = tokens.by_hash(reader, _hash(token)) if _FORM.fullmatch(token) else None
    if record is None:
        return None, "The API token is not known."
    if record.revoked is not None:
        return None, "The API token was revoked."
    if record.expires is not None and record.expires <= now():
        return None, "The API token has expired."
    return record, ""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _found(reader: Reader, token_id: int) -> tokens.TokenRecord:
    record = tokens.by_id(reader, token_id)
    if record is None:
        raise NotFound(f"API token {token_id} does not exist.")
    return record
