"""The fast lane: reads that everybody may make are answered before the framework is asked.

To match a route, to open and close a transaction manager and to ask policies that
have nothing to say costs more than such an answer. Everything else, also what the
lane does not know, takes the usual way.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pyramid.interfaces import IExecutionPolicy
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router
from zope.interface import implementer

from cdb.observed import OBSERVED
from cdb.rest import spreading
from cdb.rest.context import Context
from cdb.rest.service import Resource, direct

SLASHED = "cdb.slashed"
"""Where a request keeps that its path had a slash at its end: relative links go from there."""

Answer = Callable[[Request], Response | None]
"""Answers a request, or returns None where the usual way has to."""

Policy = Callable[[dict[str, Any], Router], Response]
"""An execution policy: answers a request of a WSGI server by an application."""


class _Request(Request):  # type: ignore[misc]  # its base is untyped
    """A request that the framework has not seen."""

    cdb: Context | None = None
    sealed: object = None
    validated: object = None


@implementer(IExecutionPolicy)
class Lane:
    """An execution policy that answers what it can, and leaves the rest to another one.

    Where reads are protected, it answers none.

    Args:
        resources: all of a service.
        base: the path that the API stands under.
        usual: what is asked where the lane has no answer.

    """

    def __init__(self, resources: Iterable[Resource], base: str, usual: Policy) -> None:
        self._usual = usual
        self._direct: dict[str, Answer] = {
            f"{base}/{path}": direct(operation, resource)
            for resource in resources
            for path in resource.paths
            for operation in resource.operations
            if operation.in_lane
        }

    def __call__(self, environ: dict[str, Any], router: Router) -> Response:
        """Answer a request of a WSGI server."""
        _drop_trailing_slash(environ)
        context: Context = router.registry.cdb
        if environ["REQUEST_METHOD"] == "GET" and not context.security.protects_reads:
            answer = self._answer(environ, context)
            if answer is not None:
                return answer
        return self._usual(environ, router)

    def _answer(self, environ: dict[str, Any], context: Context) -> Response | None:
        request = _Request(environ)
        request.cdb = context
        path = environ.get("PATH_INFO", "")
        answer: Answer | None = self._direct.get(path)
        if answer is None:
            return _again(request)
        environ[OBSERVED].route = path
        return answer(request)


def _again(request: Request) -> Response | None:
    """Return the answer that this very URL had before, where that is kept and still holds."""
    answers = request.cdb.answers
    route = answers.route(request)
    if route is None:
        return None
    request.environ[OBSERVED].route = route
    return spreading.answered(request, lambda: answers.again(request))


def _drop_trailing_slash(environ: dict[str, Any]) -> None:
    """Take every path with and without a trailing slash, never by a redirect."""
    path = environ.get("PATH_INFO", "")
    if len(path) > 1 and path.endswith("/"):
        environ["PATH_INFO"] = path[:-1]
        environ[SLASHED] = True
