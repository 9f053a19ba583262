"""The metrics of a service in one hand: what it counts, what is read, and the text of both."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from cdb.plugin import Event
from cdb.registry.plugins import Plugins
from cdb.rest.compiled import Compiled
from cdb.rest.counting import Counts
from cdb.rest.gauges import Gauges
from cdb.rest.kept import Answers
from cdb.services.watching import Watch
from cdb.settings import Settings
from cdb.store.engine import Database


class Metrics:
    """The metrics of a service.

    Args:
        counts: what its processes count.
        gauges: what is read.

    """

    def __init__(self, counts: Counts, gauges: Gauges) -> None:
        self.counts = counts
        self._all = CollectorRegistry()
        self._all.register(counts)
        self._all.register(gauges)

    @classmethod
    def of(
        cls,
        settings: Settings,
        database: Database,
        plugins: Plugins,
        answers: Answers,
        compiled: Compiled | None,
    ) -> "Metrics | None":
        """Return those of a service with these settings; None where it shows none."""
        if not settings.metrics:
            return None
        watch = Watch(database, settings.metrics_tags)
        return cls(Counts(database, plugins, answers), Gauges(database, watch, compiled))

    def counting(self, tell: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return what counts a change that is committed, and tells of it."""

        def committed(event: Event) -> None:
            self.counts.committed(event)
            tell(event)

        return committed

    def text(self, accepted: str) -> tuple[bytes, str]:
        """Return all of them as text, and its media type.

        Args:
            accepted: what a client takes, as its header `Accept` says it: the format of
                OpenMetrics where that is named, else the one of Prometheus.

        """
        encode, media_type = choose_encoder(accepted)
        return encode(self._all), media_type
