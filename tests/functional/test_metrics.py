"""What `/metrics` shows of one process: counts of what was asked, and how far the content goes."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conditions import QUERY, fill, make_list, row
from guarded import JWT, ROLES, as_role, key_is_set, service
from pages import ROOT
from scraped import read, read_openmetrics, scrape
from support import API, Client, statements
from webob import Request

from cdb.rest import metrics
from cdb.services import watching
from cdb.store import lag, migrate
from cdb.store.engine import Database

MakeClient = Callable[..., Client]

OPEN = {"allow_open_writes": "true"}

NAMES = {each.name for each in metrics.METRICS}


def shown(client: Client, name: str, **labels: str) -> float | None:
    return scrape(client).value(name, **labels)


# --- what is counted --------------------------------------------------------------


def test_requests_are_counted_by_method_route_and_status(client: Client) -> None:
    client.ok("POST", "gt", {"name": "A"})
    for name in ("A", "A", "B"):
        client.api("GET", f"globalTag/{name}")
    client.api("HEAD", "globalTag/A")
    client.api("DELETE", "globalTag/A", status=405)
    seen = scrape(client)
    route = f"{API}/globalTag/{{name}}"
    counted = {
        ("GET", "200"): 2,
        ("GET", "404"): 1,
        ("HEAD", "200"): 1,
    }
    for (method, status), number in counted.items():
        labels = {"method": method, "route": route, "status": status}
        assert seen.value("cdb_http_requests_total", **labels) == number, labels
    assert seen.value("cdb_http_request_duration_seconds_count", method="GET", route=route) == 3
    bucket = {"method": "GET", "route": route, "le": "30.0"}
    assert seen.value("cdb_http_request_duration_seconds_bucket", **bucket) == 3


def test_nobody_can_make_up_series(client: Client) -> None:
    before = len(scrape(client))
    for number in range(50):
        client.get(f"/made-up-{number}", status=404)
        client.get(f"{API}/globalTag/made-up-{number}", status=404)
        client.get(f"/ui/made-up-{number}", status=200)
        Request.blank("/metrics", method=f"MADE{number}").get_response(client.app)
        client.get(f"{API}/globalTags", headers={"Authorization": f"Made{number} up"}, status="*")
    seen = scrape(client)
    # A counter and the buckets of a histogram for each of some pairs of method and route.
    assert len(seen) - before < 6 * (len(metrics.BUCKETS) + 5)
    assert not any("made" in value.lower() for series in seen for _, value in series.labels)


def test_answers_are_counted_by_source(client: Client) -> None:
    fill(client)
    first = client.api("GET", QUERY, status=200)
    client.ok("GET", QUERY)
    client.api("GET", QUERY, headers={"If-None-Match": first.headers["ETag"]}, status=304)
    seen = scrape(client)
    for source in ("database", "kept", "not-modified"):
        assert seen.value("cdb_answers_total", source=source, server="primary") == 1, source
    kept = seen.value("cdb_kept_bytes")
    assert kept
    assert kept > len(first.body)


def test_changes_are_counted_by_action(client: Client) -> None:
    fill(client)
    client.ok("POST", "gt?dry_run=1", {"name": "C"})
    client.ok("POST", "cloneGlobalTag/A/C")
    client.api("POST", "gt", {"name": "A"}, status=400)
    seen = scrape(client)
    counted = {
        labels["action"]: seen.value("cdb_changes_total", **labels)
        for labels in seen.labels("cdb_changes_total")
    }
    assert counted == {"create": 6, "attach": 2, "bulk": 2, "clone": 1}
    assert seen.value("cdb_change") == sum(counted.values())  # type: ignore[arg-type]  # all are there


def test_rejected_writes_are_counted_by_code(client: Client) -> None:
    client.ok("POST", "gt", {"name": "A"})
    client.api("POST", "gt", {"name": "A"}, status=400)
    client.api("POST", "gt", {"nom": "A"}, status=400)
    client.api("GET", "globalTag/none", status=404)  # no write
    client.api("POST", "payloads/check", "nonsense", status=400)  # it reads
    seen = scrape(client)
    assert seen.value("cdb_rejected_writes_total", code="name-taken") == 1
    assert seen.value("cdb_rejected_writes_total", code="invalid") == 1
    assert seen.value("cdb_rejected_writes_total", code="not-found") == 0


def test_authentication_failures_are_counted_by_code(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    with service(database_url, **JWT, **ROLES) as client:
        client.api("POST", "gt", {"name": "A"}, status=401)
        client.api("POST", "gt", {"name": "A"}, headers=as_role("admin", exp=1), status=401)
        client.api("POST", "gt", {"name": "A"}, headers=as_role("nobody"), status=403)
        seen = scrape(client)
    name = "cdb_authentication_failures_total"
    assert seen.value(name, code="unauthenticated") == 1
    assert seen.value(name, code="invalid-credentials") == 1
    assert len(seen.labels(name)) == 2
    assert seen.value("cdb_rejected_writes_total", code="forbidden") == 1


def test_services_of_one_process_count_each_for_itself(make_client: MakeClient) -> None:
    one, other = make_client(), make_client()
    one.ok("POST", "gt", {"name": "A"})
    assert shown(one, "cdb_changes_total", action="create") == 1
    assert shown(other, "cdb_changes_total", action="create") is None
    assert shown(other, "cdb_change") == 1


# --- how the service is -----------------------------------------------------------


def test_connections_are_those_of_the_pools(make_client: MakeClient) -> None:
    client = make_client(**{"database.pool_size": "3"})
    client.ok("GET", "globalTags")
    with client.app.registry.cdb.database.snapshot():
        seen = scrape(client)
    used = {
        labels["pool"]: seen.value("cdb_database_connections", **labels, state="busy")
        for labels in seen.labels("cdb_database_connections_limit")
    }
    assert sorted(used.values()) == [0, 1]  # type: ignore[type-var]  # all are there
    limits = [seen.value("cdb_database_connections_limit", pool=pool) for pool in used]
    assert limits == [6, 6]


def test_every_declared_metric_is_shown_and_no_other(
    tmp_path: Path, make_client: MakeClient
) -> None:
    client = make_client(compiled=str(tmp_path), event_listeners="log")
    fill(client)
    client.ok("GET", QUERY)
    seen = {re.sub("_(bucket|sum|count)$", "", series.name) for series in scrape(client)}
    # Those of replicas are seen where there are some: test_replicas.py.
    assert NAMES - seen == {"cdb_replica_up", "cdb_replica_lag_seconds"}
    assert seen - NAMES == set()


def test_queries_of_the_page_are_about_metrics_that_there_are() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    queries = page[page.index("## What to ask") : page.index("## Several processes")]
    asked = set(re.findall(r"\bcdb_[a-z_]+", queries))
    assert len(asked) > 10
    assert {re.sub("_bucket$", "", name) for name in asked} - NAMES == set()


def test_formats_of_prometheus_and_openmetrics_say_the_same(client: Client) -> None:
    fill(client)
    plain = client.api("GET", "/metrics", status=200)
    accepted = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    other = client.api("GET", "/metrics", headers=accepted, status=200)
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert other.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert plain.headers["Cache-Control"] == "no-store"
    before, after = read(plain.text), read_openmetrics(other.text)
    content = {series for series in before if series.name.startswith(("cdb_change", "cdb_newest"))}
    assert {series: after[series] for series in content} == {
        each: before[each] for each in content
    }


# --- how far the content goes -----------------------------------------------------


def test_newest_start_and_last_write_of_each_type_and_tag(client: Client) -> None:
    fill(client)
    made = make_list(client, "A", "U")
    client.ok("POST", "bulk_piov", [row(made, "u", 7), row(made, "v", 12)])
    seen = scrape(client)
    starts = {
        (labels["global_tag"], labels["payload_type"]): seen.value(
            "cdb_newest_start_major", **labels
        )
        for labels in seen.labels("cdb_newest_start_major")
    }
    assert starts == {("A", "T"): 0, ("A", "U"): 12, ("B", "T"): 0}
    at = {"global_tag": "A", "payload_type": "U"}
    assert seen.value("cdb_newest_start_minor", **at) == 0
    assert seen.value("cdb_written_timestamp_seconds", **at) == seen.value(
        "cdb_change_timestamp_seconds"
    )


def tags(client: Client) -> set[str]:
    """Return the global tags of which it is told how far they go."""
    return {labels["global_tag"] for labels in scrape(client).labels("cdb_newest_start_major")}


def test_what_is_known_follows_each_write(client: Client) -> None:
    fill(client)
    at = {"global_tag": "A", "payload_type": "T"}
    for major in (10, 20):
        client.ok("POST", "bulk_piov", [row("T_1", f"at {major}", major)])
        assert shown(client, "cdb_newest_start_major", **at) == major
    client.ok("DELETE", "deletePayloadIOV/A/T/20/0")
    assert shown(client, "cdb_newest_start_major", **at) == 10
    client.ok(
        "PUT", "pl_attach", {"global_tag": "B", "payload_list": make_list(client, None, "U")}
    )
    assert tags(client) == {"A", "B"}


def test_clone_goes_as_far_as_its_source_did(client: Client) -> None:
    fill(client)
    written = shown(client, "cdb_written_timestamp_seconds", global_tag="A", payload_type="T")
    client.ok("POST", "cloneGlobalTag/A/Clone")
    client.ok("POST", "bulk_piov", [row("T_1", "later", 5)])
    seen = scrape(client)
    clone = {"global_tag": "Clone", "payload_type": "T"}
    assert seen.value("cdb_newest_start_major", global_tag="A", payload_type="T") == 5
    assert seen.value("cdb_newest_start_major", **clone) == 0
    assert seen.value("cdb_written_timestamp_seconds", **clone) == written


def test_clone_of_a_change_is_told_with_what_that_wrote(client: Client) -> None:
    fill(client)
    for clone, major, write in (
        ("With", 5, ("POST", "bulk_piov", [row("T_1", "later", 5)])),
        ("Without", 0, ("DELETE", "deletePayloadIOV/A/T/5/0")),
    ):
        client.ok(*write)
        seen = scrape(client)
        written = seen.value("cdb_change_timestamp_seconds")
        client.ok("POST", "bulk_piov", [row("T_1", "later still", 7)])
        client.ok("POST", f"cloneGlobalTag/A/{clone}?asOf={seen['cdb_change', frozenset()]:.0f}")
        at = {"global_tag": clone, "payload_type": "T"}
        assert shown(client, "cdb_newest_start_major", **at) == major
        assert shown(client, "cdb_written_timestamp_seconds", **at) == written
        client.ok("DELETE", "deletePayloadIOV/A/T/7/0")


def test_clone_that_was_written_to_is_told_once(client: Client) -> None:
    fill(client)
    client.ok("POST", "cloneGlobalTag/A/Clone")
    [cloned] = client.ok("GET", "gtPayloadLists/Clone").values()
    client.ok("POST", "bulk_piov", [row(cloned, "later", 5)])
    assert shown(client, "cdb_newest_start_major", global_tag="Clone", payload_type="T") == 5


def test_of_all_that_starts_in_a_major_the_last_is_told(client: Client) -> None:
    fill(client)
    rows = [{**row("T_1", f"at {minor}", 9), "minor_iov": minor} for minor in (3, 7, 5)]
    client.ok("POST", "bulk_piov", rows)
    assert shown(client, "cdb_newest_start_minor", global_tag="A", payload_type="T") == 7


def test_list_that_was_emptied_goes_nowhere_and_was_written(client: Client) -> None:
    fill(client)
    client.ok("DELETE", "deletePayloadIOV/A/T/0/0")
    seen, at = scrape(client), {"global_tag": "A", "payload_type": "T"}
    assert seen.value("cdb_newest_start_major", **at) is None
    assert seen.value("cdb_written_timestamp_seconds", **at) == seen.value(
        "cdb_change_timestamp_seconds"
    )


@pytest.mark.parametrize("path", ["payload-types/T", "payload-lists/by-name/T_1"])
def test_what_was_described_is_told_once(client: Client, path: str) -> None:
    fill(client)
    client.ok("PATCH", path, {"description": "new"})
    assert shown(client, "cdb_newest_start_major", global_tag="A", payload_type="T") == 0


def test_tags_that_nobody_can_write_to_are_left_out(client: Client) -> None:
    fill(client)
    assert tags(client) == {"A", "B"}
    client.ok("PUT", "gt_change_status/A/locked")
    client.ok("PUT", "gt_change_status/B/frozen")
    assert tags(client) == {"A"}


def test_setting_names_the_tags_that_are_told(make_client: MakeClient) -> None:
    client = make_client(metrics_tags="B* None")
    fill(client)
    client.ok("PUT", "gt_change_status/B/frozen")
    assert tags(client) == {"B"}


def test_of_too_many_lists_the_ones_written_to_last_are_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_MOST", 1)
    fill(client)
    assert tags(client) == {"B"}
    assert shown(client, "cdb_global_tags_left_out") == 1
    client.ok("POST", "bulk_piov", [row("T_1", "later", 5)])
    assert tags(client) == {"A"}


def test_scrapes_ask_the_database_for_nothing_that_has_not_changed(client: Client) -> None:
    fill(client)
    scrape(client)
    assert asked(client) == 1
    client.ok("POST", "bulk_piov", [row("T_1", "later", 5)])
    # The last change, the tags, and the lists of the one that was written to.
    assert asked(client) == 3


def asked(client: Client) -> int:
    """Return how many statements a scrape needs."""
    with statements() as sent:
        scrape(client)
    return len([each for each in sent if each != "BEGIN"])


# --- when the database is away, and who may ask -----------------------------------


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_scrape_does_not_wait_for_a_database_that_is_silent(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "_CONNECT_S", 3600)  # whoever waits for it waits for ever
    monkeypatch.setattr(watching, "_WAIT_S", 0.2)
    with service(f"postgresql+psycopg2://cdb@127.0.0.1:{silent}/cdb", **OPEN) as client:
        seen = scrape(client)
    assert seen.value("cdb_database_up", server="primary") == 0
    assert seen.labels("cdb_build_info")
    assert seen.labels("cdb_change") == []


def test_database_without_tables_is_not_up(database: Database, make_client: MakeClient) -> None:
    client = make_client()
    assert shown(client, "cdb_database_up", server="primary") == 1
    migrate.downgrade(database, "base")
    assert shown(client, "cdb_database_up", server="primary") == 0
    migrate.upgrade(database)
    assert shown(client, "cdb_database_up", server="primary") == 1


def test_where_reads_are_protected_so_are_metrics(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    with service(database_url, read_access="authenticated", **JWT, **ROLES) as client:
        refused = client.api("GET", "/metrics", status=401)
        assert refused.json["code"] == "unauthenticated"
        client.api("GET", "/metrics", headers=as_role("nobody"), status=200)


def test_metrics_can_be_turned_off(make_client: MakeClient) -> None:
    client = make_client(metrics="false")
    fill(client)
    assert client.api("GET", "/metrics", status=404).json["code"] == "not-found"
    assert "metrics" not in client.ok("GET", "/")["links"]


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text;version=x", "é", "*/*;q=x", "text/plain;version=,;"]
)
def test_whatever_a_client_takes_it_gets_text(client: Client, accept: str) -> None:
    answer = client.api("GET", "/metrics", headers={"Accept": accept}, status=200)
    assert "cdb_build_info" in answer.text
