"""The log of a real service: what is in it, and what never is."""

import http.client
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from processes import CDB, ROOT, environ
from support import API

KEY = "k" * 16 + "-signs-the-tokens"
CLAIMS = {"sub": "jane", "aud": "cdb", "roles": ["admin"], "exp": int(time.time()) + 3600}
TOKEN = jwt.encode(CLAIMS, KEY, "HS256")
FORGED = jwt.encode({**CLAIMS, "sub": "eve"}, KEY[::-1], "HS256")
API_TOKEN = "cdb_" + "aB3-_" * 8 + "xyz"  # a form, and no token
PASSWORD = "hunter2-of-somebody"  # noqa: S105 - of nobody
PAYLOAD = b'{"pedestal": 17.25, "of": "channel-0815"}'


class Service:
    """A service that runs, and the lines of its log."""

    def __init__(self, url: str, log: Path) -> None:
        self.place = urlsplit(url).netloc
        self.log = log

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Send a request as it is, and return the answer, whose body is read."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection(self.place, timeout=120)) as connection:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]  # it is read once
        return answer

    def lines(self, **having: Any) -> list[dict[str, Any]]:
        """Return the lines whose fields have these values; each line has to be JSON."""
        found = [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]
        return [line for line in found if having.items() <= line.items()]

    def line(self, **having: Any) -> dict[str, Any]:
        """Return the one line with these values, which comes after the answer, if only just."""
        deadline = time.monotonic() + 120
        while not (found := self.lines(**having)):
            assert time.monotonic() < deadline, having
        [line] = found
        return line


