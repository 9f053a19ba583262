"""What lists come as: one JSON array, or one JSON document a line."""

from pyramid.request import Request

JSON = "application/json"
LINES = "application/x-ndjson"


def media_type(request: Request) -> str:
    """Return what a client asks a list to come as: lines where it names them, else an array."""
    return LINES if LINES in request.headers.get("Accept", "") else JSON
