"""What `/metrics` shows beside counts: how the database is, and how far its content goes."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cdb.rest import metrics
from cdb.rest.compiled import Compiled
from cdb.rest.metrics import Metric
from cdb.services.watching import Found
from cdb.store.engine import Database


class Gauges(Collector):
    """How the servers of a service are, and what it is itself.

    Args:
        database: of the service.
        found: by the last look at it.
        compiled: lists; None where there are none.

    """

    def __init__(self, database: Database, found: Found, compiled: Compiled | None) -> None:
        self._database, self._found, self._compiled = database, found, compiled

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is known; what nobody knows is left out."""
        build = _family(metrics.BUILD)
        build.add_metric((version("hep-cdb"), platform.python_version()), 1)
        yield build
        up, asked, lag = map(_family, (metrics.UP, metrics.REPLICA_UP, metrics.LAG))
        up.add_metric((self._database.name,), self._found.answers)
        replicas = self._database.replicas
        for name, state in (replicas.states() if replicas else {}).items():
            up.add_metric((name,), state.answers)
            asked.add_metric((name,), state.is_asked)
            if state.lag is not None:
                lag.add_metric((name,), state.lag)
        yield from (up, asked, lag)
        if self._compiled:
            file = self._compiled.compiler.file
            yield _single(metrics.COMPILED, file.size)
            yield _single(metrics.COMPILED_LIMIT, file.bound)


class Content(Collector):
    """How far the content of a database goes.

    Args:
        found: by the last look at it.

    """

    def __init__(self, found: Found) -> None:
        self._found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what was found; nothing where nobody answered."""
        found = self._found
        if not found.answers:
            return
        yield _single(metrics.CHANGE, found.last.head.change if found.last else 0)
        if found.last:
            yield _single(metrics.CHANGED, found.last.at.timestamp())
        major, minor, written = map(_family, (metrics.MAJOR, metrics.MINOR, metrics.WRITTEN))
        for tag, types in found.tags.items():
            for each in types:
                labels = (tag, each.payload_type)
                if each.start:
                    major.add_metric(labels, each.start[0])
                    minor.add_metric(labels, each.start[1])
                written.add_metric(labels, each.written.timestamp())
        yield from (major, minor, written, _single(metrics.LEFT_OUT, found.left_out))


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.tells, labels=metric.labels)


def _single(metric: Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.tells, value=value)
