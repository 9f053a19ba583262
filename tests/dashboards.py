"""What dashboards and rules ask Prometheus for: their queries, and what is named in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"
BOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
RULES = DEPLOY / "prometheus/rules.yml"

_STRING = r'"(?:[^"\\]|\\.)*"'
_NAME = re.compile(r"\b(?:cdb_|process_|python_)\w+|\bup\b")
_MATCHER = re.compile(rf"(\w+)\s*(?:=~|!~|!=|=)\s*{_STRING}")
_GROUPED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


class Asked(NamedTuple):
    """The metrics and labels that a query names."""

    metrics: set[str]
    labels: set[str]

    @classmethod
    def of(cls, query: str) -> "Asked":
        outside = re.sub(rf"{{[^}}]*}}|\[[^\]]*\]|{_STRING}", " ", query)
        grouped = ",".join(_GROUPED.findall(query)).replace(" ", "").split(",")
        names = _NAME.findall(_GROUPED.sub(" ", outside))
        return cls(set(names), {*_MATCHER.findall(query), *filter(None, grouped)})


def board(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def panels(path: Path) -> list[dict[str, Any]]:
    """Return the panels of a dashboard that show something."""
    return [panel for panel in board(path)["panels"] if panel["type"] != "row"]


def queries(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the queries of a dashboard, each with the title of its panel."""
    for panel in panels(path):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def rules() -> list[dict[str, Any]]:
    """Return the rules, those that record and those that alert."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]
