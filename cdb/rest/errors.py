"""Every error becomes one JSON shape with the right status, whoever raised it."""

import logging
import random
import re
import sqlite3
from collections.abc import Mapping
from functools import singledispatch

import psycopg2.errors
from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import (
    HTTPException,
    HTTPMethodNotAllowed,
    HTTPMovedPermanently,
    HTTPNotFound,
)
from pyramid.request import Request
from pyramid.response import Response
from pyramid_retry import mark_error_retryable
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cdb.errors import (
    CdbError,
    Invalid,
    InvalidCredentials,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Unauthenticated,
    Unavailable,
)
from cdb.observed import OBSERVED
from cdb.rest.media import json_response
from cdb.rest.service import NOT_STORED
from cdb.rest.writing import Written, settled
from cdb.store.pools import is_lost

log = logging.getLogger(__name__)

_BUSY = Unavailable("The database is busy with another write.")

_REALM = 'Bearer realm="cdb"'

_NOT_QUOTED = re.compile(r"[^ !#-\[\]-~]")
"""What a quoted string of a challenge must not have, a line end above all."""

_LONGEST_REASON = 200
"""Characters of a reason that a challenge repeats; the body has all of it."""

_RETRY_AFTER = "1"
"""Seconds, for a client that waits as told."""

_RETRY_LATER = range(5, 16)
"""The same where there are too many clients, which are not to come back all at once."""


def includeme(config: Configurator) -> None:
    """Register the exception view."""
    config.add_exception_view(answer_of, context=Exception)
    # For these the framework has a view of its own, which would be taken as the closer one.
    config.add_exception_view(answer_of, context=HTTPException)


@singledispatch
def answer_of(error: Exception, request: Request) -> Response:
    """Return the answer of a request that an error ended."""
    return of_anything(error, request)


def body_of(error: CdbError) -> dict[str, object]:
    """Return the body of an answer: messages by field, or one sentence; and the code."""
    said = error.fields or {"detail": error.detail}
    return {**said, "code": error.code}


@answer_of.register
def of_cdb(error: CdbError, request: Request) -> Response:
    """Answer an error of cdb's own."""
    status = error.status
    if isinstance(error, Unavailable):
        status = request.cdb.settings.unavailable_status
    response = _response(request, body_of(error), status)
    response.headers["Cache-Control"] = NOT_STORED
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = _RETRY_AFTER
    if isinstance(error, Overloaded):
        response.headers["Retry-After"] = str(random.choice(_RETRY_LATER))  # noqa: S311 - no secret
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = _challenge(error)
    return response


def _challenge(error: Unauthenticated) -> str:
    """Return the challenge of a 401, as RFC 6750 writes it."""
    if not isinstance(error, InvalidCredentials):
        return _REALM
    said = _NOT_QUOTED.sub("'", error.detail[:_LONGEST_REASON])
    return f'{_REALM}, error="invalid_token", error_description="{said}"'


@answer_of.register(HTTPException)
def of_http(error: HTTPException, request: Request) -> Response:
    """Answer what the framework raised: unknown paths, wrong methods, redirects."""
    if isinstance(error, HTTPMethodNotAllowed):
        response = of_cdb(MethodNotAllowed(f"{request.method} is not possible here."), request)
        methods = set(error.allow or ())
        response.allow = sorted(methods | ({"HEAD"} if "GET" in methods else set()))
        return response
    # A folder of static files moves to where it has a slash, which is taken off again.
    if isinstance(error, (HTTPNotFound, HTTPMovedPermanently)):
        return of_cdb(NotFound("There is nothing at this path."), request)
    if error.status_int < 400:
        return error
    return _response(request, {"detail": error.title, "code": "http"}, error.status_int)


@answer_of.register(URLDecodeError)
def of_path(_error: URLDecodeError, request: Request) -> Response:
    """Answer a path whose bytes are not UTF-8."""
    return of_cdb(Invalid("The path is not UTF-8."), request)


@answer_of.register
def of_database(error: DBAPIError, request: Request) -> Response:
    """Answer what the database raised; what may succeed at once is tried again."""
    if _is_transient(error):
        # Never after a lost connection: whether the commit happened is not known then.
        mark_error_retryable(error)
        return of_cdb(_BUSY, request)
    if isinstance(error.orig, psycopg2.errors.LockNotAvailable):
        return of_cdb(_BUSY, request)  # it has waited as long as it may
    if (
        isinstance(error, OperationalError)
        or error.connection_invalidated
        or isinstance(error.orig, psycopg2.errors.ReadOnlySqlTransaction)  # it is a standby now
        or _has_no_tables(error)
    ):
        log.warning("the database cannot be used: %s", _first_line(error))
        if (written := getattr(request, "written", None)) and is_lost(error):
            return _of_commit(written, request)
        return of_cdb(Unavailable("The database cannot be used at the moment."), request)
    if isinstance(error, DataError):
        log.warning("the database refused a value: %s", _first_line(error))
        return of_cdb(Invalid("The database cannot hold one of these values."), request)
    return of_anything(error, request)


def _of_commit(written: Written, request: Request) -> Response:
    try:
        return settled(request, written)
    except Unavailable as unavailable:
        return of_cdb(unavailable, request)


@answer_of.register
def of_pool(_error: PoolTimeout, request: Request) -> Response:
    """Answer that no connection became free in time."""
    return of_cdb(Unavailable("The service has no free database connection."), request)


def of_anything(error: Exception, request: Request) -> Response:
    """Answer what nobody foresaw, without a word about it; the log has it all."""
    # Quoted: a path can have line ends, which would look like another entry of the log.
    log.error("%s %r failed", request.method, request.path_info, exc_info=error)
    name = request.environ[OBSERVED].request_id
    detail = f"The service failed. Its log says why, of the request {name}."
    return _response(request, {"detail": detail, "code": "internal"}, 500)


def _response(request: Request, body: Mapping[str, object], status: int) -> Response:
    request.environ[OBSERVED].code = body["code"]
    return json_response(body, status)


def _is_transient(error: DBAPIError) -> bool:
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original) or "busy" in str(original)
    return isinstance(
        original,
        (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected),
    )


def _has_no_tables(error: DBAPIError) -> bool:
    """Tell whether the database is not migrated, which SQLite says with OperationalError."""
    return isinstance(
        error.orig,
        (
            psycopg2.errors.UndefinedTable,
            psycopg2.errors.UndefinedColumn,
            psycopg2.errors.UndefinedFunction,
        ),
    )


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
