"""What `/metrics` shows, as Prometheus reads it."""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from support import Client


class Series(NamedTuple):
    """The name of a series, with its labels."""

    name: str
    labels: frozenset[tuple[str, str]]


class Scraped(dict[Series, float]):
    """All series with their values."""

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of one series; None where it is not there."""
        return self.get(Series(name, frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of all series of a name."""
        return [dict(series.labels) for series in self if series.name == name]


def read(text: str) -> Scraped:
    """Return what a text in the format of Prometheus says."""
    return _series(text_string_to_metric_families(text))


def read_openmetrics(text: str) -> Scraped:
    """Return what a text in the format of OpenMetrics says."""
    return _series(openmetrics.text_string_to_metric_families(text))


def scrape(client: Client) -> Scraped:
    """Return what a service shows."""
    return read(client.api("GET", "/metrics", status=200).text)


def _series(families: Iterable[Metric]) -> Scraped:
    found = Scraped()
    for family in families:
        for sample in family.samples:
            series = Series(sample.name, frozenset(sample.labels.items()))
            assert series not in found, f"{series} comes twice"
            found[series] = sample.value
    return found
