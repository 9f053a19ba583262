"""What `/metrics` shows beside counts: the database and its content, read when it is asked."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cdb.rest import metrics
from cdb.rest.compiled import Compiled
from cdb.rest.metrics import Metric
from cdb.services.watching import Found, Watch
from cdb.store.engine import Database


class Gauges(Collector):
    """What is read of a service.

    Args:
        database: of the service.
        watch: asks it.
        compiled: lists; None where there are none.

    """

    def __init__(self, database: Database, watch: Watch, compiled: Compiled | None) -> None:
        self._database, self._watch, self._compiled = database, watch, compiled

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what can be known in a few seconds; what nobody knows is left out."""
        build = _family(metrics.BUILD)
        build.add_metric((version("hep-cdb"), platform.python_version()), 1)
        yield build
        found = self._watch.now()
        yield from self._of_servers(found)
        yield from _of_content(found)
        if self._compiled:
            yield _single(metrics.COMPILED, self._compiled.compiler.file.size)
            yield _single(metrics.COMPILED_LIMIT, self._compiled.compiler.file.bound)

    def _of_servers(self, found: Found) -> Iterator[GaugeMetricFamily]:
        up, asked, lag = map(_family, (metrics.UP, metrics.REPLICA_UP, metrics.LAG))
        up.add_metric((self._database.name,), found.answers)
        replicas = self._database.replicas
        for name, state in (replicas.states() if replicas else {}).items():
            up.add_metric((name,), state.answers)
            asked.add_metric((name,), state.is_asked)
            if state.lag is not None:
                lag.add_metric((name,), state.lag)
        yield from (up, asked, lag)


def _of_content(found: Found) -> Iterator[GaugeMetricFamily]:
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
            if each.written:
                written.add_metric(labels, each.written.timestamp())
    yield from (major, minor, written, _single(metrics.LEFT_OUT, found.left_out))


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.tells, labels=metric.labels)


def _single(metric: Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.tells, value=value)
