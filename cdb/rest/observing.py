"""Every request is looked at here, whoever answers it, and told to who listens."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from pyramid.interfaces import IExecutionPolicy
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router
from structlog.contextvars import bind_contextvars, clear_contextvars
from zope.interface import implementer

from cdb.errors import Overloaded
from cdb.observed import OBSERVED, REFUSED, REQUEST_ID, Observed
from cdb.rest.context import Context
from cdb.rest.errors import answer_of
from cdb.rest.lane import Policy

log = logging.getLogger(__name__)


@implementer(IExecutionPolicy)
class Observing:
    """An execution policy around all others: it sees each request, and each answer.

    What it notes is at `environ[OBSERVED]`, where code on the way adds what it knows. The
    listeners of the service are told of it once, when the answer ends.

    Args:
        policy: what answers.

    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, environ: dict[str, Any], router: Router) -> Response:
        """Answer a request of a WSGI server."""
        context: Context = router.registry.cdb
        observed = environ[OBSERVED] = Observed(environ)
        bind_contextvars(request_id=observed.request_id)
        if context.tracing:
            context.tracing.begin(environ, observed)
        try:
            response = self._answer(environ, router)
        except Exception as error:  # noqa: BLE001 - there is an answer for each
            response = _failed(error, environ, context)
        observed.answered(response.status_int)
        response.headerlist.append((REQUEST_ID, observed.request_id))
        body = response.app_iter
        if isinstance(body, list):
            observed.sent = 0 if observed.method == "HEAD" else sum(map(len, body))
            _tell(context, observed)
        else:
            response.app_iter = _Body(body, observed, context)
        return response

    def _answer(self, environ: dict[str, Any], router: Router) -> Response:
        if environ.get(REFUSED):
            raise Overloaded("The service has more requests than it can answer.")
        return self._policy(environ, router)


class _Body:
    """An answer that ends later than it begins."""

    def __init__(self, pieces: Iterable[bytes], observed: Observed, context: Context) -> None:
        self._pieces = pieces
        self._observed = observed
        self._context: Context | None = context
        observed.is_cut = observed.method != "HEAD"

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._observed.sent += len(piece)
            yield piece
        self._observed.is_cut = False

    def close(self) -> None:
        """Tell of it; a server calls it when the answer is sent or nobody wants it."""
        context, self._context = self._context, None
        try:
            getattr(self._pieces, "close", bool)()
        finally:
            if context:
                _tell(context, self._observed)


def _failed(error: Exception, environ: dict[str, Any], context: Context) -> Response:
    request = Request(environ)
    request.cdb = context
    return answer_of(error, request)


def _tell(context: Context, observed: Observed) -> None:
    for listener in context.listeners:
        try:
            listener(observed)
        except Exception:
            log.exception("what looks on at requests failed")
    clear_contextvars()


def note_route(event: Any) -> None:
    """Note the route that the framework has found, if any; for its event `ContextFound`."""
    if route := getattr(event.request, "matched_route", None):
        event.request.environ[OBSERVED].route = route.pattern
