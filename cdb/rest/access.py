"""The access log: a line for each request, with what was noted of it."""

import logging
from collections.abc import Iterable

from cdb.observed import Observed
from cdb.rest.service import Resource

log = logging.getLogger("cdb.access")

_QUIET = ("/health/", "/metrics")
"""What asks again and again, and is no request of a client."""

_AS_NOTED = ("client", "route", "source", "server", "subject", "change", "code")

_LONGEST = 1000
"""Characters of a path, a query string or a client's name that are logged."""


class AccessLog:
    """A listener that writes the access log.

    Of a query string it shows the parameters that an endpoint knows: anything else could be
    a secret, as a token that somebody has put there.

    Args:
        resources: all of a service.

    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._parameters = {
            field.alias or name
            for resource in resources
            for operation in resource.operations
            if operation.query
            for name, field in operation.query.model_fields.items()
        }

    def __call__(self, observed: Observed) -> None:
        """Write the line of a request."""
        level = _level(observed)
        if not log.isEnabledFor(level):
            return
        said: dict[str, object] = {
            "method": observed.method,
            "path": _as_sent(observed.path),
            "status": observed.status,
            "seconds": round(observed.seconds, 6),
            "sent": observed.sent,
        }
        for name in _AS_NOTED:
            if (value := getattr(observed, name)) is not None:
                said[name] = value
        if observed.query:
            said["query"] = self._known(observed.query)
        if observed.agent:
            said["agent"] = observed.agent[:_LONGEST]
        if observed.is_cut:
            said["is_cut"] = True
        log.log(level, "request", extra=said)

    def _known(self, query: str) -> str:
        parts = query[:_LONGEST].split("&")
        known = [part for part in parts if part.partition("=")[0] in self._parameters]
        return "&".join(known if len(known) == len(parts) else [*known, "…"])


def _as_sent(path: str) -> str:
    """Return a path as its bytes are meant: WSGI has each of them as a character."""
    path = path[:_LONGEST]
    return path if path.isascii() else path.encode("latin-1").decode("utf-8", "replace")


def _level(observed: Observed) -> int:
    if observed.status >= 500:
        return logging.WARNING
    if observed.path.startswith(_QUIET):
        return logging.DEBUG
    return logging.INFO