@pytest.fixture(scope="module")
def service(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service of `production.ini`, which logs all that it can."""
    folder = tmp_path_factory.mktemp("logs")
    log = folder / "stderr"
    levels = re.sub(r"(?m)^level = (WARNING|INFO)$", "level = DEBUG", PRODUCTION)
    store = f"[app:main]\ncdb.payload_store = {folder}/payloads"
    (folder / "mine.ini").write_text(levels.replace("[app:main]", store))
    with databases("sqlite") as database, log.open("w") as stderr:
        variables = {"CDB_JWT_SECRET": KEY, "CDB_DATABASE_URL": database}
        with subprocess.Popen(
            [CDB, "serve", folder / "mine.ini", "--listen", "127.0.0.1:0"],
            stderr=stderr,
            env=environ(**variables),
        ) as process:
            yield Service(_url(log), log)
            process.terminate()


PRODUCTION = (ROOT / "production.ini").read_text("utf-8")


def _url(log: Path) -> str:
    deadline = time.monotonic() + 120
    while not (found := re.search(r"cdb serves (http://[0-9.:]+)", log.read_text("utf-8"))):
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.02)
    return found[1]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}


# --- what is in it ----------------------------------------------------------------------


def test_request_is_a_line(service: Service) -> None:
    path = f"{API}/payloadiovs/?gtName=NoSuch&majorIOV=1&minorIOV=0&colour=red"
    answer = service.ask("GET", path, X_Request_ID="a-read-of-mine", User_Agent="basf2/8")
    assert answer.headers["X-Request-ID"] == "a-read-of-mine"
    line = service.line(logger="cdb.access", request_id="a-read-of-mine")
    assert line.pop("seconds") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "cdb.access",
        "event": "request",
        "request_id": "a-read-of-mine",
        "client": "127.0.0.1",
        "agent": "basf2/8",
        "method": "GET",
        "path": f"{API}/payloadiovs/",
        "query": "gtName=NoSuch&majorIOV=1&minorIOV=0&…",
        "route": f"{API}/payloadiovs",
        "status": 404,
        "sent": len(answer.text),  # type: ignore[attr-defined]  # see `ask`
        "code": "not-found",
    }


def test_all_lines_of_a_request_have_its_name(service: Service) -> None:
    body = json.dumps({"name": "Named"}).encode()
    headers = {"X_Request_ID": "a-write-of-mine", "CDB_Comment": "to see"}
    answer = service.ask("POST", f"{API}/pt", body, **bearer(TOKEN), **headers)
    change = int(answer.headers["CDB-Change"])
    line = service.line(logger="cdb.access", request_id="a-write-of-mine")
    assert (line["subject"], line["change"], line["level"]) == ("jane", change, "info")
    line = service.line(logger="cdb.changes", request_id="a-write-of-mine")
    assert (line["change"], line["actor"], line["object_name"]) == (change, "jane", "Named")
    assert line["comment"] == "to see"


def test_health_checks_are_for_who_wants_all(service: Service) -> None:
    service.ask("GET", "/health/live", X_Request_ID="a-health-check")
    assert service.line(request_id="a-health-check")["level"] == "debug"


def test_name_that_is_not_utf8_is_a_line(service: Service) -> None:
    service.ask("GET", f"{API}/globalTag/%E9", X_Request_ID="not-utf-8")
    assert service.line(request_id="not-utf-8")["path"] == f"{API}/globalTag/\ufffd"
    service.ask("GET", f"{API}/globalTag/%C3%A9%0A%1b", X_Request_ID="more-than-ascii")
    assert service.line(request_id="more-than-ascii")["path"] == f"{API}/globalTag/é\n\x1b"


# --- what never is ------------------------------------------------------------------------

Sending = Callable[[Service], object]

WITH_SECRETS: dict[str, Sending] = {
    "a token that holds": lambda s: s.ask("GET", f"{API}/whoami", **bearer(TOKEN)),
    "a forged token": lambda s: s.ask("GET", f"{API}/whoami", **bearer(FORGED)),
    "an unknown API token": lambda s: s.ask("GET", f"{API}/whoami", **bearer(API_TOKEN)),
    "a password": lambda s: s.ask(
        "GET", f"{API}/whoami", Authorization=f"Basic {PASSWORD}", Cookie=f"session={PASSWORD}"
    ),
    "the query": lambda s: s.ask(
        "GET", f"{API}/globalTags?access_token={TOKEN}&password={PASSWORD}&{API_TOKEN}"
    ),
    "a parameter that is known": lambda s: s.ask(
        "GET", f"{API}/payloadiovs/?gtName={TOKEN}&majorIOV={API_TOKEN}&minorIOV=0"
    ),
    "the path": lambda s: s.ask("GET", f"{API}/globalTag/{API_TOKEN}"),
    "a path that leads nowhere": lambda s: s.ask("GET", f"/{TOKEN}"),
    "the body": lambda s: s.ask(
        "POST", f"{API}/pt", json.dumps({"nom": PASSWORD}).encode(), **bearer(TOKEN)
    ),
    "wrong JSON": lambda s: s.ask("POST", f"{API}/pt", PASSWORD.encode(), **bearer(TOKEN)),
    "other headers": lambda s: s.ask(
        "GET",
        f"{API}/globalTags",
        X_Request_ID=API_TOKEN,
        User_Agent=f"job Bearer {TOKEN}",
        Referer=f"https://example.org/?token={PASSWORD}",
        Idempotency_Key=PASSWORD,
    ),
    "a payload": lambda s: s.ask(
        "PUT", f"{API}/payloads/Stored/p.json", PAYLOAD, Authorization=f"Bearer {TOKEN}"
    ),
}


def test_no_secret_and_no_payload_is_in_the_log(service: Service) -> None:
    service.ask("POST", f"{API}/pt", b'{"name": "Stored"}', **bearer(TOKEN))
    for send in WITH_SECRETS.values():
        send(service)
    service.ask("GET", "/health/live", X_Request_ID="the-last-one")
    service.line(request_id="the-last-one")
    stored = service.line(route=f"{API}/payloads/{{payload_type}}/{{file_name}}")
    assert (stored["status"], stored["subject"]) == (200, "jane")
    log = service.log.read_text("utf-8")
    parts = [part for token in (TOKEN, FORGED) for part in token.split(".")[1:]]
    told = [*parts, API_TOKEN, API_TOKEN[4:], PASSWORD, KEY, PAYLOAD.decode(), "channel-0815"]
    assert [secret for secret in told if secret in log] == []
    assert "[hidden]" in log


# --- what the page says --------------------------------------------------------------------

PAGE = (ROOT / "docs/logs.md").read_text("utf-8")


def test_examples_have_the_fields_that_lines_have(service: Service) -> None:
    request, change = (json.loads(each) for each in re.findall(r"```json\n(.*)\n```", PAGE))
    body = json.dumps({"name": "Shown"}).encode()
    headers = {"X_Request_ID": "as-on-the-page", "CDB_Comment": "to see"}
    service.ask("POST", f"{API}/gt", body, **bearer(TOKEN), **headers)
    assert change.keys() == service.line(request_id="as-on-the-page", logger="cdb.changes").keys()
    path = f"{API}/globalTags?page=1"
    for name in ("asked-first", "asked-again"):
        service.ask("GET", path, X_Request_ID=name, User_Agent="hep-cdb-client/0.1.0")
    line = service.line(request_id="asked-again", logger="cdb.access")
    assert list(request) == list(line)
    assert line["source"] == "kept"


def test_every_field_of_a_request_is_in_the_table(service: Service) -> None:
    table = PAGE.partition("| field |")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    documented = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    logged = {name for line in service.lines(logger="cdb.access") for name in line}
    assert logged - documented == set()
    assert documented - logged <= {
        *("exception", "trace_id", "is_cut", "actor", "action"),
        *("object_type", "object_name", "comment"),
    }
