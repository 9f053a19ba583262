"""Every route, who may ask there, and what each is told: for the tables of attacks.

The routes are those that the application has, so a new one fails `test_attack_table` until it has
an entry: a write in `every_write`, a read among `SAMPLES`, anything else in `FILES`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from every_write import WRITES
from guarded import Headers
from support import API, Client

from cdb.rest import openapi, views
from cdb.rest.service import Resource

NAMES = {
    "global_tags": "Dev",
    "payload_types": "Beam",
    "payload_lists": "Beam_1",
    "global-tags": "Dev",
    "payload-lists": "Beam_1",
}
"""What is read by the views of a module, and by those of others below a path that begins so."""

SAMPLES = {
    "a": "Dev",
    "b": "Prod",
    "change": "1",
    "name": "CDB_IOV_MODE",
    "id": "1",
    "checksum": hashlib.sha256(b"stored").hexdigest(),
}
QUERIES = {
    "payload_iovs.valid_at": "gtName=Dev&majorIOV=5&minorIOV=0",
    "service.read_points": "at=5,0",
    "service.sleep": "seconds=0",
}
BODIES: Mapping[str, Any] = {
    "payloads/check": ["0" * 32],
    "payload-iovs/query/batch": {"gtName": "Dev", "points": [[0, 0]]},
}
"""Of requests that read by POST."""

FILES = {"/ui": "/ui", "/ui/*path": "/ui/global-tags/Dev", "/static/*path": "/static/app.js"}
"""What is no endpoint, and has no data in it: the web interface, by its routes."""

TELLS_WHO_ASKS = {"whoami"}
"""The one read that always looks at credentials, since it answers who has sent them."""

VARIES = {"health/live", "health/ready", "metrics"}
"""What says how the service is at the moment: no two answers are the same."""


ALL = (*views.RESOURCES, openapi.resource)
ENDPOINTS = {
    f"/{path}".rstrip("/") or "/" if resource.rooted else f"{API}/{path}": (path, resource)
    for resource in ALL
    for path in resource.paths
}
READS = [
    (path, resource, operation)
    for path, resource in ENDPOINTS.values()
    for operation in resource.operations
    if not operation.writes
]


def url_of(path: str, resource: Resource, view: Any = None, **others: str) -> str:
    """Return the URL of something that `populate` has made, or of what there is not."""
    below = path.partition("/")[0]
    first: Any = view or resource.operations[0].view
    module = first.__module__.rpartition(".")[2]
    name = NAMES.get(module) or NAMES.get(below) or SAMPLES["name"]
    writing = {key: each for write in WRITES for key, each in write.variables.items()}
    variables = {**writing, **SAMPLES, "name": name, **others}
    query = QUERIES.get(f"{module}.{first.__name__}") if view else None
    root = "" if resource.rooted else API
    return f"{root}/{path.format(**variables)}{f'?{query}' if query else ''}"


# --- who asks, and what is said ---------------------------------------------------


class Sender(NamedTuple):
    """Somebody, and what they are taken for: nobody, an impostor, or somebody who is known."""

    name: str
    taken_for: str
    headers: Headers
    address: str = "198.51.100.7"

    def send(self, client: Client, method: str, url: str, body: Any = None, **more: str) -> Any:
        """Send a request, whose body is JSON where it is not bytes."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        is_json = {"Content-Type": "application/json"} if raw and raw is not body else {}
        return client.request(
            url,
            method=method,
            body=raw,
            headers={**is_json, **self.headers, **more},
            environ={"REMOTE_ADDR": self.address},
            status="*",
        )


def said(answer: Any) -> tuple[int, str]:
    """Return status and code of an answer, after a look at what every answer has to have."""
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert "Set-Cookie" not in headers
    if answer.status_int < 400:
        assert "WWW-Authenticate" not in headers
        return answer.status_int, ""
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    challenge = headers.get("WWW-Authenticate", "")
    assert challenge.startswith('Bearer realm="cdb"') == (answer.status_int == 401)
    code = str(answer.json["code"]) if answer.body else ""
    return answer.status_int, code


def refused(sender: Sender) -> tuple[int, str]:
    codes = {"nobody": (401, "unauthenticated"), "impostor": (401, "invalid-credentials")}
    return codes.get(sender.taken_for, (403, "forbidden"))


def same(answers: Iterable[Any]) -> bool:
    return len({answer.body for answer in answers}) == 1


def wrong(
    senders: Iterable[Sender], ask: Callable[[Sender], Any], expected: Callable[[Sender], Any]
) -> list[str]:
    found = []
    for sender in senders:
        answer = said(ask(sender))
        if answer != expected(sender):
            found.append(f"{sender.name}: {answer} and not {expected(sender)}")
    return found
