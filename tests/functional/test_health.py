"""Whether the process answers, and whether it can do its work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Client

from cdb.app import make_app
from cdb.settings import load
from cdb.store import migrate, schema
from cdb.store.engine import Database


def test_live_and_ready(client: Client) -> None:
    assert client.ok("GET", "/health/live") == {"status": "ok"}
    ready = client.ok("GET", "/health/ready")
    assert ready["checks"] == {"database": "ok", "migrations": "ok", "statuses": "ok"}
    assert ready["status"] == "ok"
    assert set(ready["seconds"]) == {"database"}
    assert ready["seconds"]["database"] >= 0


def test_not_ready_without_tables(make_client: Callable[..., Client], database: Database) -> None:
    migrate.downgrade(database, "base")
    answer = make_client().api("GET", "/health/ready", status=503)
    assert answer.json["status"] == "failing"
    assert answer.json["checks"] == {
        "database": "ok",
        "migrations": f"the database has no tables, and {schema.head()} is needed",
        "statuses": "unknown",
    }


@pytest.fixture
def without_database(tmp_path: Path) -> Any:
    """A client of a service whose database is not there."""
    url = f"postgresql+psycopg2://nobody@/nothing?host={tmp_path}"
    return Client(make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {})))


def test_live_does_not_need_the_database(without_database: Client) -> None:
    assert without_database.ok("GET", "/health/live") == {"status": "ok"}


def test_ready_names_the_database_that_cannot_be_reached(without_database: Client) -> None:
    answer = without_database.api("GET", "/health/ready", status=503)
    assert answer.json["status"] == "failing"
    assert answer.json["checks"] == {
        "database": "cannot be reached (OperationalError)",
        "migrations": "unknown",
        "statuses": "unknown",
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "payloadiovs/?gtName=A&majorIOV=1&minorIOV=1", None),
        ("GET", "globalTags", None),
        ("GET", "gt", None),
        ("POST", "gt", {"name": "A"}),
        ("PUT", "gt_change_status/A/locked", None),
    ],
)
def test_requests_say_that_the_database_is_not_there(
    without_database: Client, method: str, path: str, body: Any
) -> None:
    answer = without_database.api(method, path, body, status=503)
    assert answer.json["code"] == "unavailable"
    assert answer.headers["Retry-After"] == "1"
    assert "nobody" not in answer.text


def test_the_root_says_where_things_are(client: Client) -> None:
    about = client.ok("GET", "/")
    assert about["name"] == "cdb"
    assert about["links"]["api"] == "/api/cdb_rest"
    for place in ("web", "documentation", "openapi", "live", "ready"):
        client.get(about["links"][place], status=200)


def test_web_leads_to_the_interface(client: Client) -> None:
    answer = client.api("GET", "web/", status=302)
    client.get(answer.location, status=200)
