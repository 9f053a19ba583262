"""Requests that schemathesis makes up from the OpenAPI document, and bytes."""

import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
from guarded import JWT, ROLES, as_role, key_is_set, populate, service
from processes import environ
from support import API, Client, serving
from torture.campaign import Campaign
from torture.mutation import mutated

TESTS = Path(__file__).parents[1]
ST = Path(sys.executable).with_name("st")
LEFT_OUT = {
    "positive_data_acceptance": "`accepts_what_is_documented` takes its place",
    "object_level_authorization": "needs users that own things; test_permissions.py has that",
}
"""The only checks that are not made, each with its reason."""
SECONDS = 120
"""How long one database is asked, before there is a fresh one."""


class Asked(NamedTuple):
    """A service that is asked.

    Attributes:
        database: its kind.
        settings: beside the database.
        role: that asks; none for everybody.

    """

    database: str
    settings: Mapping[str, str]
    role: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return as_role(self.role) if self.role else {}


OPEN = {"allow_open_writes": "true"}
CLOSED = {**JWT, **ROLES, "read_access": "authenticated"}
SERVICES = [
    Asked("postgresql", CLOSED, "admin"),
    Asked("sqlite", OPEN),
    Asked("postgresql", OPEN),
    Asked("sqlite", CLOSED, "admin"),
    Asked("sqlite", CLOSED, "nobody"),
]


@contextmanager
def filled(databases: Any, asked: Asked, store: Path) -> Iterator[str]:
    """Serve a database with something of everything; gives the URL."""
    store.mkdir(exist_ok=True)
    settings = {"timeout_endpoint": "false", "payload_store": str(store)}
    with ExitStack() as stack:
        url = stack.enter_context(databases(asked.database))
        filling = stack.enter_context(service(url, **OPEN, **settings))
        fill(filling)
        client = stack.enter_context(service(url, **asked.settings, **settings))
        yield stack.enter_context(serving(client.app))


def fill(client: Client) -> None:
    """Make what `schemathesis.toml` names; texts that are made up begin with "0"."""
    populate(client)
    for name in ("Frozen", "0"):
        client.ok("POST", "gt", {"name": name})
    client.ok("PUT", "gt_change_status/Frozen/frozen")
    client.ok("POST", "pt", {"name": "0"})
    made = client.ok("POST", "pl", {"payload_type": "0"})
    client.ok("PUT", "pl_attach", {"payload_list": made["name"], "global_tag": "0"})
    client.request(f"{API}/payloads/Beam/hello.txt", method="PUT", body=b"hello world", status=200)


def test_fuzz_whatever_the_document_permits_is_answered_as_it_says(
    campaign: Campaign, databases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    services = cycle(SERVICES)
    for number in campaign.rounds():
        asked = next(services)
        with filled(databases, asked, tmp_path / str(number)) as url:
            limits = (
                ["--max-time", str(SECONDS)]
                if campaign.is_long
                else ["--phases", "fuzzing,stateful", "--max-examples", "2"]
            )
            done = schemathesis(url, campaign.random.getrandbits(32), asked.headers, *limits)
        assert done.returncode == 0, f"{asked}\n{done.stdout[-20_000:]}{done.stderr}"
        campaign.count("requests", int(re.findall(r"([0-9]+) generated", done.stdout)[0]))


def schemathesis(
    url: str, seed: int, headers: Mapping[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Ask a service by schemathesis, in a process of its own."""
    sent = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    return subprocess.run(
        [
            *(ST, "--config-file", TESTS / "torture" / "schemathesis.toml"),
            *("run", f"{url}/openapi.json", "--checks", "all", "--seed", str(seed)),
            *("--exclude-checks", ",".join(LEFT_OUT)),
            *("--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off"),
            *sent,
            *options,
        ],
        check=False,
        capture_output=True,
        text=True,
        env=environ(PYTHONPATH=str(TESTS), SCHEMATHESIS_HOOKS="torture.written"),
        timeout=SECONDS * 10,
    )


# --- bytes on a socket ----------------------------------------------------------------


def request(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([line, *headers, "", body]).encode()


HEADERS = (
    *("Host: a", "Range: bytes=0-4,6-", 'If-None-Match: W/"3:ab:cd", "x"', "CDB-Min-Change: 1"),
    *("Accept: application/json;q=0.5, */*", "Accept-Encoding: gzip;q=1, identity"),
    *("Cache-Control: no-cache, max-age=0", "Authorization: Bearer a.b.c", "TE: trailers"),
)
ROW = '[{"payload_list": "Beam_1", "payload_url": "x", "major_iov": 1, "minor_iov": 0}]'
BATCH = '{"gtName": ["Dev"], "points": [[1, 2], "5,0"], "asOf": "3"}'
JSON = ("Host: localhost", "Content-Type: application/json")
SENT = [
    request(f"GET {API}/payloadiovs/?gtName=Dev&majorIOV=5&minorIOV=0 HTTP/1.1", *HEADERS),
    request(f"GET {API}/globalTag/D%65v?asOf=2026-01-01T00%3A00Z HTTP/1.1", "Host: [::1]:80"),
    request(f"GET {API}/payloads/Beam/hello.txt HTTP/1.0", *HEADERS),
    request(f"GET {API}/points?at=1,2&at=5:3&dimension=run-lumi HTTP/1.1", "Host: a"),
    request(f"POST {API}/bulk_piov HTTP/1.1", *JSON, f"Content-Length: {len(ROW)}", body=ROW),
    request(
        f"POST {API}/payload-iovs/query/batch HTTP/1.1",
        *(*JSON, "Transfer-Encoding: chunked"),
        body=f"{len(BATCH):x}\r\n{BATCH}\r\n0\r\n\r\n",
    ),
    request(
        f"PUT {API}/payloads/Beam/new.txt HTTP/1.1",
        *("Host: localhost", "Content-Length: 3", "Expect: 100-continue"),
        body="abc",
    ),
]
"""Valid requests of every kind of parser that there is on the way."""


LAST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
STATUS = re.compile(rb"^HTTP/1\.[01] ([0-9]{3}) ", re.MULTILINE)


def answered(address: tuple[str, int], sent: bytes) -> bytes:
    """Send bytes and a good request; give all that comes until the server closes, or waits."""
    received = b""
    with socket.create_connection(address, timeout=60) as connection, suppress(OSError):
        connection.sendall(sent + LAST)
        # The rest of a body that was announced never comes.
        connection.settimeout(0.2)
        while piece := connection.recv(65536):
            received += piece
    return received


def test_fuzz_bytes_on_a_socket_are_no_failure_of_the_server(
    campaign: Campaign, databases: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with filled(databases, Asked("sqlite", OPEN), tmp_path / "store") as root:
        address = str(urlsplit(root).hostname), int(urlsplit(root).port or 0)
        for number in campaign.rounds(at_least=160):
            raw = mutated(campaign.random, SENT[number % len(SENT)])
            received = answered(address, raw)
            for status in map(int, STATUS.findall(received)):
                campaign.count(f"answers {status}")
                assert status < 500 or status in (501, 505), (raw, received)
            assert b"Traceback" not in received, raw
        assert requests.get(f"{root}/health/ready", timeout=60).json()["status"] == "ok"
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
