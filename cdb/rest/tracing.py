"""Traces by OpenTelemetry: each request is a span, and each statement that it sends one in it.

It needs the extra `otel`, and is imported where traces are wanted only.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from structlog.contextvars import bind_contextvars

from cdb.observed import Observed

_STATEMENT = "cdb.span"
"""Where a connection keeps the span of the statement that it runs."""


class Tracing:
    """The traces of a service; a listener that ends the span of a request.

    Args:
        endpoint: the URL that spans are sent to, by OTLP over HTTP, some seconds later.

    """

    def __init__(self, endpoint: str) -> None:
        own = {"service.name": "cdb", "service.version": version("hep-cdb")}
        # What the environment says of the service wins.
        resource = Resource(own).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("cdb")
        self._parents = TraceContextTextMapPropagator()
        self._statements: dict[str, Callable[..., Any]] = {
            "before_cursor_execute": self._begin_statement,
            "after_cursor_execute": self._end_statement,
            "handle_error": self._fail_statement,
        }
        for name, listener in self._statements.items():
            event.listen(Engine, name, listener)

    def close(self) -> None:
        """Send what is left, and trace nothing more."""
        for name, listener in self._statements.items():
            event.remove(Engine, name, listener)
        self._provider.shutdown()

    def begin(self, environ: Mapping[str, Any], observed: Observed) -> None:
        """Begin the span of a request, in the trace that it belongs to."""
        sent = {name: environ.get(f"HTTP_{name.upper()}", "") for name in self._parents.fields}
        parent = self._parents.extract(sent)
        span = self._tracer.start_span(observed.method, context=parent, kind=trace.SpanKind.SERVER)
        observed.span = span, context.attach(trace.set_span_in_context(span, parent))
        bind_contextvars(trace_id=trace.format_trace_id(span.get_span_context().trace_id))

    def __call__(self, observed: Observed) -> None:
        """End the span of a request."""
        span, token = observed.span
        span.update_name(f"{observed.method} {observed.route or ''}".strip())
        said = {
            "http.request.method": observed.method,
            "http.route": observed.route,
            "http.response.status_code": observed.status,
            "http.response.body.size": observed.sent,
            "client.address": observed.client,
            "error.type": observed.code,
            "user.name": observed.subject,
            "cdb.change": observed.change,
            "cdb.request_id": observed.request_id,
            "cdb.server": observed.server,
            "cdb.source": observed.source,
        }
        span.set_attributes({key: value for key, value in said.items() if value is not None})
        if observed.status >= 500 or observed.is_cut:
            span.set_status(trace.StatusCode.ERROR)
        span.end()
        context.detach(token)

    def _begin_statement(
        self, connection: Connection, _cursor: Any, statement: str, *_: Any
    ) -> None:
        # What no request asks for, as a look at a replica, is no trace.
        if trace.get_current_span().is_recording():
            said = {"db.system.name": connection.dialect.name, "db.query.text": statement}
            name, kind = statement.split(maxsplit=1)[0], trace.SpanKind.CLIENT
            connection.info[_STATEMENT] = self._tracer.start_span(name, kind=kind, attributes=said)

    def _end_statement(self, connection: Connection, *_: Any) -> None:
        if span := connection.info.pop(_STATEMENT, None):
            span.end()

    def _fail_statement(self, failed: ExceptionContext) -> None:
        if failed.connection and (span := failed.connection.info.pop(_STATEMENT, None)):
            span.set_status(trace.StatusCode.ERROR)
            span.end()
