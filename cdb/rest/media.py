"""What answers come as: a JSON document; of lists also one document a line."""

import gzip

import orjson
from pyramid.request import Request
from pyramid.response import Response

JSON = "application/json"
LINES = "application/x-ndjson"

_OPTIONS = orjson.OPT_UTC_Z

_QUICK = 3
"""A level of gzip: of rows of numbers, higher ones spare little for the time that they take."""


def media_type(request: Request) -> str:
    """Return what a client asks a list to come as: lines where it names them, else an array."""
    return LINES if LINES in request.headers.get("Accept", "") else JSON


def json_response(value: object, status: int = 200) -> Response:
    """Return a value as a JSON answer. Moments come as ISO 8601 in UTC."""
    return json_body(dumps(value), status)


def json_body(body: bytes, status: int = 200) -> Response:
    """Return an answer whose body is JSON."""
    response = Response(body, status=status, content_type=JSON)
    # As Cornice says of all that it answers.
    response.headerlist.append(("X-Content-Type-Options", "nosniff"))
    return response


def packed(request: Request, response: Response) -> Response:
    """Return an answer, compressed for who takes that: rows of numbers become a sixth or less.

    Both have one ETag, which is a weak one then: it stands for what is said. That a copy still
    holds is told of the same one.
    """
    response.vary = (*(response.vary or ()), "Accept-Encoding")
    if request.accept_encoding and request.accept_encoding.acceptable_offers(["gzip"]):
        if response.body:
            response.body = gzip.compress(response.body, _QUICK, mtime=0)
            response.content_encoding = "gzip"
        response.headers["ETag"] = f"W/{response.headers['ETag']}"
    return response


def dumps(value: object) -> bytes:
    """Return a value as JSON."""
    return orjson.dumps(value, option=_OPTIONS)
