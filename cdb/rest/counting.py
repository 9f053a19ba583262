"""What a process counts while it answers, and how it is itself; all that a service has counted.

Where several processes share a service, each of them keeps its counts where all see them, and
whichever is asked adds them up.
"""

import os
import threading
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cdb.errors import InvalidCredentials, Overloaded, Unauthenticated, codes
from cdb.observed import Observed
from cdb.plugin import Event, EventListener
from cdb.registry.plugins import Plugins
from cdb.rest import metrics, tallies
from cdb.rest.kept import Answers
from cdb.rest.metrics import Metric
from cdb.store.engine import Database

# When a series began is of no use to Prometheus, and would double their number.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has few types

_FOLDER = Path(os.environ[tallies.VARIABLE]) if tallies.VARIABLE in os.environ else None
"""Where processes keep what they count; the library looked for it when it was imported."""

_EVERY_S = 1.0
"""Seconds between two looks at itself of a process that is one of several."""

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

_CODES = codes() | {"http", "internal"}

_OTHER = "other"
"""Stands for whatever clients make up: else they could make any number of series."""


class Counts(Collector):
    """The counts of a service.

    Args:
        database: of the service; how its connections are used is told.
        plugins: of the service; what its listeners fail on is counted.
        answers: that are kept; their bytes are told.

    """

    def __init__(self, database: Database, plugins: Plugins, answers: Answers) -> None:
        self._database, self._plugins, self._answers = database, plugins, answers
        self._process = ProcessCollector(registry=None)
        self._found: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._counted: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._looking = threading.Lock()
        self._own = CollectorRegistry()
        with tallies.alone(_FOLDER) if _FOLDER else nullcontext():
            if _FOLDER:
                tallies.take_room(_FOLDER)
            self._made = {each: _made(each, self._own) for each in metrics.COUNTED}
            self._begin()
        if _FOLDER:
            threading.Thread(target=self._look_again, name="cdb-counts", daemon=True).start()

    def collect(self) -> Iterable[Family]:
        """Return all that the processes of the service have counted."""
        self._look()
        if not _FOLDER:
            return list(self._own.collect())
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, str(_FOLDER))  # type: ignore[no-untyped-call]  # the same
        with tallies.undisturbed(_FOLDER):
            return list(everybody.collect())

    def observe(self, observed: Observed) -> None:
        """Count a request that was answered."""
        method = observed.method if observed.method in _METHODS else _OTHER
        route = observed.route or _OTHER
        self._of(metrics.REQUESTS, (method, route, str(observed.status))).inc()
        self._of(metrics.DURATION, (method, route)).observe(observed.seconds)
        if observed.source:
            self._of(metrics.ANSWERS, (observed.source, observed.server or _OTHER)).inc()
        if observed.waited:
            self._of(metrics.WAITED, ()).inc(observed.waited)
        if observed.code:
            if observed.code == Overloaded.code:
                self._of(metrics.REFUSED, ()).inc()
            code = observed.code if observed.code in _CODES else _OTHER
            if observed.writes:
                self._of(metrics.REJECTED, (code,)).inc()
            if observed.status == Unauthenticated.status:
                self._of(metrics.FAILURES, (code,)).inc()

    def committed(self, event: Event) -> None:
        """Count a change."""
        self._of(metrics.CHANGES, (event.action,)).inc()

    def _begin(self) -> None:
        """Make all files, and the series of which the first event is to be seen as an increase."""
        self._look()
        self._of(metrics.DURATION, ("GET", "/metrics"))
        self._of(metrics.REFUSED, ())
        for code in _CODES:
            self._of(metrics.REJECTED, (code,))
        for error in (Unauthenticated, InvalidCredentials):
            self._of(metrics.FAILURES, (error.code,))

    # --- how this process is ----------------------------------------------------

    def _look_again(self) -> None:
        pause = threading.Event()
        while not pause.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        with self._looking:
            for pool, used in self._database.in_use().items():
                self._set(metrics.CONNECTIONS, used.idle, pool, "idle")
                self._set(metrics.CONNECTIONS, used.busy, pool, "busy")
                self._set(metrics.LIMIT, used.limit, pool)
            self._set(metrics.KEPT, self._answers.weight)
            self._set(metrics.PROCESSES, 1)
            for name in self._plugins.of(EventListener):  # type: ignore[type-abstract]
                failures = self._plugins.failures.get(("cdb.event_listeners", name), 0)
                self._count_up_to(metrics.LISTENERS, failures, name)
            said = {s.name: s.value for each in self._process.collect() for s in each.samples}
            for metric in (metrics.MEMORY, metrics.FILES):
                self._set(metric, said.get(metric.name, 0.0))
            self._count_up_to(metrics.CPU, said.get(metrics.CPU.name, 0.0))

    def _set(self, metric: Metric, value: float, *labels: str) -> None:
        self._of(metric, labels).set(value)

    def _count_up_to(self, metric: Metric, value: float, *labels: str) -> None:
        """Count what has come since the last look to something that is counted elsewhere."""
        before = self._counted.get((metric, labels), 0.0)
        self._counted[metric, labels] = value
        self._of(metric, labels).inc(max(0.0, value - before))

    def _of(self, metric: Metric, labels: tuple[str, ...]) -> Any:
        """Return what counts for some labels; the library takes longer to find it."""
        key = metric.name, labels
        found = self._found.get(key)
        if found is None:
            made = self._made[metric]
            found = self._found[key] = made.labels(*labels) if labels else made
        return found


def _made(metric: Metric, registry: CollectorRegistry) -> Any:
    declared = metric.name, metric.tells, metric.labels
    match metric.kind:
        case "counter":
            return Counter(*declared, registry=registry)
        case "histogram":
            return Histogram(*declared, registry=registry, buckets=metrics.BUCKETS)
        case _:
            return Gauge(*declared, registry=registry, multiprocess_mode="livesum")
