"""Requests that schemathesis makes up from the OpenAPI document."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from guarded import JWT, ROLES, as_role, key_is_set, populate, service
from processes import environ
from support import Client, serving
from torture.campaign import Campaign

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
    client.request(
        "/api/cdb_rest/payloads/Beam/hello.txt", method="PUT", body=b"hello world", status=200
    )


def test_fuzz_whatever_the_document_permits_is_answered_as_it_says(
    campaign: Campaign, databases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    services = cycle(SERVICES)
    for number in campaign.rounds(at_least=2):
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
