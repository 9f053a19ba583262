"""What the headers of a write say: why, on what condition, and whether it is a repeat."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from cdb.domain.names import control_character
from cdb.errors import Invalid, KeyUsedOtherwise, Unavailable, Unconfirmed
from cdb.observed import OBSERVED
from cdb.rest import holding
from cdb.services.writer import Writer
from cdb.store import repeats
from cdb.store.changes import is_committed, now
from cdb.store.engine import EVENTS

LONGEST_COMMENT = 10_000
LONGEST_KEY = 255


class Written(NamedTuple):
    """A write that lacks nothing but its commit, and its answer."""

    session: Session
    response: Response


def settled(request: Request, written: Written) -> Response:
    """Return the answer of a write whose connection was lost while it was committed.

    Raises:
        Unavailable: nothing was written.
        Unconfirmed: it may have been.

    """
    database = request.cdb.database
    try:
        is_done = is_committed(database, written.session)
    except (DBAPIError, PoolTimeout):
        is_done = None
    if is_done is None:
        raise Unconfirmed(
            "The database went away while it wrote this, so it may be written, or not. Look, or "
            "send it again with its Idempotency-Key."
        )
    if not is_done:
        raise Unavailable("The database went away before it wrote this; nothing is written.")
    database.tell(written.session)
    return written.response


def writer_of(request: Request, *, dry_run: bool = False) -> Writer:
    """Return who writes, with the reason, and the heads that the tags have to be at.

    Args:
        request: the write.
        dry_run: whether it is only tried.

    Raises:
        Invalid: a header is wrong.

    """
    writer: Writer = request.cdb.security.writer(request)
    comment = _text(request, "CDB-Comment", LONGEST_COMMENT)
    expected = holding.expected_heads(request)
    return replace(writer, comment=comment, expected=expected, dry_run=dry_run)


def idempotency_key(request: Request) -> str | None:
    """Return the `Idempotency-Key` of a write, or None.

    Raises:
        Invalid: it is too long, or no text.

    """
    return _text(request, "Idempotency-Key", LONGEST_KEY)


def once(
    request: Request,
    session: Session,
    writer: Writer,
    name: str | None,
    body: bytes | None,
    write: Callable[[], Response],
) -> Response:
    """Return the answer of a write, or what it answered before where it is sent again.

    Only what was done is kept: an error changed nothing, and may be tried again.

    Args:
        request: the write.
        session: of the write; the answer is kept with it, or neither is.
        writer: whose keys are their own.
        name: its idempotency key; None where it has none.
        body: of the request; another one is another write. None where the view reads
            it itself: nobody could tell whether it is another one, and what such a write
            does is the same however often it is done, so its key is not looked at.
        write: what is to be done once.

    Raises:
        KeyUsedOtherwise: the key came with another request before.

    """
    if name is None or body is None:
        return _with_change(request, write(), _change(session))
    fingerprint = hashlib.sha256(
        f"{request.method} {request.path_info}?{request.query_string}\n".encode() + body
    )
    key = repeats.Key(writer.identity.subject, name, fingerprint.hexdigest())
    moment = now()
    repeats.expire(session, moment - request.cdb.settings.idempotency_keep)
    recorded = repeats.claim(session, key, moment)
    if recorded is None:
        response = write()
        repeats.keep(session, key, response.text, _change(session))
        return _with_change(request, response, _change(session))
    if recorded.fingerprint != key.fingerprint:
        raise KeyUsedOtherwise(f"The idempotency key {name!r} came with another request.")
    answer = Response(recorded.body, content_type="application/json", charset="UTF-8")
    answer.headers["Idempotency-Replayed"] = "true"
    return _with_change(request, answer, recorded.change)


def _change(session: Session) -> int | None:
    events = session.info.get(EVENTS)
    return events[-1].change if events else None


def _with_change(request: Request, response: Response, change: int | None) -> Response:
    if change is not None:
        request.environ[OBSERVED].change = change
        response.headers["CDB-Change"] = str(change)
    return response


def _text(request: Request, header: str, longest: int) -> str | None:
    """Return the text of a header; what is not ASCII is taken for UTF-8, as clients send it."""
    given: str = request.headers.get(header, "").strip()
    if not given:
        return None
    try:
        given = given.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise Invalid(f"{header} is not UTF-8.") from None
    if len(given) > longest:
        raise Invalid(f"{header} has more than {longest} characters.")
    if control_character(given):
        raise Invalid(f"{header} has a control character.")
    return given
