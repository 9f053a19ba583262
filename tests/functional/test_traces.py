"""Traces of a service, as a collector gets them."""

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import API, Client

from cdb.app import make_app
from cdb.settings import SettingsError, load

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(HTTPServer):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.spans: list[Any] = []
        self.services: set[str] = set()


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.services.add(attributes(of_service.resource)["service.name"])
            for scope in of_service.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def attributes(having: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in having.attributes
    }


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_request_is_a_span_with_its_statements(databases: Any, collector: Collector) -> None:
    with databases("sqlite") as url:
        ini = {"cdb.database.url": url, "cdb.allow_open_writes": "true"}
        traces = f"http://127.0.0.1:{collector.server_port}/v1/traces"
        app = make_app(load({**ini, "cdb.traces": traces}, {}))
        client = Client(app)
        headers = {
            "traceparent": f"00-{TRACE}-{PARENT}-01",
            "X-Request-ID": "traced-by-me",
            "Authorization": "Basic a-secret-of-mine",
        }
        client.api("POST", "pt", {"name": "Traced"}, headers={**headers, "Authorization": ""})
        client.api("GET", "globalTag/NoSuch?password=a-secret-of-mine", headers=headers)
        client.api("GET", "/health/live")
        app.registry.cdb.tracing.close()
        app.registry.cdb.database.dispose()
    assert collector.services == {"cdb"}
    assert "a-secret-of-mine" not in str(collector.spans)
    assert "Traced" not in str(collector.spans)
    requests = [span for span in collector.spans if "http.route" in attributes(span)]
    assert [span.name for span in requests] == [
        f"POST {API}/pt",
        f"GET {API}/globalTag/{{name}}",
        "GET /health/live",
    ]
    write, read, live = requests
    assert write.trace_id.hex() == read.trace_id.hex() == TRACE != live.trace_id.hex()
    assert write.parent_span_id.hex() == PARENT
    said = attributes(write)
    assert (said["http.response.status_code"], said["cdb.change"]) == (200, 1)
    assert (said["user.name"], said["cdb.request_id"]) == ("anonymous", "traced-by-me")
    assert attributes(read)["error.type"] == "not-found"
    assert live.parent_span_id == b""
    statements = [span for span in collector.spans if "db.query.text" in attributes(span)]
    of_write = [span.name for span in statements if span.parent_span_id == write.span_id]
    assert "INSERT" in {name.upper() for name in of_write}
    assert {span.trace_id for span in statements} == {write.trace_id}


def test_traces_without_the_extra_stop_the_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cdb.rest.tracing", None)
    ini = {"cdb.database.url": "sqlite:////x", "cdb.allow_open_writes": "true"}
    settings = load({**ini, "cdb.traces": "http://127.0.0.1:1"}, {})
    with pytest.raises(SettingsError, match=r"cdb\.traces: traces need an extra"):
        make_app(settings)
