"""Reads over several servers: each request is answered by one, by another where that fails."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pyramid.request import Request
from sqlalchemy.exc import DBAPIError

from cdb.errors import NotYet, ServerFailed
from cdb.observed import OBSERVED
from cdb.rest import holding
from cdb.services import moments

_Answer = TypeVar("_Answer")

_TRIES = 3
"""Places that are asked for an answer; the last one is the primary."""

_POOLS = 2
"""Pools of a database that an answer may read through: for statements, and for snapshots."""


def answered(request: Request, answer: Callable[[], _Answer]) -> _Answer:
    """Return the answer of a read, from a server that has all that the client has seen.

    Args:
        request: what is answered; `request.cdb.database` becomes what it reads.
        answer: makes the answer. It is called again where a server fails, which nobody
            notices: until it returns nothing was sent.

    Raises:
        Invalid: `CDB-Min-Change` is no number.
        Unavailable: what the client has seen is not here yet.

    """
    response = _spread(request, answer)
    request.environ[OBSERVED].server = request.cdb.database.name
    return response


def _spread(request: Request, answer: Callable[[], _Answer]) -> _Answer:
    context, wanted = request.cdb, holding.min_change(request)
    if context.database.replicas is None:
        return _answered(request, wanted, answer)
    seen = max(wanted, holding.known_change(request))
    for _ in range(_TRIES - 1):
        request.cdb = replace(context, database=context.database.reading(seen))
        try:
            return _answered(request, wanted, answer)
        except ServerFailed:
            continue
        except NotYet:  # what is not here yet on a replica may be on the primary
            break
    request.cdb = context
    return _answered(request, wanted, answer)


def _answered(request: Request, wanted: int, answer: Callable[[], _Answer]) -> _Answer:
    """Return an answer from one place, also where that was started anew.

    Connections are broken then. The first one that is noticed lets go of all in its pool.
    """
    for _ in range(_POOLS):
        try:
            return _asked(request, wanted, answer)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
    return _asked(request, wanted, answer)


def _asked(request: Request, wanted: int, answer: Callable[[], _Answer]) -> _Answer:
    if wanted:
        with request.cdb.database.statement() as reader:
            moments.require(reader, wanted)
    return answer()
