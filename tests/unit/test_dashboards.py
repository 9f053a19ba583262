"""Dashboards and alerts ask for what the service says, and each can be understood by itself."""

import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from dashboards import BOARDS, DEPLOY, Asked, board, panels, queries, rules
from support import program

from cdb.rest.metrics import METRICS

PROMETHEUS = DEPLOY / "prometheus"

LABELS = {metric.name: set(metric.labels) for metric in METRICS}
KINDS = {metric.name: metric.kind for metric in METRICS}
OF_PROMETHEUS = {"job", "instance", "le"}

each_board = pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)


def of_metric(name: str) -> str:
    """Return the metric that a series is of."""
    for end in ("_bucket", "_sum", "_count"):
        if KINDS.get(name.removesuffix(end)) == "histogram":
            return name.removesuffix(end)
    return name


def unknown(query: str) -> set[str]:
    """Return the metrics and labels in a query that nothing has."""
    asked = Asked.of(query)
    names = {of_metric(name) for name in asked.metrics} - {"up"}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = set().union(*(LABELS.get(name, set()) for name in names)) | OF_PROMETHEUS
    if any(name in query for name in recorded):
        known |= set().union(*LABELS.values())
    return (names - set(LABELS)) | (asked.labels - known)


# --- what is asked for exists -----------------------------------------------------------


def test_what_does_not_exist_is_noticed() -> None:
    assert unknown('sum by (route) (rate(cdb_http_requests_total{status=~"5.."}[5m]))') == set()
    assert unknown('sum(rate(cdb_http_request_total{status=~"5.."}[5m]))') == {
        "cdb_http_request_total",
        "status",
    }
    assert unknown("sum by (path) (cdb_http_requests_total)") == {"path"}
    assert unknown('cdb_http_requests_total{path="/"}') == {"path"}
    assert unknown("histogram_quantile(1, cdb_http_request_duration_seconds_bucket)") == set()


@each_board
def test_dashboard_asks_for_metrics_that_there_are(path: Path) -> None:
    assert {query: unknown(query) for _, query in queries(path) if unknown(query)} == {}


def test_rules_ask_for_metrics_that_there_are() -> None:
    assert {rule["expr"]: unknown(rule["expr"]) for rule in rules() if unknown(rule["expr"])} == {}


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        of_metric(name)
        for path in BOARDS
        for _, query in queries(path)
        for name in Asked.of(query).metrics
    }
    assert set(LABELS) - shown == set()


# --- dashboards -------------------------------------------------------------------------


@each_board
def test_dashboard_is_known_by_its_name(path: Path) -> None:
    found = board(path)
    assert found["uid"] == f"cdb-{path.stem}"
    assert found["title"].startswith("cdb: ")
    assert isinstance(found["schemaVersion"], int)


@each_board
def test_every_panel_says_what_it_shows_and_in_which_unit(path: Path) -> None:
    for panel in panels(path):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["expr"] for target in panel["targets"]), panel["title"]
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@each_board
def test_no_panel_covers_another(path: Path) -> None:
    def covers(one: dict[str, int], other: dict[str, int]) -> bool:
        return all(
            one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
            for start, size in (("x", "w"), ("y", "h"))
        )

    places = {panel["id"]: panel["gridPos"] for panel in board(path)["panels"]}
    assert len(places) == len(board(path)["panels"])
    assert [pair for pair in combinations(places, 2) if covers(*(places[n] for n in pair))] == []
    assert all(place["x"] + place["w"] <= 24 for place in places.values())


@each_board
def test_variables_are_declared_and_the_data_source_is_one(path: Path) -> None:
    declared = {each["name"] for each in board(path)["templating"]["list"]}
    for panel in panels(path):
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            used = {
                name for name in declared | {"__rate_interval"} if f"${name}" in target["expr"]
            }
            assert target["expr"].count("$") >= len(used)
            assert used - declared <= {"__rate_interval"}


def test_provisioned_data_source_is_prometheus_of_the_stack() -> None:
    read = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/cdb.yaml").read_text())
    (source,) = read["datasources"]
    told = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == told["global"]["scrape_interval"]


# --- alerts -----------------------------------------------------------------------------


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def promtool(*arguments: str | Path) -> str:
    command = [program("promtool"), *arguments]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_prometheus_takes_its_configuration_and_the_rules() -> None:
    said = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert f"SUCCESS: {len(rules())} rules found" in said


def test_alerts_come_when_they_have_to() -> None:
    promtool("test", "rules", *sorted(PROMETHEUS.glob("*_test.yml")))


def test_every_alert_is_tried_both_ways() -> None:
    tried: dict[str, set[bool]] = {}
    for path in PROMETHEUS.glob("*_test.yml"):
        for group in yaml.safe_load(path.read_text())["tests"]:
            for test in group["alert_rule_test"]:
                tried.setdefault(test["alertname"], set()).add(bool(test["exp_alerts"]))
    assert tried == {alert["alert"]: {True, False} for alert in alerts()}


def test_every_alert_says_what_it_is_about_and_where_more_is() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}
        assert alert["annotations"]["runbook"] == f"docs/stack.md#{alert['alert'].lower()}"


def test_page_has_a_row_and_a_paragraph_for_each_alert() -> None:
    page = (DEPLOY.parent / "docs/stack.md").read_text("utf-8")
    for alert in alerts():
        name, severity = alert["alert"], alert["labels"]["severity"]
        row = f"| [{name}](#{name.lower()}) | {severity} | {alert.get('for', 'at once')} |"
        assert row in page
        assert f"\n### {name}\n" in page
    assert page.count("\n### Cdb") == len(alerts())
